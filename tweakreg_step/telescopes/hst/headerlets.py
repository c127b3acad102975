"""Headerlets of HST: the WCS of an exposure as a small FITS file, made and applied by stwcs."""

from __future__ import annotations

import logging
import re
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.open_fits import first_header, open_fits
from tweakreg_step.files.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .exposure import HstExposure

__all__ = [
    "HeaderletWords",
    "apply_headerlet",
    "attach",
    "headerlet_of",
    "is_headerlet",
    "write_headerlet",
]

_EXACT = re.compile(r"(CRVAL\d|CRPIX\d|CD\d_\d|[AB]P?_\d_\d)$")
"""Keywords whose values stwcs rounds when it makes a headerlet."""

DIGITS = 14
"""Digits that stwcs, by wcslib, keeps of a number when it applies a headerlet."""


@dataclass(frozen=True, slots=True)
class HeaderletWords:
    """What the header of a headerlet says beside the WCS; '' for what follows from the image.

    Attributes
    ----------
    name
        HDRNAME.
    author, descrip, catalog
        The keywords of these names.
    history
        Lines for HISTORY.
    """

    name: str = ""
    author: str = ""
    descrip: str = ""
    catalog: str = ""
    history: str = ""


def headerlet_of(exposure: HstExposure, words: HeaderletWords) -> Any:
    """The headerlet of an exposure's primary WCS, an ``HDUList``.

    NMATCH and RMS are those in the headers of its chips (NMATCH, CRDER1, CRDER2).

    Parameters
    ----------
    exposure
        The open exposure.
    words
        What else it says.

    Raises
    ------
    InputError
        If stwcs can't make it.
    """
    from stwcs.wcsutil.headerlet import create_headerlet  # noqa: PLC0415 - an extra

    hdus = exposure.hdus()
    name = exposure.meta.filename
    extensions = [
        (hdu.name, hdu.ver) for hdu in hdus if hdu.name == "SCI" and hdu.header.get("NAXIS") == 2
    ]
    with _quiet():
        try:
            made = create_headerlet(
                hdus,
                sciext=extensions,
                hdrname=words.name or None,
                author=words.author or None,
                descrip=words.descrip or None,
                catalog=words.catalog or None,
                logging=False,  # or it writes headerlet.log
            )
        except Exception as error:  # of whatever stwcs raises
            raise InputError(
                f"No headerlet of '{name}' could be made: {type(error).__name__}: {error}. The "
                "image must have the keywords that the pipeline of HST writes, as ROOTNAME and "
                "IDCTAB. Run stwcs.updatewcs.updatewcs on it first."
            ) from error
    for hdu in made:
        if hdu.name == "SIPWCS":
            _exact(hdu.header, hdus[hdu.header["TG_ENAME"], hdu.header["TG_EVER"]].header)
    for line in words.history.splitlines():
        made[0].header.add_history(line)
    return made


def _exact(header: fits.Header, science: fits.Header) -> None:
    """Give a header the values of the chip to the last digit that stwcs keeps when it is applied.

    Of CRVAL these are `DIGITS`, which may be 2e-8 arcsec off; CRPIX makes up for the rest.
    """
    for word in list(header):
        if _EXACT.match(word) and word in science:
            header[word] = science[word]
    place = np.array([science["CRVAL1"], science["CRVAL2"]], float)
    kept = np.array([float(f"{value:.{DIGITS}g}") for value in place])
    rest = (place - kept) * (np.cos(np.deg2rad(place[1])), 1.0)
    matrix = [[science[f"CD{row}_{column}"] for column in (1, 2)] for row in (1, 2)]
    shift = np.linalg.solve(matrix, rest)
    for axis in (0, 1):
        header[f"CRVAL{axis + 1}"] = float(kept[axis])
        header[f"CRPIX{axis + 1}"] = float(science[f"CRPIX{axis + 1}"] - shift[axis])


def is_headerlet(path: Path) -> bool:
    """Whether a file is a headerlet."""
    if path.suffix != ".fits" or not path.is_file():
        return False
    try:
        header = first_header(path)
    except OSError:
        return False
    return "DESTIM" in header and "HDRNAME" in header


def write_headerlet(headerlet: Any, path: Path) -> None:
    """Write a headerlet as a file, whole or not at all."""
    with _quiet():
        write_whole(path, headerlet.writeto)


def attach(headerlet: Any, path: Path) -> None:
    """Append a headerlet to the file of its image, all of whose other bytes stay.

    Raises
    ------
    InputError
        If the file has one of this name.
    """
    from stwcs.wcsutil.headerlet import HeaderletHDU  # noqa: PLC0415 - an extra

    name = str(headerlet[0].header["HDRNAME"])
    with open_fits(path) as hdus:
        kept = [hdu for hdu in hdus if hdu.header.get("EXTNAME") == "HDRLET"]
        names = [str(hdu.header.get("HDRNAME", "")).upper() for hdu in kept]
    if name.upper() in names:
        raise InputError(
            f"'{path.name}' has a headerlet named '{name}' already, but names must differ. Give "
            "another 'hdrname'."
        )

    def append(draft: Path) -> None:
        shutil.copyfile(path, draft)
        with _quiet(), fits.open(draft, mode="append") as hdus:
            extension = HeaderletHDU.fromheaderlet(headerlet)
            extension.header["EXTVER"] = len(kept) + 1
            hdus.append(extension)

    write_whole(path, append)


def apply_headerlet(headerlet: Path, path: Path, target: Path) -> None:
    """Make the WCS of a headerlet the primary one of an image; the old one is archived in it.

    Parameters
    ----------
    headerlet
        Its file.
    path
        The image.
    target
        Where to write to, which may be the image itself.

    Raises
    ------
    InputError
        If it is of another exposure, or of another distortion model.
    """
    from stwcs.wcsutil.headerlet import Headerlet  # noqa: PLC0415 - an extra

    destination = str(first_header(headerlet).get("DESTIM") or "").strip().lower()
    root = str(first_header(path).get("ROOTNAME") or "").strip().lower()
    if root != destination:
        raise InputError(
            f"The headerlet '{headerlet.name}' is of the exposure '{destination}', but "
            f"'{path.name}' has ROOTNAME '{root}'. Give the image that it is of."
        )

    def put(draft: Path) -> None:
        shutil.copyfile(path, draft)
        with _quiet():
            try:
                Headerlet.fromfile(str(headerlet), logging=False).apply_as_primary(str(draft))
            except ValueError as error:
                raise InputError(
                    f"The headerlet '{headerlet.name}' can't be applied to '{path.name}': {error}. "
                    "Both must have the same distortion model. Make a new one, or align the image."
                ) from error

    write_whole(target, put)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines of stwcs, and astropy's warnings of what stwcs writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        log = logging.getLogger("stwcs.wcsutil.headerlet")
        before, log.disabled = log.disabled, True
        try:
            yield
        finally:
            log.disabled = before
