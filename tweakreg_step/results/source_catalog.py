"""The combined catalog of a mosaic: each source once, where all its detections have it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, Table
from scipy.spatial import cKDTree

from tweakreg_step.alignment import corrected_directions
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import chord, directions, frames_of, from_plane, ra_dec, to_plane
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.report import write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report import RunResult

__all__ = ["joined_sources", "save_sources", "sources_of", "table_of"]

log = logging.getLogger(__name__)

COLUMNS: dict[str, tuple[Any, str, str]] = {
    "RA": (u.deg, "%.10f", "Right ascension (ICRS), weighted mean of the corrected detections"),
    "DEC": (u.deg, "%.10f", "Declination (ICRS), weighted mean of the corrected detections"),
    "ra_error": (u.mas, "%.4f", "Error of RA times cos DEC, from those of the detections"),
    "dec_error": (u.mas, "%.4f", "Error of DEC, from those of the detections"),
    "flux": (None, "%.6g", "Mean flux of the detections, in the unit of their catalogs"),
    "ndetections": (None, "%d", "Number of detections"),
    "star": (None, "%d", "Row of its star in the reference catalog, -1: none"),
}
"""Unit, format in a file and meaning of each column, in their order."""


def sources_of(result: RunResult) -> Table:
    """The combined catalog of the groups that are aligned.

    Detections that match none of another group are sources with one detection, unless another
    source is as near as the largest match radius: then they may be of that one, and are left out.
    The sequential method associates nothing: its table has no rows.

    Parameters
    ----------
    result
        Result of a run.
    """
    detections, solution = result.catalogs.detections, result.solution
    values = (
        {name: np.zeros(0, np.int64 if form == "%d" else float) for name, (_, form, _) in _items()}
        if detections is None or solution is None
        else _values(detections, solution, result.run.options.tolerance)
    )
    return table_of(values, {"product": result.run.product, "start": result.run.start})


def table_of(values: Mapping[str, Any], meta: Mapping[str, Any]) -> Table:
    """The catalog of its columns."""
    columns = [
        Column(values[name], name=name, unit=unit, description=meaning)
        for name, (unit, _, meaning) in _items()
    ]
    return Table(columns, meta=dict(meta))


def joined_sources(old: Table, result: RunResult) -> Table:
    """One catalog of two, the second of exposures that were aligned to the first.

    What is a star of the first is one source: at the weighted mean, with all its detections.

    Parameters
    ----------
    old
        Catalog as of `sources_of`.
    result
        Of the run that was aligned to it.
    """
    new = sources_of(result)
    row, own = _rows_of_stars(old, new, result)
    values = {name: np.array(old[name]) for name in COLUMNS}
    for name, error in (("RA", "ra_error"), ("DEC", "dec_error")):
        ours, theirs = values[error][row] ** -2.0, np.asarray(new[error])[own] ** -2.0
        gap = np.asarray(new[name])[own] - values[name][row]
        gap = (gap + 180.0) % 360.0 - 180.0
        values[name][row] += gap * theirs / (ours + theirs)
        values[error][row] = (ours + theirs) ** -0.5
    values["RA"] %= 360.0
    values["ndetections"][row] += np.asarray(new["ndetections"])[own]
    rest = np.setdiff1d(np.arange(len(new)), own)
    more = {name: np.asarray(new[name])[rest] for name in COLUMNS}
    more["star"] = np.full(len(rest), -1)
    joined = {name: np.concatenate([values[name], more[name]]) for name in COLUMNS}
    return table_of(joined, old.meta)


def _rows_of_stars(old: Table, new: Table, result: RunResult) -> tuple[IntArray, IntArray]:
    """Rows of the old catalog, which was the reference, and of the new one that are the same."""
    reference = result.catalogs.reference
    star = np.asarray(new["star"], np.int64)
    own = np.flatnonzero(star >= 0)
    if reference is None or not len(own):
        return own[:0], own[:0]
    places = directions(reference.ra[star[own]], reference.dec[star[own]])
    tree = cKDTree(directions(np.asarray(old["RA"]), np.asarray(old["DEC"])))
    return np.asarray(tree.query(places)[1], np.int64), own


def _items() -> Any:
    return COLUMNS.items()


def save_sources(table: Table, product: str, folder: Path) -> Path | None:
    """Write ``<product>_sources.ecsv``; a failure is logged and stops nothing.

    Nothing is written where there are no sources.
    """
    if not len(table):
        return None
    path = folder / f"{product}_sources.ecsv"
    try:
        write_whole(path, lambda draft: write_rows(table, draft, _formats()))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
        return None
    return path


def _formats() -> dict[str, str]:
    return {name: form for name, (_, form, _) in _items()}


def _values(detections: Detections, solution: Solution, radius: float) -> dict[str, Any]:
    """The columns of the catalog; single detections within a radius [arcsec] of others are left."""
    own, source = _members(detections, solution)
    count = int(source.max(initial=-1)) + 1
    vectors = corrected_directions(detections, solution)[own]
    floor = solution.groups.floor[detections.group[own]]
    covariance = detections.covariance[own] + floor[:, None, None] ** 2 * np.eye(2)
    weight = np.where(solution.detections.source[own] < 0, 1.0, solution.detections.weight[own])
    precision = weight[:, None, None] * np.linalg.inv(covariance)
    # about the first detection of each source, in whose tangent plane all others are
    first = np.full(count, len(source), np.int64)
    np.minimum.at(first, source, np.arange(len(source)))
    frames = frames_of(vectors[first])
    place = to_plane(vectors, frames[source])
    total, pull = np.zeros((count, 2, 2)), np.zeros((count, 2))
    np.add.at(total, source, precision)
    np.add.at(pull, source, np.einsum("nij,nj->ni", precision, place))
    spread = np.linalg.inv(total)
    ra, dec = ra_dec(from_plane(np.einsum("sij,sj->si", spread, pull), frames))
    sigma = 1e3 * np.sqrt(np.einsum("sii->si", spread))
    star = _stars(solution, own, source, count)
    values = {
        "RA": ra % 360.0,
        "DEC": dec,
        "ra_error": sigma[:, 0],
        "dec_error": sigma[:, 1],
        "flux": _mean(detections.flux[own], source, count),
        "ndetections": np.bincount(source, minlength=count),
        "star": star,
    }
    near = _neighbours(directions(ra, dec), radius)
    order = np.lexsort((values["RA"], values["DEC"]))
    order = order[~((values["ndetections"] == 1) & near)[order]]
    return {name: value[order] for name, value in values.items()}


def _neighbours(vectors: FloatArray, radius: float) -> BoolArray:
    """Mask (S,) of directions (S, 3) that have another one within a radius [arcsec]."""
    near = np.zeros(len(vectors), bool)
    near[cKDTree(vectors).query_pairs(float(chord(radius)), output_type="ndarray").ravel()] = True
    return near


def _members(detections: Detections, solution: Solution) -> tuple[IntArray, IntArray]:
    """Indices of the detections that make up the catalog, and the source (0, 1, ...) of each."""
    aligned = np.array([status is Code.ALIGNED for status in solution.groups.status], bool)
    found = solution.detections
    usable: BoolArray = aligned[detections.group]
    matched = np.flatnonzero(usable & found.used & (found.source >= 0))
    single = np.flatnonzero(usable & (found.source < 0))
    _, source = np.unique(found.source[matched], return_inverse=True)
    start = int(source.max(initial=-1)) + 1
    own = np.concatenate([matched, single])
    return own, np.concatenate([source, start + np.arange(len(single))]).astype(np.int64)


def _stars(solution: Solution, own: IntArray, source: IntArray, count: int) -> IntArray:
    star = np.full(count, -1, np.int64)
    known = solution.detections.source[own]
    matched = known >= 0
    star[source[matched]] = solution.reference_star[known[matched]]
    return star


def _mean(values: FloatArray, source: IntArray, count: int) -> FloatArray:
    """Mean (count,) of the values that are numbers; NaN where none is."""
    good = np.isfinite(values)
    number = np.bincount(source[good], minlength=count)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(source[good], values[good], minlength=count) / number)
