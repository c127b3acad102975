"""Source catalogs: read the user's, convert sources to tables, write them."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.core.sources import Sources
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.parameters import ColumnParameters, SelectionParameters
from tweakreg_step.sources import Flag, Flags, excluded

from .columns import (
    errors_of,
    flux_of,
    peak_of,
    position_columns,
    positions_of,
    with_positions_on_the_sky,
)
from .tables import numbers, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

    ToPixels = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

__all__ = [
    "alignable",
    "from_table",
    "inside",
    "read_catalog",
    "read_named",
    "to_table",
    "unalignable",
    "with_weights",
    "within",
    "write_catalog",
]

log = logging.getLogger(__name__)

FORMATS = {"ecsv": "ascii.ecsv", "fits": "fits"}

UNUSABLE_FLAGS = 4 | 8 | 64 | 128
"""Bits of SExtractor's FLAGS that exclude a source: saturated, truncated at the edge, out of
memory. Blended sources (2) and those with neighbours (1) are used, as the fit is robust."""

_NUMBERED = re.compile(r"col\d+")
"""Names of columns that have none."""

_COLUMNS = ColumnParameters()
_SELECTION = SelectionParameters()


def read_catalog(
    path: Path,
    image: str,
    columns: ColumnParameters = _COLUMNS,
    selection: SelectionParameters = _SELECTION,
    to_pixels: ToPixels | None = None,
) -> Sources:
    """Read the user's catalog of an image.

    Rows that can't be used are dropped, and the log says how many and why: without a finite
    position, off the image (positions on the sky), with a weight that is not a positive number,
    repeated, or saturated or truncated by SExtractor's flags.

    Parameters
    ----------
    path
        A table; see docs/catalogs.rst for the formats and names of columns.
    image
        Name of the image, for errors.
    columns
        Columns of positions and flux, and units of the positions.
    selection
        Flux limits, to check that the catalog has suitable fluxes.
    to_pixels
        Function from positions on the sky [deg] to pixels, NaN off the image.

    Returns
    -------
    Sources
        Positions in pixels, the centre of the first at (0, 0).

    Raises
    ------
    CatalogError
        If it can't be read, has no position columns, or its fluxes don't suit the limits.
    """
    return read_named(path, image, columns, selection, to_pixels)[0]


def read_named(
    path: Path,
    image: str,
    columns: ColumnParameters = _COLUMNS,
    selection: SelectionParameters = _SELECTION,
    to_pixels: ToPixels | None = None,
) -> tuple[Sources, bool]:
    """As `read_catalog`, and whether the columns of its positions have no names."""
    table = read_table(path, f"source catalog of '{image}'")
    sources = from_table(table, f"'{path}'", columns, selection, to_pixels)
    pair = position_columns(table, columns, f"'{path}'") if columns.xyunits == "pixels" else ()
    return sources, any(_NUMBERED.fullmatch(name) for name in pair)


def from_table(
    table: Table,
    name: str,
    columns: ColumnParameters = _COLUMNS,
    selection: SelectionParameters = _SELECTION,
    to_pixels: ToPixels | None = None,
) -> Sources:
    """The sources in a table of the user; see `read_catalog`."""
    if columns.xyunits == "degrees":
        table = with_positions_on_the_sky(table)
    pair = position_columns(table, columns, name)
    x, y = positions_of(table, pair, columns, name)
    x_err, y_err = errors_of(table, pair, name)
    sources = Sources(
        x=x,
        y=y,
        flux=_fluxes(table, columns.fluxcol, selection, name),
        x_err=x_err,
        y_err=y_err,
        weight=numbers(table, "weight", name) if "weight" in table.colnames else None,
        peak=peak_of(table, name),
        flags=_own_flags(table, name),
    )
    bad = _bad_rows(sources, _flags(table, pair[0], name))
    if "warning_flags" in table.colnames:  # of the source catalogs of a mission
        bad["with warning flags"] = numbers(table, "warning_flags", name) > 0
    if columns.xyunits == "degrees":
        if to_pixels is None:
            raise CatalogError(
                f"The catalog {name} has positions in degrees, but there is no WCS to take them to "
                "pixels. Give positions in pixels, and xyunits='pixels'."
            )
        sources, bad["off the image"] = _in_pixels(sources, to_pixels, name)
    return _without(sources, bad, name)


def _in_pixels(
    sources: Sources, to_pixels: ToPixels, name: str
) -> tuple[Sources, NDArray[np.bool_]]:
    """Sources with positions converted from degrees to pixels, and which (N,) are off the image."""
    known = np.isfinite(sources.x) & np.isfinite(sources.y)
    x, y = np.full(len(sources), np.nan), np.full(len(sources), np.nan)
    x[known], y[known] = to_pixels(sources.x[known], sources.y[known])
    off = known & ~np.isfinite(x)
    if known.any() and off.sum() == known.sum():
        ra, dec = sources.x[known], sources.y[known]
        raise CatalogError(
            f"None of the {known.sum()} positions of the catalog {name} lies on its image: RA is "
            f"{ra.min():.4f} to {ra.max():.4f} and DEC {dec.min():.4f} to {dec.max():.4f}. They "
            "must be in degrees ICRS. Is RA in hours, are the columns swapped (see 'xcol' and "
            "'ycol'), or is it the catalog of another image?"
        )
    return replace(sources, x=x, y=y), off


def _fluxes(table: Table, fluxcol: str, selection: SelectionParameters, name: str) -> FloatArray:
    units = selection.fluxunits
    flux, column, magnitudes = flux_of(table, fluxcol, units, name)
    if selection.limits_flux and not np.isfinite(flux).any() and len(table):
        raise CatalogError(
            f"'fluxmin' or 'fluxmax' is given, but the catalog {name} has no fluxes. Its columns "
            f"are {table.colnames}: name the one of the flux with 'fluxcol', or leave out the "
            "limits."
        )
    if selection.limits_flux and magnitudes and units != "mag":
        raise CatalogError(
            f"The flux limits are in {units}, but the catalog {name} gives magnitudes (column "
            f"'{column}'). Give the limits in magnitudes with fluxunits='mag', or name a column of "
            "fluxes with 'fluxcol'."
        )
    if column and not magnitudes and look_like_magnitudes(flux):
        log.warning(
            "The fluxes of the catalog %s (column '%s', %.4g to %.4g) look like magnitudes, of "
            "which the brightest are the smallest. If they are, call the column 'mag', or choose "
            "it with 'fluxcol' and set fluxunits='mag'.",
            name,
            column,
            np.nanmin(flux),
            np.nanmax(flux),
        )
    return flux


def look_like_magnitudes(flux: FloatArray) -> bool:
    """Whether fluxes (N,) are probably magnitudes.

    Instrumental magnitudes are mostly negative, others are between 5 and 40. Fluxes of ten or more
    stars between 5 and 40 that span less than a factor of 3 are unlikely.
    """
    known = flux[np.isfinite(flux)]
    if len(known) < 10 or np.ptp(known) == 0.0:
        return False
    low, high = known.min(), known.max()
    return bool((np.median(known) < 0.0 and low > -40.0) or (5.0 < low < high < min(40.0, 3 * low)))


def _flags(table: Table, column: str, name: str) -> NDArray[np.bool_]:
    """Mask (N,) of rows that SExtractor's flags exclude, see `UNUSABLE_FLAGS`."""
    flags = next((c for c in table.colnames if c.upper() == "FLAGS"), "")
    of_sextractor = column.upper().endswith(("_IMAGE", "_J2000"))
    if not (flags and of_sextractor):
        return np.zeros(len(table), bool)
    values = numbers(table, flags, name)
    known = np.where(np.isfinite(values), values, 0).astype(int)
    return np.asarray(known & UNUSABLE_FLAGS != 0)


