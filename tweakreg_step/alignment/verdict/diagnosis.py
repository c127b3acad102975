"""Diagnosis of failures: the offset, the distance or the number of matches that is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.matching import beyond, peak_offsets
from tweakreg_step.core.evidence import MOST_SEARCHED, Diagnosis
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import chord_angle, directions

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options


__all__ = ["Failures", "diagnose"]

_MAX_ROLL_SEARCHES = 4
"""Groups, of those without a peak, for which it is repeated over rolls of degrees."""

_SAMPLE = 600
"""Sources of a group in the wide histogram, the brightest if fluxes are known. The number of pairs
grows with the square; this many show a peak if a few per cent of the sources match."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of G groups.

    Attributes
    ----------
    status
        (G,) status of each group.
    sources, matches
        (G,) number of detections, and of matches in the group's last fit.
    reference_matches
        (G,) number of different stars that a group which was untied from the reference matched,
        together with those that were tied to it; of one that was given up, its own matches.
    anchored
        (G,) whether the group is tied to the reference.
    size
        (G, 3) last correction: offset [arcsec], roll [degrees], scale.
    most
        (G,) largest number of matches, before other groups were rejected.
    near_stars
        (G,) number of different stars that were within reach of the first fit for a group which was
        untied from the reference, and for those that were tied to it.
    """

    status: tuple[Code, ...]
    sources: IntArray
    matches: IntArray
    reference_matches: IntArray
    anchored: BoolArray
    size: FloatArray
    most: IntArray
    near_stars: IntArray


def diagnose(
    failures: Failures,
    detections: Detections,
    frames: FloatArray,
    reference: Reference | None,
    options: Options,
) -> tuple[list[Diagnosis | None], list[Diagnosis | None]]:
    """Diagnoses (G,) for the relative and for the absolute phase; None where nothing failed.

    Parameters
    ----------
    failures
        The failures of the groups.
    detections, frames, reference, options
        Detections, axes (G, 3, 3) of the groups' tangent planes, reference catalog and options.
    """
    failed = np.array([item is not Code.ALIGNED for item in failures.status], bool)
    unanchored = ~failures.anchored if reference is not None else np.zeros(len(failed), bool)
    if not (failed | unanchored).any():
        return [None] * len(failed), [None] * len(failed)
    searched = np.array([item in _SEARCHED for item in failures.status], bool) | unanchored
    searched &= np.cumsum(searched) <= MOST_SEARCHED
    reach = _wider(options)
    unclear = searched & np.array([item is Code.AMBIGUOUS for item in failures.status], bool)
    aligned = ~failed if not failed.all() else None
    between = searched & ~unclear, aligned
    far = _peaks(_brightest(detections), frames, reference, (options, reach), between)
    if unclear.any():  # ambiguous offsets: those within the search radius, from all sources
        near = peak_offsets(detections, frames, reference, options, (unclear, None))
        far[:, unclear] = np.stack(near)[:, unclear]
    gap = _gaps(detections, frames, reference, failed | unanchored)
    looks = far, gap, searched, 0 if reference is None else len(reference)
    relative, absolute = (
        [
            _diagnosis(failures, group, (options, reach), looks, absolute=phase) if there else None
            for group, there in enumerate(wanted.tolist())
        ]
        for phase, wanted in ((False, failed), (True, unanchored))
    )
    return relative, absolute


def _diagnosis(
    failures: Failures,
    group: int,
    options: tuple[Options, Options],
    looks: tuple[FloatArray, FloatArray, BoolArray, int],
    *,
    absolute: bool,
) -> Diagnosis:
    """The diagnosis of one group in one phase, from options plain and wide; peaks, gaps, stars."""
    given, wide = options
    far, gap, searched, stars = looks
    matches = failures.reference_matches if absolute else failures.matches
    offset, roll, scale = failures.size[group].tolist()
    return Diagnosis(
        status=failures.status[group],
        absolute=absolute,
        sources=int(failures.sources[group]),
        matches=int(matches[group]),
        most=int(failures.most[group]),
        near=int(failures.near_stars[group]) if absolute else 0,
        needed=int(given.abs_minobj if absolute else given.minobj),
        size=(offset, roll, scale),
        gap=float(gap[int(absolute), group]),
        peak=float(far[int(absolute), group]),
        radius=float(given.abs_searchrad if absolute else given.searchrad),
        reach=float(wide.abs_searchrad if absolute else wide.searchrad),
        searched=bool(searched[group]),
        stars=stars,
    )


_SEARCHED = (
    Code.NO_MATCH,
    Code.AMBIGUOUS,
    Code.TOO_FEW_MATCHES,
    Code.NOT_CONNECTED,
)


def _brightest(detections: Detections) -> Detections:
    """The brightest detections of each group; of those without flux, an evenly spread sample."""
    # golden ratio: any number of the first is spread evenly
    place = np.arange(len(detections)) * 0.6180339887498949 % 1.0
    order = np.lexsort((place, -np.nan_to_num(detections.flux, nan=-np.inf), detections.group))
    group = detections.group[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    return detections.take(np.sort(order[rank < _SAMPLE]))


def _peaks(
    detections: Detections,
    frames: FloatArray,
    reference: Reference | None,
    options: tuple[Options, Options],
    between: tuple[BoolArray, BoolArray | None],
) -> FloatArray:
    """Offsets (2, G) [arcsec] of the peaks of wide histograms; NaN where there is none.

    Parameters
    ----------
    detections, frames, reference
        Detections, axes (G, 3, 3) of the groups' tangent planes, reference catalog.
    options
        Plain, and with the wide search radius.
    between
        (G,) masks of the groups, and of those that are aligned, None where none is.
    """
    plain, wide = options
    searched, aligned = between
    far = np.full((2, len(searched)), np.nan)
    if not searched.any():
        return far
    far[:] = peak_offsets(detections, frames, reference, wide, between)
    missing = searched & np.isnan(far[0])
    if aligned is not None and missing.any():
        # what ties it to others that failed is no offset to be removed
        among = np.stack(peak_offsets(detections, frames, reference, wide, (missing, None)))
        among[0, among[0] <= plain.searchrad] = np.nan
        far = np.where(np.isnan(far), among, far)
    lost = searched & np.isnan(far).all(axis=0)
    lost &= np.cumsum(lost) <= _MAX_ROLL_SEARCHES
    if lost.any():
        turned = lost, aligned
        rolled = peak_offsets(detections, frames, reference, wide, turned, wide.max_roll)
        far = np.where(np.isnan(far), rolled, far)
    return far


def _wider(options: Options) -> Options:
    """The options with the radii of a wide search."""
    return replace(
        options,
        searchrad=beyond(options.searchrad),
        abs_searchrad=beyond(options.abs_searchrad),
    )


def _gaps(
    detections: Detections, frames: FloatArray, reference: Reference | None, only: BoolArray
) -> FloatArray:
    """Distances (2, G) [arcsec] of some groups' sources to other groups' and to the reference."""
    gap = np.full((2, len(frames)), np.nan)
    vectors = directions(detections.ra, detections.dec)
    stars = None
    if reference is not None and len(reference):
        stars = cKDTree(directions(reference.ra, reference.dec))
    every = None
    for group in np.flatnonzero(only)[:MOST_SEARCHED].tolist():
        own = np.flatnonzero(detections.group == group)
        if len(own) == 0:
            continue
        if len(own) < len(vectors):
            every = every or cKDTree(vectors)
            gap[0, group] = chord_angle(_nearest_other(every, vectors, own))
        gap[1, group] = chord_angle(stars.query(vectors[own])[0].min()) if stars else np.inf
    return gap


def _nearest_other(tree: cKDTree, vectors: FloatArray, own: IntArray) -> float:
    """Smallest chord between the points `own` and all others; `tree` holds the points of all."""
    if len(own) ** 2 > len(vectors):  # so many neighbours of each cost more than another tree
        others = np.delete(np.arange(len(vectors)), own)
        return float(cKDTree(vectors[others]).query(vectors[own])[0].min())
    distance, index = tree.query(vectors[own], k=len(own) + 1)  # at least one is another group's
    return float(distance[~np.isin(index, own)].min())
