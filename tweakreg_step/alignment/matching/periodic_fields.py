"""Fields that repeat: a grid of sources fits at its own period as well as where it truly is.

Where the period is larger than the search, one peak alone is in reach, and nothing shows that the
true one is not just outside. The catalog itself shows it: moved by the period it matches itself.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.sphere import frames_of

from .offset_histogram import make_pairs, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .cross_match import Catalog, Found
    from .offset_histogram import Pairs


__all__ = ["periods", "with_repeats"]

_SAMPLE = 200
"""Sources of a catalog that are looked for at the period, evenly over it."""

_FIRST, _FIRST_SHARE = 40, 0.4
"""As many, and a lower share of them, tell first whether it is worth to look closer: few fields do
repeat."""

_BATCH = 200
"""Catalogs compared with themselves at once."""

_SHARE = 0.6
"""Part of the sources that repeat from which on two offsets match about equally well."""

_REACH = 2.0
"""An offset up to this many search radii may be the true one: who chose the radius of a grid well
knows better."""


def periods(catalogs: Sequence[Catalog | None], radius: float, window: float) -> FloatArray:
    """Displacements (G, 2) [arcsec] by which most of a catalog comes to lie on itself, or NaN.

    Parameters
    ----------
    catalogs
        Of G groups.
    radius
        Largest offset of the search; periods up to three of it are tried [arcsec].
    window
        Of the search [arcsec].
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
    """Pairs of some sources of each catalog with others of it, and how many (G,) these are."""
    steps = [max(1, -(-tree.n // sample)) for tree in trees]
    some = [cKDTree(tree.data[::k]) for tree, k in zip(trees, steps, strict=True)]
    pairs = make_pairs(list(zip(some, trees, strict=True)), reach)
    apart = np.max(np.abs(pairs.first - pairs.second), axis=1) > window
    return pairs.take(apart), np.array([tree.n for tree in some])


def _most(pairs: Pairs, window: float) -> IntArray:
    """Most pairs (G,) of each catalog in one of the squares of four staggered lattices."""
    count = len(pairs.frames)
    most = np.zeros(count, np.int64)
    for start in itertools.product((0.0, 0.5), repeat=2):
        cell = np.floor((pairs.first - pairs.second) / window + start).astype(np.int64)
        side = 2 * int(np.abs(cell).max(initial=0)) + 2
        flat = (pairs.edge * side + cell[:, 0] + side // 2) * side + cell[:, 1] + side // 2
        square, size = np.unique(flat, return_counts=True)
        np.maximum.at(most, square // side**2, size)
    return most


def with_repeats(found: Found, period: FloatArray, radius: float) -> Found:
    """Edges with a doubt where the offset and its neighbour by a period may both be true.

    Parameters
    ----------
    found
        E edges; node G is the reference, and not looked at: its search is wide.
    period
        (G, 2) see `periods`.
    radius
        Largest offset of the search [arcsec].
    """
    if np.isnan(period).all():
        return found
    edges, doubts = found.edges, found.doubts
    every = np.append(period, [[np.nan, np.nan]], axis=0)[edges.pairs]
    own = np.where(np.isnan(every[:, 0]), every[:, 1], every[:, 0])
    own[(edges.pairs == len(period)).any(axis=1)] = np.nan
    frames = frames_of(edges.direction)
    east, north = (np.einsum("ei,ei->e", edges.vector, frames[:, axis]) for axis in (0, 1))
    offset = np.stack([north, -east], axis=1)
    nearest = np.minimum(np.hypot(*(offset + own).T), np.hypot(*(offset - own).T))
    near = (nearest < _REACH * radius) & (doubts.second == 0)
    second = np.where(near, found.matches, doubts.second)
    distance = np.where(near, np.hypot(*own.T), doubts.distance)
    return replace(found, doubts=replace(doubts, second=second, distance=distance))
