"""Remedies for failures: which parameter to change, and a value to try, from the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.matching import peak_offsets
from tweakreg_step.core.outcome import GroupStatus
from tweakreg_step.core.sphere import chord_angle, directions

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options


__all__ = ["Failures", "advise"]

_MAX_GROUPS = 20
"""Groups for which the wide histogram is made; where more fail, they have one common reason."""

_MAX_ROLL_SEARCHES = 4
"""Groups, of those without a peak, for which it is repeated over rolls of degrees."""

_SAMPLE = 600
"""Sources of a group in the wide histogram, the brightest if fluxes are known. The number of pairs
grows with the square; this many show a peak if a few per cent of the sources match."""

_WIDE = 5.0, 30.0, 60.0
"""Radius of the wide histogram: a factor of the search radius, and its limits [arcsec]."""

_FEW = 4
"""Sources or matches below which no value of 'minobj' makes sense."""


_NOT_SEARCHED = f"more than {_MAX_GROUPS} groups failed: try what the first of them are told"


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of G groups.

    Attributes
    ----------
    status
        (G,) status of each group.
    sources, matches, reference_matches
        (G,) number of detections, of matches in the group's last fit, and of those with stars.
    anchored
        (G,) whether the group is tied to the reference.
    size
        (G, 3) last correction: offset [arcsec], roll [degrees], scale.
    most
        (G,) largest number of matches, before other groups were rejected.
    """

    status: tuple[GroupStatus, ...]
    sources: IntArray
    matches: IntArray
    reference_matches: IntArray
    anchored: BoolArray
    size: FloatArray
    most: IntArray


def advise(
    failures: Failures,
    detections: Detections,
    frames: FloatArray,
    reference: Reference | None,
    options: Options,
) -> tuple[list[str], list[str]]:
    """Remedies (G,) for the relative and for the absolute phase; empty where nothing failed.

    Parameters
    ----------
    failures
        The failures of the groups.
    detections, frames, reference, options
        Detections, axes (G, 3, 3) of the groups' tangent planes, reference catalog and options.
    """
    failed = np.array([item is not GroupStatus.ALIGNED for item in failures.status], bool)
    unanchored = ~failures.anchored if reference is not None else np.zeros(len(failed), bool)
    searched = np.array([item in _SEARCHED for item in failures.status], bool) | unanchored
    searched &= np.cumsum(searched) <= _MAX_GROUPS
    reach = _wider(options)
    unclear = searched & np.array([item is GroupStatus.AMBIGUOUS for item in failures.status], bool)
    far = _peaks(_brightest(detections), frames, reference, reach, searched & ~unclear)
    if unclear.any():  # ambiguous offsets: those within the search radius, from all sources
        far[:, unclear] = np.stack(peak_offsets(detections, frames, reference, options, unclear))[
            :, unclear
        ]
    gap = _gaps(detections, frames, reference, failed | unanchored)
    relative, absolute = [], []
    for group in range(len(failed)):
        places = far[:, group], gap[:, group]
        case = _Case(failures, group, options, reach, *places, bool(searched[group]))
        relative.append(_relative(case) if failed[group] else "")
        absolute.append(_absolute(case) if unanchored[group] else "")
    return relative, absolute


_SEARCHED = (
    GroupStatus.NO_MATCH,
    GroupStatus.AMBIGUOUS,
    GroupStatus.TOO_FEW_MATCHES,
    GroupStatus.NOT_CONNECTED,
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
    reach: Options,
    searched: BoolArray,
) -> FloatArray:
    """Offsets (2, G) [arcsec] of the peaks of wide histograms; NaN where there is none."""
    far = np.full((2, len(searched)), np.nan)
    if not searched.any():
        return far
    far[:] = peak_offsets(detections, frames, reference, reach, searched)
    lost = searched & np.isnan(far).all(axis=0)
    lost &= np.cumsum(lost) <= _MAX_ROLL_SEARCHES
    if lost.any():
        rolled = peak_offsets(detections, frames, reference, reach, lost, reach.max_roll)
        far = np.where(np.isnan(far), rolled, far)
    return far