def _own_flags(table: Table, name: str) -> NDArray[np.int32] | None:
    """Flags (N,) if this package wrote the catalog, as its columns show; else None."""
    if not {"x", "y", "x_err", "y_err", "flags"} <= set(table.colnames):
        return None
    flags = numbers(table, "flags", name)
    return np.where(np.isfinite(flags), flags, 0).astype(Flags)


def _bad_rows(sources: Sources, flagged: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Masks (N,) of the rows that can't be used, by reason."""
    bad = {
        "without a position": ~(np.isfinite(sources.x) & np.isfinite(sources.y)),
        "saturated or truncated": flagged,
        "repeated": _repeated(sources.x, sources.y),
    }
    if sources.weight is not None:
        good = np.isfinite(sources.weight) & (sources.weight > 0)
        bad["without a positive weight"] = ~good
    return bad


def _repeated(x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
    """Mask (N,) of rows with the position of an earlier row, as in merged lists."""
    _, first = np.unique(x + 1j * y, return_index=True)
    repeated = np.ones(len(x), bool)
    repeated[first] = False
    return repeated & np.isfinite(x) & np.isfinite(y)


def _without(sources: Sources, bad: dict[str, NDArray[np.bool_]], name: str) -> Sources:
    dropped = np.any(list(bad.values()), axis=0)
    if dropped.any():
        reasons = [f"{rows.sum()} {why}" for why, rows in bad.items() if rows.any()]
        log.warning(
            "Catalog %s: %d of %d rows are not used: %s.",
            name,
            dropped.sum(),
            len(sources),
            ", ".join(reasons),
        )
    return sources[~dropped]


def within(x: Any, y: Any, bounding_box: BoundingBox | None) -> NDArray[np.bool_]:
    """Mask (N,) of positions in a box ((xmin, xmax), (ymin, ymax)) [pixels]; all without a box."""
    if bounding_box is None:
        return np.ones(len(x), bool)
    (xmin, xmax), (ymin, ymax) = bounding_box
    inner = (x > xmin) & (x < xmax) & (y > ymin) & (y < ymax)
    return np.asarray(np.ma.filled(inner, False))  # masked positions are outside


def inside(detections: Sources, bounding_box: BoundingBox | None) -> Sources:
    """The detections within ((xmin, xmax), (ymin, ymax)) [pixels]; all, where there is no box."""
    if bounding_box is None:
        return detections
    return detections[within(detections.x, detections.y, bounding_box)]


def with_weights(detections: Sources) -> Sources:
    """The detections with weight 1 where the user gave none.

    A fit of a group needs weights from all of its images or from none.
    """
    if detections.weight is not None:
        return detections
    return replace(detections, weight=np.ones(len(detections)))


def alignable(detections: Sources) -> Sources:
    """The detections that their flags do not exclude from the alignment."""
    if detections.flags is None:
        return detections
    return detections[~excluded(detections.flags)]


def unalignable(detections: Sources) -> Sources:
    """The detections that their flags exclude from the alignment."""
    if detections.flags is None:
        return detections[:0]
    return detections[excluded(detections.flags)]


def to_table(detections: Sources, name: str) -> Table:
    """The detections as a table: id, x, y, flux, x_err, y_err (, weight, peak, flags)."""
    table = Table({"id": np.arange(1, len(detections) + 1)})
    for column in ("x", "y", "flux", "x_err", "y_err", "weight", "peak", "flags"):
        values = getattr(detections, column)
        if values is not None:
            table[column] = values
    table.meta["name"] = name
    return table


def write_catalog(
    detections: Sources, path: Path, catalog_format: str, meta: Mapping[str, str] | None = None
) -> None:
    """Write detections as 'ecsv' or 'fits', with more metadata, whole or not at all.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    table = to_table(detections, path.stem)
    table.meta.update(meta or {})
    for column in ("x", "y", "x_err", "y_err"):
        table[column].unit = "pix"
    if "flags" in table.colnames:
        table["flags"].description = ", ".join(f"{flag.value} {flag.name}" for flag in Flag)
    write_whole(path, lambda draft: table.write(draft, format=FORMATS[catalog_format]))
