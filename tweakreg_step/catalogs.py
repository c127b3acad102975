"""A user's catalogs -> Sources, and Sources -> tables and files."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from .data import Sources
from .exceptions import CatalogError
from .flags import Flag, Flags, excluded
from .whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .data import BoundingBox, FloatArray

__all__ = [
    "alignable",
    "inside",
    "numbers",
    "read_catalog",
    "read_table",
    "to_table",
    "with_weights",
    "write_catalog",
]

POSITION_COLUMNS = (("x", "y"), ("xcentroid", "ycentroid"), ("x_centroid", "y_centroid"))
FORMATS = {"ecsv": "ascii.ecsv", "fits": "fits"}


def read_table(path: Path, role: str) -> Table:
    """Read a table in any format that astropy recognises.

    Parameters
    ----------
    path
        The file.
    role
        What it is for, to be named in errors, e.g. "source catalog of 'a_cal.fits'".

    Raises
    ------
    CatalogError
        If there is no such file, or it is not a table.
    """
    if not path.is_file():
        raise CatalogError(
            f"The {role}, '{path}', does not exist. It must be a file with a table. Check the name "
            "and the folder: paths in a catfile or an association start at that file's folder."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # e.g. units unknown to FITS
            return Table.read(path)
    except Exception as error:  # readers raise whatever they like on a broken file
        raise CatalogError(
            f"The {role}, '{path}', can't be read: {_first_line(error)} It must be a table in a "
            "format that astropy recognises by name or content, such as .ecsv, .fits or .csv."
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if text.endswith(".") else text + "."


def read_catalog(path: Path, image: str) -> Sources:
    """Read the user's catalog of an image.

    Positions are in pixels, the centre of the first pixel at (0, 0). Rows without a finite
    position, or with a weight that is not a positive number, are dropped.

    Parameters
    ----------
    path
        A table with columns x, y (or xcentroid, ycentroid, or x_centroid, y_centroid) and perhaps
        flux, x_err, y_err, weight, flags.
    image
        Name of the image, for errors.

    Raises
    ------
    CatalogError
        If it can't be read or has no position columns.
    """
    return from_table(read_table(path, f"source catalog of '{image}'"), f"'{path}'")


def from_table(table: Table, name: str) -> Sources:
    """The detections in a table of the user; see `read_catalog`."""
    x, y = (numbers(table, column, name) for column in _position_columns(table, name))
    optional: dict[str, NDArray[Any]] = {
        column: numbers(table, column, name)
        for column in ("flux", "x_err", "y_err", "weight")
        if column in table.colnames
    }
    if "flags" in table.colnames:
        flags = numbers(table, "flags", name)
        optional["flags"] = np.where(np.isfinite(flags), flags, 0).astype(Flags)
    good = np.isfinite(x) & np.isfinite(y)
    if "weight" in optional:
        good &= np.isfinite(optional["weight"]) & (optional["weight"] > 0)
    return Sources.at(x, y, **optional)[good]


def _position_columns(table: Table, name: str) -> tuple[str, str]:
    for pair in POSITION_COLUMNS:
        if set(pair) <= set(table.colnames):
            return pair
    accepted = ", or ".join(f"'{x}' and '{y}'" for x, y in POSITION_COLUMNS)
    raise CatalogError(
        f"The catalog {name} has the columns {table.colnames}, but none with positions. It needs "
        f"{accepted}, in pixels with the first pixel at 0. Rename its columns."
    )


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


def inside(detections: Sources, bounding_box: BoundingBox | None) -> Sources:
    """The detections within ((xmin, xmax), (ymin, ymax)) [pixels]; all, where there is no box."""
    if bounding_box is None:
        return detections
    (xmin, xmax), (ymin, ymax) = bounding_box
    x, y = detections.x, detections.y
    return detections[(x > xmin) & (x < xmax) & (y > ymin) & (y < ymax)]


def with_weights(detections: Sources) -> Sources:
    """The detections with weight 1 where the user gave none.

    A fit of a group needs weights from all of its images or from none.
    """
    if detections.weight is not None:
        return detections
    return replace(detections, weight=np.ones(len(detections)))


def alignable(detections: Sources) -> Sources:
    """The detections whose flags let them take part in an alignment."""
    if detections.flags is None:
        return detections
    return detections[~excluded(detections.flags)]


def to_table(detections: Sources, name: str) -> Table:
    """The detections as a table with the columns id, x, y, flux, x_err, y_err (, weight, flags)."""
    table = Table({"id": np.arange(1, len(detections) + 1)})
    for column in ("x", "y", "flux", "x_err", "y_err", "weight", "flags"):
        values = getattr(detections, column)
        if values is not None:
            table[column] = values
    table.meta["name"] = name
    return table


def write_catalog(detections: Sources, path: Path, catalog_format: str) -> None:
    """Write detections as 'ecsv' or 'fits', whole or not at all.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    table = to_table(detections, path.stem)
    for column in ("x", "y", "x_err", "y_err"):
        table[column].unit = "pix"
    if "flags" in table.colnames:
        table["flags"].description = ", ".join(f"{flag.value} {flag.name}" for flag in Flag)
    write_whole(path, lambda draft: table.write(draft, format=FORMATS[catalog_format]))
