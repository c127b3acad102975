"""A second population of sources below the resolution of the search: two clumps of differences.

Populations whose offsets differ by less than a window of the offset histogram make one peak in it.
The fit follows the larger one and rejects the other, or settles between them. So the differences
of all detections of two groups are counted again, at the resolution of their errors. What is on
the sky, as companions are, makes clumps on both sides, and errors that are too small a broad one
around zero; a population that moves in another way does neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import log_chance, overlapping, searched_cells, well_connected
from tweakreg_step.core.sphere import ARCSEC, chord, frames_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import Problem
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["Clumps", "second_clumps"]

_REACH = 0.25
"""Largest distance of the clumps [arcsec]: two windows of the search, which sees what is beyond."""

_ERRORS = 4.0
"""Radius of a clump in errors of a difference per axis, as the catalogs have them."""

_SHARE = 0.12
"""Differences in the second clump over those in the first, above which it counts."""

_SCATTER = 3.0
"""Standard deviations by which a clump must exceed its mirror image."""

_FEWEST = 5
"""Differences in the second clump from which on it counts."""

_VALLEY = 0.5
"""Differences around zero over those of a clump beside it, below which the fit is between two."""

_SIGNIFICANT = float(np.log(1e-6))
"""Logarithm of the probability of a chance clump at any offset."""

_PARTNERS = 4
"""Groups that each one is compared with."""

_ENOUGH = 4000
"""Differences that tell of a second clump; of more, every second or third is looked at."""

_MOST = 60
"""Pairs of a detection, on average, beyond which a field is too crowded to tell."""


@dataclass(frozen=True, slots=True)
class Clumps:
    """Second clumps of G groups.

    Attributes
    ----------
    count
        (G,) number of sources in the second clump, 0 where most partners show none.
    distance
        (G,) its distance from the first [arcsec].
    """

    count: IntArray
    distance: FloatArray


def second_clumps(problem: Problem, moved: FloatArray) -> Clumps:
    """The second clumps of all groups of a fit.

    Parameters
    ----------
    problem, moved
        The problem of a fit, and the corrected directions (N, 3) of all its detections, see
        `common_directions`.
    """
    detections, count = problem.detections, len(problem.component)
    active, times = _looked_at(problem, moved)
    group = detections.group[active]
    pairs, expected = overlapping(moved[active], group, problem.model.frames, 0.0)
    pairs = pairs[well_connected(pairs, expected, count, _PARTNERS)]
    pairs = pairs[problem.component[pairs[:, 0]] == problem.component[pairs[:, 1]]]
    order = active[np.argsort(group, kind="stable")]
    edges = np.searchsorted(detections.group[order], np.arange(count + 1))
    variance = mean_variance(detections.covariance)
    parts = [moved[order[edges[g] : edges[g + 1]]] for g in range(count)]
    trees = [cKDTree(part) if len(part) else None for part in parts]
    noise = [float(np.median(variance[order[edges[g] : edges[g + 1]]])) if len(part) else 0.0
             for g, part in enumerate(parts)]  # fmt: skip
    partners, doubtful = np.zeros(count, np.int64), np.zeros(count, np.int64)
    size, distance = np.zeros(count, np.int64), np.zeros(count)
    for one, other in pairs.tolist():
        first, second = trees[one], trees[other]
        if first is None or second is None:
            continue
        difference = _differences(first, second)
        radius = _ERRORS * float(np.sqrt(noise[one] + noise[other]))
        found = _second(difference, radius)
        for end in (one, other):
            partners[end] += 1
            if found[0]:
                doubtful[end] += 1
                if found[0] > size[end]:
                    size[end], distance[end] = found
    most = 2 * doubtful >= np.maximum(partners, 1)
    size = np.rint(times * size).astype(np.int64)
    return Clumps(np.where(most, size, 0), np.where(most, distance, 0.0))


def _looked_at(problem: Problem, moved: FloatArray) -> tuple[IntArray, FloatArray]:
    """The detections (K,) that are looked at, and how many there are for each of them (G,)."""
    group, count = problem.detections.group, len(problem.component)
    every = np.flatnonzero(problem.component[group] >= 0)
    active = every[searched_cells(moved[every], group[every], _REACH)]
    whole, part = (np.bincount(group[own], minlength=count) for own in (every, active))
    return active, whole / np.maximum(part, 1)


def _differences(one: cKDTree, other: cKDTree) -> FloatArray:
    """Differences (K, 2) of nearby positions, east and north [arcsec]; none of a crowded field."""
    reach = float(chord(_REACH))
    if one.count_neighbors(other, reach) > _MOST * min(one.n, other.n):
        return np.zeros((0, 2))
    close = one.sparse_distance_matrix(other, reach, output_type="ndarray")
    if len(close) == 0:
        return np.zeros((0, 2))
    axes = frames_of(one.data.mean(axis=0))[:2]
    return np.asarray(ARCSEC * (one.data[close["i"]] - other.data[close["j"]]) @ axes.T)


def _second(difference: FloatArray, radius: float) -> tuple[int, float]:
    """Number of differences in the second clump, 0 where there is none, and its distance."""
    none = 0, 0.0
    thinned = max(-(-len(difference) // _ENOUGH), 1)
    difference = difference[::thinned]
    if len(difference) < 2 * _FEWEST or radius <= 0.0 or 4.0 * radius > _REACH:
        return none
    size = np.hypot(*difference.T)
    away = np.flatnonzero((size > 2.0 * radius) & (size < _REACH - radius))
    if len(away) < _FEWEST:
        return none
    tree = cKDTree(difference)
    number = tree.query_ball_point(difference[away], radius, return_length=True)
    best = away[np.argmax(number)]
    place, count = difference[best], int(number.max())
    here = len(tree.query_ball_point(np.zeros(2), radius))
    mirrored = len(tree.query_ball_point(-place, radius))
    rest = max(len(difference) - here - count, 1)
    share = (radius / _REACH) ** 2
    chance = log_chance(np.array([float(count)]), np.array([rest * share]))[0] - np.log(share)
    between = here < _VALLEY * count
    # where errors are too small, the densest place and its mirror image differ by chance alone
    excess = count - mirrored - _SCATTER * float(np.sqrt(count + mirrored))
    clear = between or (excess > 0.0 and count - mirrored > _SHARE * here)
    if count < _FEWEST or chance > _SIGNIFICANT or not clear:
        return none
    return count * thinned, float(size[best])
