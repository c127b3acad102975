"""Read a table from a file of the user, in the formats of many programs.

In addition to the formats that astropy recognises: SExtractor's ASCII_HEAD and FITS_LDAC, text
files of IRAF's and of stand-alone DAOPHOT, and lists of numbers with or without a header.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits, registry
from astropy.table import Table
from astropy.utils.data import get_readable_fileobj
from astropy.utils.exceptions import AstropyWarning
from astropy.utils.iers import conf as earth_rotation

from tweakreg_step.core.exceptions import CatalogError, TooLargeError
from tweakreg_step.core.memory import is_shortage
from tweakreg_step.files.open_fits import open_fits
from tweakreg_step.telescopes.external_references import (
    refuse_external_in_asdf,
    refuse_external_in_votable,
)

from .text_tables import is_text, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.arrays import FloatArray


__all__ = ["differ", "file_and_extension", "is_table_file", "numbers", "read_table"]

SELF_CONTAINED = ("ascii.", "asdf", "fits", "parquet", "votable")
"""What the names of astropy's formats begin with whose files hold all of their data, or are refused
where they don't. HDF5 may have links to other files anywhere."""

NO_CATALOGS = {"LDAC_IMHEAD", "GROUPING"}
"""Names of FITS tables that describe others."""

SAME = 1e-9
"""Difference of numbers that are equal, but for how they were rounded."""

_EXTENSION = re.compile(r"(?P<file>.+)\[(?P<extension>[^\[\]]+)\]")


def file_and_extension(path: Path) -> tuple[Path, str]:
    """Split ``file.cat[2]`` into the file and the extension, '' where none is named.

    If there is a file whose name ends in brackets, it is that file.
    """
    match = _EXTENSION.fullmatch(path.name)
    if match is None or path.is_file():
        return path, ""
    return path.with_name(match["file"]), match["extension"].strip()


def is_table_file(path: Path) -> bool:
    """Whether the file exists; an extension may be named in brackets."""
    return file_and_extension(path)[0].is_file()


def read_table(path: Path, role: str) -> Table:
    """Read a table.

    Parameters
    ----------
    path
        The file, perhaps with the number or name of a FITS extension: ``file.cat[2]``.
    role
        Description for error messages, e.g. "source catalog of 'a_cal.fits'".

    Returns
    -------
    Table
        ``meta['nameless']`` is True for a list without a header; a comment may have given names.

    Raises
    ------
    CatalogError
        If there is no such file, or it is not a table.
    """
    file, extension = file_and_extension(path)
    if not file.is_file():
        raise CatalogError(
            f"The {role}, '{path}', does not exist. It must be a file with a table. Check the name "
            "and the folder: paths in a catfile or an association start at that file's folder."
        )
    try:
        # times and places in odd frames would have tables of the Earth's rotation fetched
        with warnings.catch_warnings(), earth_rotation.set_temp("auto_download", value=False):
            warnings.simplefilter("ignore", AstropyWarning)  # e.g. units unknown to FITS
            return _read(file, extension)
    except Exception as error:  # readers raise whatever they like on a broken file
        if is_shortage(error):
            raise TooLargeError(
                f"There was not enough memory to read the {role}, '{path}', of "
                f"{file.stat().st_size / 1e6:.0f} MB. Give one with fewer sources, lower "
                "'n_workers', set in_memory=False, or use a machine with more memory."
            ) from error
        raise CatalogError(
            f"The {role}, '{path}', can't be read: {_first_line(error)} It must be a table in a "
            "format that astropy recognises by name or content, such as .ecsv, .fits or .csv, "
            "a catalog of SExtractor or DAOPHOT, or a plain list of numbers."
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if text.endswith(".") else text + "."


def _read(file: Path, extension: str) -> Table:
    start = file.read_bytes()[:2880] if file.stat().st_size < 2880 else _start_of(file)
    if start.startswith(b"SIMPLE  ="):
        return _read_fits(file, extension)
    if extension:
        raise ValueError(f"'{extension}' names an extension, but the file is not FITS")
    if start.startswith(b"# %ECSV"):
        return Table.read(file, format="ascii.ecsv")
    if is_text(file, start):
        return read_text(file)
    return _read_as_recognised(file)


def _read_as_recognised(file: Path) -> Table:
    """A table in a format of astropy's that needs no other file, compressed or not."""
    with get_readable_fileobj(file, encoding="binary") as stream:
        formats = registry.identify_format("read", Table, str(file), stream, [str(file)], {})
        stream.seek(0)
        if "votable" in formats:
            refuse_external_in_votable(stream)
        elif "asdf" in formats:
            refuse_external_in_asdf(io.BytesIO(stream.read()))
    closed = [name for name in formats if not name.startswith(SELF_CONTAINED)]
    if closed or not formats:
        raise ValueError(f"its format ({', '.join(closed) or 'unknown'}) is not one that is read")
    return Table.read(file, format=formats[0])


def _start_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(2880)


def _read_fits(file: Path, extension: str) -> Table:
    with open_fits(file, memmap=False) as hdus:
        tables = {
            index: hdu.name
            for index, hdu in enumerate(hdus)
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and hdu.name not in NO_CATALOGS
        }
        chosen = _chosen(hdus, extension) if extension else _only(tables)
        if chosen not in tables:
            raise ValueError(
                f"extension '{extension or chosen}' holds no catalog; those that do are {tables}"
            )
        return Table.read(hdus, hdu=chosen)


def _chosen(hdus: fits.HDUList, extension: str) -> int:
    """Index of an extension given by index, by name, or as name,2 for the second of that name.

    (Counted here, as SExtractor does not number the extensions of one name.)
    """
    if extension.isdecimal():
        return int(extension)
    name, _, which = (part.strip() for part in extension.partition(","))
    same = [index for index, hdu in enumerate(hdus) if hdu.name == name.upper()]
    at = int(which) - 1 if which.isdecimal() else 0
    return same[at] if 0 <= at < len(same) else -1


def _only(tables: dict[int, str]) -> int:
    """Index of the first table; an error if there are several catalogs of SExtractor."""
    catalogs = [index for index, name in tables.items() if name == "LDAC_OBJECTS"]
    if len(catalogs) > 1:
        raise ValueError(
            f"it holds {len(catalogs)} catalogs, in the extensions {catalogs}; name the one of "
            f"this image in brackets, as in 'file.cat[{catalogs[0]}]'"
        )
    return next(iter(catalogs or tables), -1)


def numbers(table: Table, column: str, name: str) -> FloatArray:
    """A column of numbers, NaN where it is masked.

    Raises
    ------
    CatalogError
        If the column of the catalog ``name`` holds anything else.
    """
    values = table[column]
    try:
        floats = np.ma.asarray(getattr(values, "value", values), dtype=np.float64)
        floats = floats.reshape(len(table))
    except (TypeError, ValueError):
        raise CatalogError(
            f"Column '{column}' of the catalog {name} holds {values.dtype} of the shape "
            f"{values.shape}, but one number a row is needed. Mend the column, or its format."
        ) from None
    return np.asarray(np.ma.filled(floats, np.nan))


def differ(one: Any, other: Any) -> bool:
    """Whether two columns that one name may mean hold other numbers, or have other units."""
    if getattr(one, "unit", None) != getattr(other, "unit", None):
        return True
    try:
        first, second = (
            np.ma.filled(np.ma.asarray(getattr(c, "value", c), dtype=np.float64), np.nan)
            for c in (one, other)
        )
    except (TypeError, ValueError):
        return True
    return not np.allclose(first, second, rtol=0.0, atol=SAME, equal_nan=True)
