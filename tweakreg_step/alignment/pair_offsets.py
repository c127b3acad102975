"""Offsets between pairs of groups, before and after the correction, from the sources they share.

The offset of a pair is the weighted mean of second - first over the sources that both detect.
Before the correction it is the relative error of the two input WCS; after it, the residual of the
pair in the simultaneous solution. In a tree of pairs that residual is zero and checks nothing;
where pairs close cycles it is the closure error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.alignment.matching import log_chance
from tweakreg_step.core.sphere import frames_of, to_plane

from .residuals import corrected_directions

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.solution import Solution

    from .residuals import Matched


__all__ = ["PairOffsets", "pair_offsets_of"]


@dataclass(frozen=True, slots=True)
class PairOffsets:
    """The offsets of E pairs of groups.

    Attributes
    ----------
    pairs
        (E, 2) groups.
    matches
        (E,) number of sources that both detect and that were used.
    before, after
        (E, 2) weighted mean of second - first, east and north, through the input WCS and after
        the correction [arcsec].
    covariance
        (E, 2, 2) of that mean, from the errors of the detections [arcsec^2].
    log10_chance
        (E,) logarithm of the probability that as many matches within the largest distance of a
        match occur by chance, times the number of offsets searched; 0 at most.
    """

    pairs: IntArray
    matches: IntArray
    before: FloatArray
    after: FloatArray
    covariance: FloatArray
    log10_chance: FloatArray


@dataclass(frozen=True, slots=True)
class _GroupSources:
    """Mean positions of K sources in one group.

    Source indices (K,) ascending, observed - fitted before and after (K, 2) [arcsec], and their
    covariance (K, 2, 2) [arcsec^2].
    """

    source: IntArray
    before: FloatArray
    after: FloatArray
    covariance: FloatArray


def _sources_by_group(matched: Matched, count: int) -> list[_GroupSources]:
    """The sources of each group; detections of one source in several images are averaged."""
    used = np.flatnonzero(matched.used)
    order = used[np.lexsort((matched.source[used], matched.group[used]))]
    group, source = matched.group[order], matched.source[order]
    first = np.flatnonzero(np.diff(group, prepend=-1) | np.diff(source, prepend=-1))
    precision = inverse_2x2(matched.covariance[order]) * matched.weight[order][:, None, None]
    if len(order) == 0:
        first = np.zeros(0, np.int64)
    total = np.add.reduceat(precision, first) if len(first) else np.zeros((0, 2, 2))
    covariance = inverse_2x2(total)
    means = []
    for values in (matched.before[order], matched.after[order]):
        sums = np.einsum("nij,nj->ni", precision, values)
        sums = np.add.reduceat(sums, first) if len(first) else np.zeros((0, 2))
        means.append(np.einsum("nij,nj->ni", covariance, sums))
    edges = np.searchsorted(group[first], np.arange(count + 1))
    parts = [slice(edges[g], edges[g + 1]) for g in range(count)]
    source = source[first]
    return [_GroupSources(source[p], means[0][p], means[1][p], covariance[p]) for p in parts]


@dataclass(frozen=True, slots=True)
class _PairMatches:
    """A pair of groups: its sources, match radius [arcsec], and chance matches expected in it."""

    difference: _Difference
    radius: float
    chance: float


@dataclass(frozen=True, slots=True)
class _Difference:
    """The K shared sources of a pair: indices (K,), second - first (K, 2), covariance (K, 2, 2)."""

    source: IntArray
    before: FloatArray
    after: FloatArray
    covariance: FloatArray


def _difference(first: _GroupSources, second: _GroupSources) -> _Difference:
    shared, i, j = np.intersect1d(
        first.source, second.source, assume_unique=True, return_indices=True
    )
    return _Difference(
        shared,
        second.before[j] - first.before[i],
        second.after[j] - first.after[i],
        first.covariance[i] + second.covariance[j],
    )


def _mean(difference: _Difference) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted means (2,) before and after, and their covariance (2, 2); NaN without sources."""
    if len(difference.source) == 0:
        return np.full(2, np.nan), np.full(2, np.nan), np.full((2, 2), np.nan)
    precision = inverse_2x2(difference.covariance)
    covariance = inverse_2x2(precision.sum(axis=0)[None])[0]
    before, after = (
        covariance @ np.einsum("nij,nj->i", precision, values)
        for values in (difference.before, difference.after)
    )
    return before, after, covariance


