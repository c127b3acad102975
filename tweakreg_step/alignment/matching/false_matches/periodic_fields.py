"""Periodic fields: a grid of sources matches as well at an offset by its period as at the true one.

Where the period is larger than the search radius, only one peak is within the search, and the true
one may be just outside. Periods are found by matching each catalog with itself.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.matching.offset_histogram import make_pairs, search
from tweakreg_step.core.sphere import frames_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.matching.cross_match import Catalog, FoundEdges
    from tweakreg_step.alignment.matching.offset_histogram import Pairs
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["periods", "with_period_ambiguity"]

_SAMPLE = 200
"""Sources of a catalog that are compared with all its others, spread evenly over it."""

_FIRST, _FIRST_SHARE = 40, 0.4
"""Number of sources, and the share that must repeat, in a first test, since few fields are
periodic."""

_BATCH = 200
"""Catalogs compared with themselves at once."""

_SHARE = 0.6
"""Share of sources that repeat above which two offsets match about equally well."""

_REACH = 2.0
"""Largest plausible true offset, in search radii: the user may have chosen the radius too small."""


def periods(catalogs: Sequence[Catalog | None], radius: float, window: float) -> FloatArray:
    """Displacement (G, 2) [arcsec] at which each catalog matches itself, NaN if there is none.

    Parameters
    ----------
    catalogs
        (G,) catalogs of the groups, None where there is none.
    radius
        Largest offset of the search; periods up to three times that are tried [arcsec].
    window
        Side of the search's window [arcsec].
    """
    out = np.full((len(catalogs), 2), np.nan)
    filled = [(number, catalog) for number, catalog in enumerate(catalogs) if catalog is not None]
    reach = (1.0 + _REACH) * radius
    for start in range(0, len(filled), _BATCH):
        part = filled[start : start + _BATCH]
        trees = [catalog.tree for _, catalog in part]
        pairs, size = _with_itself(trees, _FIRST, reach, window)
        likely = np.flatnonzero(_most(pairs, window) > _FIRST_SHARE * size)
        if len(likely) == 0:
            continue
        pairs, size = _with_itself([trees[i] for i in likely], _SAMPLE, reach, window)
        peaks = search(pairs, reach, window, np.zeros(1))
        repeated = (peaks.count > _SHARE * size) & (peaks.log_chance < np.log(1e-4))
        numbers = [part[i][0] for i in likely]
        out[numbers] = np.where(repeated[:, None], peaks.offset, np.nan)
    return out


def _with_itself(
    trees: Sequence[cKDTree], sample: int, reach: float, window: float
) -> tuple[Pairs, IntArray]:
    """Pairs of a sample of each catalog with its other sources, and the sample's size (G,)."""
    steps = [max(1, -(-tree.n // sample)) for tree in trees]
    some = [cKDTree(tree.data[::k]) for tree, k in zip(trees, steps, strict=True)]
    pairs = make_pairs(list(zip(some, trees, strict=True)), reach)
    apart = np.max(np.abs(pairs.first - pairs.second), axis=1) > window
    return pairs.take(apart), np.array([tree.n for tree in some])


def _most(pairs: Pairs, window: float) -> IntArray:
    """Largest number (G,) of pairs in a square of the window's size, of four staggered lattices."""
    count = len(pairs.frames)
    most = np.zeros(count, np.int64)
    for start in itertools.product((0.0, 0.5), repeat=2):
        cell = np.floor((pairs.first - pairs.second) / window + start).astype(np.int64)
        side = 2 * int(np.abs(cell).max(initial=0)) + 2
        flat = (pairs.edge * side + cell[:, 0] + side // 2) * side + cell[:, 1] + side // 2
        square, size = np.unique(flat, return_counts=True)
        np.maximum.at(most, square // side**2, size)
    return most


def with_period_ambiguity(found: FoundEdges, period: FloatArray, radius: float) -> FoundEdges:
    """Edges marked as ambiguous where the offset plus or minus a period is also plausible.

    Parameters
    ----------
    found
        E edges. Those of node G, the reference, are not tested: its search is wide.
    period
        (G, 2) see `periods`.
    radius
        Largest offset of the search [arcsec].
    """
    if np.isnan(period).all():
        return found
    edges, ambiguity = found.edges, found.ambiguity
    every = np.append(period, [[np.nan, np.nan]], axis=0)[edges.pairs]
    own = np.where(np.isnan(every[:, 0]), every[:, 1], every[:, 0])
    own[(edges.pairs == len(period)).any(axis=1)] = np.nan
    frames = frames_of(edges.direction)
    east, north = (np.einsum("ei,ei->e", edges.vector, frames[:, axis]) for axis in (0, 1))
    offset = np.stack([north, -east], axis=1)
    nearest = np.minimum(np.hypot(*(offset + own).T), np.hypot(*(offset - own).T))
    near = (nearest < _REACH * radius) & (ambiguity.second == 0)
    second = np.where(near, found.matches, ambiguity.second)
    distance = np.where(near, np.hypot(*own.T), ambiguity.distance)
    return replace(found, ambiguity=replace(ambiguity, second=second, distance=distance))
