"""Write a corrected WCS into the header of a chip; undo it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from .archive import MARK, archived, delivered, name_as_delivered, sum_of, unique_name
from .stwcs_package import type_of_name

if TYPE_CHECKING:
    from .cards import Cards, Value

__all__ = ["Fit", "as_delivered", "corrected"]

WRITTEN = (
    *("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "PC1_1", "PC1_2", "PC2_1", "PC2_2"),
    *("WCSNAME", "WCSTYPE", "RMS_RA", "RMS_DEC", "CRDER1", "CRDER2", "NMATCH", "NMATCHES"),
    *("HDRNAME", "FITNAME", "FITGEOM", "ORIENTAT", "S_REGION"),
)
"""Keywords of a chip's header that an alignment may write."""

LONGEST_VALUE = 68
"""Letters that the value of a FITS keyword may have."""

NAMELESS = "WCS"
"""The delivered WCS where it has no name."""

_NUMBER = re.compile(r"(?<![A-Za-z\d.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Fit:
    """What is written of an alignment beside the WCS.

    Attributes
    ----------
    exposure
        Name of the exposure's file without its ending.
    reference
        Name of the reference catalog, '' where there was none.
    matches
        Number of matches of the exposure, None where unknown.
    rms_mas
        Their rms residual per axis [mas], None where unknown.
    name
        Name of the WCS that the user wants, '' for one that is made.
    """

    exposure: str
    reference: str
    matches: int | None
    rms_mas: float | None
    name: str = ""


def corrected(cards: Cards, before: Any, after: Any, fit: Fit) -> Cards:
    """The header of a chip with a corrected WCS, the delivered one archived in it.

    Parameters
    ----------
    cards
        The header.
    before, after
        The WCS in it, and the corrected one.
    fit
        The alignment.
    """
    name = unique_name(fit.name or _wcs_name(cards, fit.reference), cards)
    kept = archived(cards)
    values = _linear(after, kept) | _words(kept, name, fit)
    if "ORIENTAT" in kept:
        values["ORIENTAT"] = (_orientation(after), "position angle of image y axis (deg. e of n)")
    if "S_REGION" in kept:
        values["S_REGION"] = (_region(str(kept.header["S_REGION"]), before, after), "footprint")
    result = kept.with_values(values)
    mark = (sum_of(result), "of the WCS written by tweakreg_step")
    return result.with_values({MARK: mark})


def as_delivered(cards: Cards) -> Cards:
    """The header of a chip as delivered; the same where we have not aligned it."""
    return delivered(cards, WRITTEN)


def _wcs_name(cards: Cards, reference: str) -> str:
    """The name in the form of the HST archive: distortion model, kind of fit, catalog."""
    model = (name_as_delivered(cards) or NAMELESS).split("-")[0]
    catalog = re.sub(r"[^A-Za-z0-9]", "", PurePath(reference).stem)[:20]
    return f"{model}-FIT_REL_{catalog or 'NONE'}"


def _linear(wcs: Any, cards: Cards) -> dict[str, tuple[Value, str]]:
    """Reference position and matrix, each with the comment that it has."""
    numbers = {f"CRVAL{axis + 1}": float(wcs.wcs.crval[axis]) for axis in (0, 1)}
    kind, matrix = ("CD", wcs.wcs.cd) if wcs.wcs.has_cd() else ("PC", wcs.wcs.pc)
    numbers |= {
        f"{kind}{row + 1}_{column + 1}": float(matrix[row, column])
        for row in (0, 1)
        for column in (0, 1)
    }
    comments = cards.header.comments
    return {
        word: (value, comments[word] if word in cards else "") for word, value in numbers.items()
    }


def _words(cards: Cards, name: str, fit: Fit) -> dict[str, tuple[Value, str]]:
    words: dict[str, tuple[Value, str]] = {
        "WCSNAME": (name, "Coordinate system title"),
        "WCSTYPE": (type_of_name(name), ""),
        "HDRNAME": (f"{fit.exposure}_{name}-hlet.fits"[-LONGEST_VALUE:], ""),
    }
    if fit.rms_mas is not None:
        degrees = fit.rms_mas / 3.6e6
        words["RMS_RA"] = (fit.rms_mas, "RMS in RA of WCS fit(mas)")
        words["RMS_DEC"] = (fit.rms_mas, "RMS in Dec of WCS fit(mas)")
        words["CRDER1"] = (degrees, "RMS in RA of WCS fit(deg)")
        words["CRDER2"] = (degrees, "RMS in Dec of WCS fit(deg)")
    if fit.matches is not None:
        words["NMATCH"] = (fit.matches, "Number of matched sources")
        if "NMATCHES" in cards:
            words["NMATCHES"] = (fit.matches, "Number of matched sources")
    if "FITNAME" in cards:
        words["FITNAME"] = (name, "")
    if "FITGEOM" in cards:
        words["FITGEOM"] = ("N/A", "")
    return words


def _orientation(wcs: Any) -> float:
    """Position angle of the columns [deg], east of north."""
    matrix = wcs.pixel_scale_matrix
    return float(np.rad2deg(np.arctan2(matrix[0, 1], matrix[1, 1])))


def _region(text: str, before: Any, after: Any) -> str:
    """A footprint whose corners have moved with the image."""
    numbers = [float(found[0]) for found in _NUMBER.finditer(text)]
    if not numbers or len(numbers) % 2:
        return text
    corners = np.reshape(numbers, (-1, 2))
    moved = after.wcs_pix2world(before.wcs_world2pix(corners, 0), 0)
    values = iter(moved.ravel().tolist())
    return _NUMBER.sub(lambda _found: f"{next(values):.12g}", text)
