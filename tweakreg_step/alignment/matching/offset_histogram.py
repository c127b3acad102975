"""The offset histogram of two catalogs: its peak, and the peak's significance.

All edges of the graph are searched at once. The histogram is of the position differences of an
edge's pairs of detections within the search radius; true pairs make a peak, chance pairs are spread
evenly. The significance of a peak is the Poisson probability of as many pairs in one window, times
the number of independent windows and rolls that were tried (look-elsewhere factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, pdtrc

from tweakreg_step.alignment.linalg import numbered_pairs
from tweakreg_step.core.sphere import ARCSEC, chord, mean_frames, to_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.spatial import cKDTree

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = [
    "Pairs",
    "Peaks",
    "disjoint_from",
    "distinct_counts",
    "log_chance",
    "make_pairs",
    "mutual_count",
    "roll_grid",
    "rotated",
    "search",
]

_CELLS = 6_000_000
"""Histogram cells in memory at once, 48 MB."""

_BLOCK = 16_384
"""Pairs of a block, whose temporary arrays stay in a processor's cache."""

_ROLLS = 2000
"""Most rolls to each side: enough for 3 degrees of a field of a degree."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """K pairs of detections of E edges, in one tangent plane per edge.

    Attributes
    ----------
    edge
        (K,) index of the edge, ascending.
    first, second
        (K, 2) positions [arcsec] of the detections of the first and of the second catalog.
    first_index, second_index
        (K,) indices of the detections in their catalogs.
    frames
        (E, 3, 3) axes of the planes, tangent at the mean direction of the edge's pairs.
    """

    edge: IntArray
    first: FloatArray
    second: FloatArray
    first_index: IntArray
    second_index: IntArray
    frames: FloatArray

    def take(self, keep: BoolArray) -> Pairs:
        """The pairs selected by a mask; the edges keep their numbers."""
        return Pairs(
            self.edge[keep],
            self.first[keep],
            self.second[keep],
            self.first_index[keep],
            self.second_index[keep],
            self.frames,
        )

    @property
    def lever(self) -> FloatArray:
        """Rms distance (E,) of the pairs from the plane's tangent point [arcsec]."""
        count = len(self.frames)
        size = np.maximum(np.bincount(self.edge, minlength=count), 1)
        total = np.bincount(self.edge, np.sum(self.second**2, axis=1), minlength=count)
        return np.asarray(np.sqrt(total / size))


@dataclass(frozen=True, slots=True)
class Peaks:
    """The best offset of each edge.

    Attributes
    ----------
    offset, roll
        (E, 2) [arcsec] and (E,) [radians]: first = R(roll) second + offset.
    count
        (E,) distinct_counts detections in the peak's window, the lesser of the two catalogs.
    density
        (E,) chance pairs per arcsec^2 of difference.
    log_chance
        (E,) logarithm of the probability of as many chance pairs at any offset and roll.
    rival
        (E,) whether a second peak elsewhere is about equally high.
    """

    offset: FloatArray
    roll: FloatArray
    count: IntArray
    density: FloatArray
    log_chance: FloatArray
    rival: BoolArray


def make_pairs(catalogs: Sequence[tuple[cKDTree, cKDTree]], radius: float) -> Pairs:
    """All pairs within `radius` [arcsec] between the two trees of unit vectors of each edge."""
    reach = float(chord(radius))
    first, second, size = [], [], []
    for one, other in catalogs:
        close = one.sparse_distance_matrix(other, reach, output_type="ndarray")
        first.append(close["i"])
        second.append(close["j"])
        size.append(len(close))
    edge = np.repeat(np.arange(len(catalogs)), size)
    empty = [np.zeros((0, 3))]
    points = [tree.data[index] for (tree, _), index in zip(catalogs, first, strict=True)]
    others = [tree.data[index] for (_, tree), index in zip(catalogs, second, strict=True)]
    one_vectors, other_vectors = np.concatenate(points + empty), np.concatenate(others + empty)
    frames = mean_frames(one_vectors + other_vectors, edge, len(catalogs))
    none = [np.zeros(0, np.int64)]
    return Pairs(
        edge,
        to_plane(one_vectors, frames[edge]),
        to_plane(other_vectors, frames[edge]),
        np.concatenate(first + none).astype(np.int64),
        np.concatenate(second + none).astype(np.int64),
        frames,
    )