def _chance(
    difference: _Difference, where: FloatArray, vectors: tuple[FloatArray, FloatArray]
) -> tuple[float, float]:
    """The match radius of a pair [arcsec], and the number of chance matches expected within it.

    Expected are: detections of the first, times those of the second, both in the box around the
    matches at directions `where` (K, 3), times the area of the match radius over that of the box.
    """
    if len(where) == 0:
        return 1.0, 0.0
    frame = frames_of(where.sum(axis=0))
    own = to_plane(where, frame)
    spread = np.sqrt(0.5 * np.trace(difference.covariance, axis1=1, axis2=2).mean())
    radius = max(float(np.hypot(*difference.after.T).max()), 3.0 * float(spread))
    low, high = own.min(axis=0) - radius, own.max(axis=0) + radius
    inside = []
    for directions in vectors:
        places = to_plane(directions, frame)
        inside.append(int(np.all((places >= low) & (places <= high), axis=1).sum()))
    return radius, inside[0] * inside[1] * np.pi * radius**2 / float(np.prod(high - low))


def _log10_chance(rows: list[_PairMatches], searched: float) -> FloatArray:
    """log10 (E,) of the probability of as many chance matches at any offset up to `searched`."""
    matches = np.array([len(row.difference.source) for row in rows], float)
    radius = np.array([row.radius for row in rows])
    trials = np.maximum(1.0, (searched / radius) ** 2)
    chance = np.array([row.chance for row in rows])
    natural = np.zeros(len(rows))
    some = matches > 0
    natural[some] = log_chance(matches[some], chance[some]) + np.log(trials[some])
    return np.asarray(np.minimum(0.0, natural / np.log(10.0)))


def pair_offsets_of(
    matched: Matched,
    detections: Detections,
    solution: Solution,
    chosen: IntArray,
    searched: float,
) -> PairOffsets:
    """The offsets of some of a solution's pairs.

    Parameters
    ----------
    matched
        The matches of `solution`.
    detections, solution
        The detections and their solution.
    chosen
        (E,) indices into the solution's pairs.
    searched
        Largest offset of the search [arcsec].
    """
    count = len(solution.groups.ra)
    seen = _sources_by_group(matched, count)
    corrected = corrected_directions(detections, solution)
    order = np.argsort(detections.group, kind="stable")
    edges = np.searchsorted(detections.group[order], np.arange(count + 1))
    of_group = [corrected[order[edges[g] : edges[g + 1]]] for g in range(count)]
    detection_of_source = np.zeros(len(solution.reference_star), np.int64)
    detection_of_source[matched.source] = matched.index
    rows = []
    for one, other in solution.pairs.groups[chosen]:
        difference = _difference(seen[one], seen[other])
        where = corrected[detection_of_source[difference.source]]
        chance = _chance(difference, where, (of_group[one], of_group[other]))
        rows.append(_PairMatches(difference, *chance))
    means = [_mean(row.difference) for row in rows]
    before, after, covariance = zip(*means, strict=True) if means else ((), (), ())
    return PairOffsets(
        pairs=solution.pairs.groups[chosen],
        matches=np.array([len(row.difference.source) for row in rows], np.int64),
        before=np.array(before, float).reshape(-1, 2),
        after=np.array(after, float).reshape(-1, 2),
        covariance=np.array(covariance, float).reshape(-1, 2, 2),
        log10_chance=_log10_chance(rows, searched),
    )