def _wider(options: Options) -> Options:
    factor, least, most = _WIDE

    def wide(radius: float) -> float:
        return float(max(radius, np.clip(factor * radius, least, most)))

    return replace(
        options, searchrad=wide(options.searchrad), abs_searchrad=wide(options.abs_searchrad)
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """The failure of one group.

    `peak` and `gap` (2,) are the offset of the histogram's peak and the distance to the nearest
    source [arcsec], relative and absolute; `searched` says whether the histogram was made.
    """

    failures: Failures
    group: int
    options: Options
    wide: Options
    peak: FloatArray
    gap: FloatArray
    searched: bool


def _relative(case: _Case) -> str:
    """The remedy for a group that is not aligned to the others."""
    failures, group, options = case.failures, case.group, case.options
    status = failures.status[group]
    if status is GroupStatus.TOO_FEW_SOURCES:
        return _too_few("source", int(failures.sources[group]), "minobj", options)
    if status is GroupStatus.TOO_FEW_MATCHES and not _beyond(case.peak[0], options.searchrad):
        return _too_few_matches(failures, group, options)
    if status is GroupStatus.INCONSISTENT:
        return "look at its catalog, or try fitgeometry='shift'"
    if status is GroupStatus.IMPLAUSIBLE:
        return _implausible(failures.size[group], options)
    if status is GroupStatus.NOT_CONNECTED and np.isfinite(case.gap[0]) and case.gap[0] > 0.0:
        return (
            f"the nearest source of another group is {_angle(case.gap[0])} away; give exposures "
            "that overlap, or a reference catalog"
        )
    return _offset(case, 0, "searchrad")


def _absolute(case: _Case) -> str:
    """The remedy for a group that is not tied to the reference."""
    options = case.options
    if np.isinf(case.gap[1]):
        return "the reference catalog has no star; give one that covers it"
    if case.gap[1] > options.abs_searchrad:
        return (
            f"the nearest reference star is {_angle(case.gap[1])} away from its sources; give a "
            "reference catalog that covers it"
        )
    matches = int(case.failures.reference_matches[case.group])
    if matches >= _FEW and not _beyond(case.peak[1], options.abs_searchrad):
        return _too_few("reference star", matches, "abs_minobj", options)
    return _offset(case, 1, "abs_searchrad")


def _beyond(peak: float, radius: float) -> bool:
    return bool(np.isfinite(peak) and peak > radius)


def _too_few(what: str, found: int, name: str, options: Options) -> str:
    needed, more = int(getattr(options, name)), options.more_sources
    plural = what + ("es" if what.endswith("h") else "s") * (found != 1)
    fact = f"it has {found} {plural}, {needed} are needed"
    if found < _FEW:
        return f"{fact}; {more}"
    if found >= needed:
        return f"{fact} after clipping; {more}"
    return f"{fact}; lower '{name}' to {found}, or {more}"


def _too_few_matches(failures: Failures, group: int, options: Options) -> str:
    """The remedy for a group with few matches, perhaps because its partners were rejected."""
    found, most, needed = int(failures.matches[group]), int(failures.most[group]), options.minobj
    if not most >= needed > found:
        return _too_few("match", found, "minobj", options)
    lower = f", or lower 'minobj' to {found}" if found >= _FEW else ""
    return (
        f"it had {most} matches, {needed} are needed, and {found} are left since groups that it "
        f"matched were given up with too few of their own; see to those first{lower}"
    )


_OTHERS = "those of its neighbours", "the reference"


def _offset(case: _Case, phase: int, name: str) -> str:
    """The remedy from the wide histogram of the relative (0) or the absolute (1) phase."""
    if not case.searched:
        return _NOT_SEARCHED
    peak = float(case.peak[phase])
    radius, wide = (float(getattr(options, name)) for options in (case.options, case.wide))
    if not np.isfinite(peak):
        return (
            f"its offset histogram has no significant peak up to {wide:.0f} arcsec, so a larger "
            f"'{name}' would not help; look at its catalog and at {_OTHERS[phase]}, or "
            f"{case.options.more_sources}"
        )
    if peak > radius:
        return (
            f"its offset histogram has a significant peak at {peak:.1f} arcsec; raise '{name}' "
            f"from {radius:g} to {np.ceil(1.2 * peak):.0f}"
        )
    if 1.2 * peak < radius:
        return (
            f"its offset histogram has its highest peak at {peak:.2f} arcsec; lower '{name}' from "
            f"{radius:g} to {max(1.2 * peak, 0.3):.2g}, or {case.options.more_sources}"
        )
    return case.options.more_sources


def _implausible(size: FloatArray, options: Options) -> str:
    offset, roll, scale = size.tolist()
    fact = f"it would move by {offset:.2f} arcsec, roll by {roll:.3f} degrees, scale by {scale:.1e}"
    if offset > 2.0 * options.searchrad:
        return f"{fact}; raise 'searchrad' to {np.ceil(offset):.0f} if its pointing may be that off"
    return f"{fact}; use a simpler 'fitgeometry', or look at its catalog"


def _angle(arcsec: float) -> str:
    return f"{arcsec:.1f} arcsec" if arcsec < 600.0 else f"{arcsec / 3600.0:.2f} degrees"


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
    for group in np.flatnonzero(only)[:_MAX_GROUPS].tolist():
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
    if len(own) > _SAMPLE:
        others = np.delete(np.arange(len(vectors)), own)
        return float(cKDTree(vectors[others]).query(vectors[own])[0].min())
    distance, index = tree.query(vectors[own], k=len(own) + 1)  # at least one is another group's
    return float(distance[~np.isin(index, own)].min())