def roll_grid(limit: float, lever: float, window: float) -> FloatArray:
    """Rolls [radians] up to `limit` [arcsec as angle] in steps of half a window at `lever`.

    The steps are larger where there would be more than `_ROLLS` of them.
    """
    step = max(0.5 * window / max(lever, window), limit / ARCSEC / _ROLLS)
    count = int(np.ceil(limit / ARCSEC / step))
    return np.asarray(step * np.arange(-count, count + 1)) if count else np.zeros(1)


def rotated(positions: FloatArray, roll: FloatArray | float) -> FloatArray:
    """Positions (K, 2) rotated by (K,) or one roll [radians], counterclockwise."""
    cosine, sine = np.cos(roll), np.sin(roll)
    x, y = positions.T
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)


def log_chance(count: FloatArray, expected: FloatArray) -> FloatArray:
    """Logarithm of the Poisson probability of `count` or more events, also in the far tail."""
    with np.errstate(divide="ignore"):
        plain = np.log(pdtrc(np.maximum(count - 1.0, 0.0), expected))
        # in the far tail the first term dominates the sum, up to 1 / (1 - expected / count)
        tail = count * np.log(expected) - expected - gammaln(count + 1.0)
        tail = tail - np.log1p(-np.minimum(expected / (count + 1.0), 0.9))
    out = np.where(np.isfinite(plain) & (plain > -600.0), plain, tail)
    return np.asarray(np.where(count < 1.0, 0.0, np.minimum(out, 0.0)))


def _histogram(bins: IntArray, shape: tuple[int, int]) -> FloatArray:
    """Number of pairs in each window of 2 x 2 bins, (E, n - 1, n - 1), from the pairs' bins."""
    count, side = shape
    cells = np.bincount(bins, minlength=count * side * side).reshape(count, side, side)
    rows = cells[:, 1:] + cells[:, :-1]
    return np.asarray(rows[:, :, 1:] + rows[:, :, :-1])


def _bins(
    edge: IntArray, x: FloatArray, y: FloatArray, radius: float, grid: tuple[float, int]
) -> IntArray:
    """Bins, numbered through all edges, of the pairs with differences (x, y) within `radius`."""
    size, side = grid
    near = np.flatnonzero(x**2 + y**2 <= radius**2)
    # nothing within the radius is negative here: to cut off is to round down
    row = (x[near] / size + 0.5 * side).astype(np.int64)
    column = (y[near] / size + 0.5 * side).astype(np.int64)
    return np.asarray((edge[near] * side + row) * side + column)


def search(pairs: Pairs, radius: float, window: float, rolls: FloatArray) -> Peaks:
    """The window of each edge with most pairs, over all rolls, and its significance.

    Parameters
    ----------
    pairs
        Pairs of E edges, within `radius` at any of the rolls.
    radius
        Largest offset [arcsec].
    window
        Side of a window [arcsec].
    rolls
        (R,) rolls to try [radians].
    """
    count = len(pairs.frames)
    side = 2 * int(np.ceil(radius / (0.5 * window))) + 2
    chunk = max(1, _CELLS // side**2)
    parts = []
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        low, high = np.searchsorted(pairs.edge, [start, stop])
        part = (pairs.edge[low:high] - start, pairs.first[low:high], pairs.second[low:high])
        parts.append(_best_windows(part, (stop - start, side), radius, window, rolls))
    best, offset, roll = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _significance(pairs, (best, offset, roll), radius, window, len(rolls))


def _best_windows(
    part: tuple[IntArray, FloatArray, FloatArray],
    shape: tuple[int, int],
    radius: float,
    window: float,
    rolls: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    edge, first, second = part
    best, offset, roll = np.full(shape[0], -1.0), np.zeros((shape[0], 2)), np.zeros(shape[0])
    # axes apart and in blocks, or the time goes into moving pairs through the memory
    first, second = np.ascontiguousarray(first.T), np.ascontiguousarray(second.T)
    blocks = [
        (edge[low : low + _BLOCK], first[:, low : low + _BLOCK], second[:, low : low + _BLOCK])
        for low in range(0, max(len(edge), 1), _BLOCK)
    ]
    grid = 0.5 * window, shape[1]
    # from the smallest roll on, so that of equal maxima the smallest roll is taken
    for angle in rolls[np.lexsort((rolls, np.abs(rolls)))]:
        cosine, sine = np.cos(angle), np.sin(angle)
        bins = [
            _bins(own, x - (cosine * u - sine * v), y - (sine * u + cosine * v), radius, grid)
            for own, (x, y), (u, v) in blocks
        ]
        sums = _histogram(np.concatenate(bins), shape).reshape(shape[0], -1)
        place = sums.argmax(axis=1)
        value = sums[np.arange(shape[0]), place]
        better = value > best
        best[better], roll[better] = value[better], angle
        cell = np.stack(np.divmod(place, shape[1] - 1), axis=1)
        offset[better] = (0.5 * window * (cell + 1.0 - 0.5 * shape[1]))[better]
    return best, offset, roll


def _significance(
    pairs: Pairs,
    best: tuple[FloatArray, FloatArray, FloatArray],
    radius: float,
    window: float,
    roll_count: int,
) -> Peaks:
    _, offset, roll = best
    count, edge = len(pairs.frames), pairs.edge
    difference = pairs.first - rotated(pairs.second, roll[edge])
    reach = np.max(np.abs(difference - offset[edge]), axis=1)
    inside = reach <= 0.5 * window
    within = np.sum(difference**2, axis=1) <= radius**2
    found = mutual_count(pairs, inside)
    area = np.pi * radius**2
    total = np.bincount(edge[within & ~inside], minlength=count)
    density = np.maximum(total, 1.0) / area
    density = np.maximum(density, _around(edge, reach, count, window))
    trials = 4.0 * roll_count * max(area / window**2, 1.0)
    chance = log_chance(found.astype(float), density * window**2) + np.log(trials)
    size = np.maximum(np.bincount(edge[inside], minlength=count), 1)
    sums = [np.bincount(edge[inside], axis, minlength=count) for axis in difference[inside].T]
    mean = np.stack(sums, axis=1) / size[:, None]
    rival = _rivals(pairs, (difference, offset, found, density), radius, window, trials)
    return Peaks(mean, roll, found, density, np.minimum(chance, 0.0), rival)


def _around(edge: IntArray, reach: FloatArray, count: int, window: float) -> FloatArray:
    """Density (E,) [arcsec^-2] of pairs in the square frame between 3 and 9 windows wide."""
    ring = (reach > 1.5 * window) & (reach <= 4.5 * window)
    return np.asarray(np.bincount(edge[ring], minlength=count) / (72.0 * window**2))


def distinct_counts(edge: IntArray, index: IntArray, count: int) -> IntArray:
    """Number (E,) of different detections in pairs (K,) given by edge and detection index."""
    number, different = numbered_pairs(edge, index)
    of_pair = np.zeros(different, np.int64)
    of_pair[number] = edge
    return np.bincount(of_pair, minlength=count)


def mutual_count(pairs: Pairs, inside: BoolArray) -> IntArray:
    """Number (E,) of different detections in the pairs of a mask (K,), in the lesser catalog."""
    first, second = (
        distinct_counts(pairs.edge[inside], index[inside], len(pairs.frames))
        for index in (pairs.first_index, pairs.second_index)
    )
    return np.minimum(first, second)


def disjoint_from(pairs: Pairs, taken: BoolArray) -> BoolArray:
    """Mask (K,) of the pairs that share no detection with the pairs of a mask (K,)."""
    apart = np.ones(len(taken), bool)
    for index in (pairs.first_index, pairs.second_index):
        key = pairs.edge * (int(index.max(initial=-1)) + 1) + index
        apart &= ~np.isin(key, key[taken])
    return apart


def _rivals(
    pairs: Pairs,
    peak: tuple[FloatArray, FloatArray, IntArray, FloatArray],
    radius: float,
    window: float,
    trials: float,
) -> BoolArray:
    """Whether another window, at least two windows away, holds 60 per cent of the peak's excess."""
    difference, offset, found, density = peak
    count, edge = len(pairs.frames), pairs.edge
    away = np.max(np.abs(difference - offset[edge]), axis=1) > 2.0 * window
    side = 2 * int(np.ceil(radius / (0.5 * window))) + 2
    second = np.zeros(count)
    chunk = max(1, _CELLS // side**2)
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        part = away & (edge >= start) & (edge < stop)
        x, y = difference[part].T
        bins = _bins(edge[part] - start, x, y, radius, (0.5 * window, side))
        sums = _histogram(bins, (stop - start, side))
        second[start:stop] = sums.reshape(stop - start, -1).max(axis=1)
    expected = density * window**2
    chance = log_chance(second, expected) + np.log(trials)
    strong = second - expected > 0.6 * (found - expected)
    return np.asarray(strong & (chance < np.log(1e-4)))
