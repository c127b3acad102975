"""From catalogs to motions between them: the edges of the graph, searched all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.sphere import chord

from .cycle_closure import Edges
from .detector_artefacts import pinned_pairs
from .expectation_maximisation import expectation_maximisation
from .offset_histogram import apart_from, distinct, make_pairs, roll_grid, search, turned
from .second_peak import OffsetAmbiguity, no_ambiguity, second_peaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .detector_artefacts import Plate
    from .offset_histogram import Pairs, Peaks


__all__ = ["SIGNIFICANT", "Catalog", "Found", "Reach", "catalog_of", "find_edges", "window_of"]

SIGNIFICANT = float(np.log(1e-4))
"""Logarithm of the probability of chance below which an edge is believed."""

_BATCH = 100_000
"""Pairs searched at once: their arrays stay in the cache of the processor."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the search needs of a catalog: a tree of unit vectors, thinned, and its errors.

    Attributes
    ----------
    tree
        Of the directions (N, 3).
    variance
        Median variance per axis [arcsec^2].
    radius
        Largest distance from the catalog's centre [arcsec].
    plate
        Where on the detectors they are; None where that is not known.
    """

    tree: cKDTree
    variance: float
    radius: float
    plate: Plate | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the search goes.

    Attributes
    ----------
    radius
        Largest offset [arcsec].
    roll
        Largest roll [arcsec as angle].
    tolerance
        Upper limit of a window [arcsec].
    """

    radius: float
    roll: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Found:
    """What the search says of E edges.

    Attributes
    ----------
    edges
        The motions.
    sigma
        (E,) error of a difference per axis [arcsec].
    significant, rival
        (E,) whether chance is excluded, and whether another offset does as well.
    matches
        (E,) detections that agree with it.
    doubts
        Of the E edges: what else agrees with another offset.
    """

    edges: Edges
    sigma: FloatArray
    significant: BoolArray
    rival: BoolArray
    matches: IntArray
    doubts: OffsetAmbiguity

    def take(self, keep: IntArray | BoolArray) -> Found:
        """The edges of an index or a mask."""
        rest = self.sigma[keep], self.significant[keep], self.rival[keep], self.matches[keep]
        return Found(self.edges.take(keep), *rest, self.doubts.take(keep))

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Several in one."""
        edges = [
            np.concatenate([getattr(part.edges, name) for part in parts])
            for name in Edges.__slots__
        ]
        sigma = np.concatenate([part.sigma for part in parts])
        significant = np.concatenate([part.significant for part in parts])
        rival = np.concatenate([part.rival for part in parts])
        matches = np.concatenate([part.matches for part in parts])
        doubts = OffsetAmbiguity.joined([part.doubts for part in parts])
        return cls(Edges(*edges), sigma, significant, rival, matches, doubts)

    @property
    def accepted(self) -> BoolArray:
        """(E,) edges to be believed."""
        return self.significant & ~self.rival


def catalog_of(
    vectors: FloatArray,
    covariance: FloatArray,
    image: IntArray,
    separation: float,
    double: float,
    plate: Plate | None = None,
) -> Catalog:
    """A catalog for the search.

    Of detections of one image closer than `separation`, and of two images of the group closer than
    `double`, one stays: a star counted twice would make chance look significant. Where the first
    would take more than half the catalog, only what is closer than `double` is thinned.

    Parameters
    ----------
    vectors, covariance, image
        (N, 3), (N, 2, 2), (N,).
    separation, double
        [arcsec].
    plate
        Where on the detectors the detections are, if that is known.
    """
    tree = cKDTree(vectors)
    pairs = tree.query_pairs(float(chord(max(separation, double))), output_type="ndarray")
    gap = np.linalg.norm(vectors[pairs[:, 0]] - vectors[pairs[:, 1]], axis=1)
    near = gap < chord(double)
    same = image[pairs[:, 0]] == image[pairs[:, 1]]
    dropped = np.zeros(len(vectors), bool)
    dropped[pairs[near | same].max(axis=1, initial=0)] = True
    if 2 * dropped.sum() > len(vectors):
        dropped[:] = False
        dropped[pairs[near].max(axis=1, initial=0)] = True
    middle = vectors.mean(axis=0)
    middle = middle / np.linalg.norm(middle)
    radius = float(np.linalg.norm(vectors - middle, axis=1).max()) / float(chord(1.0))
    variance = float(np.median(0.5 * np.trace(covariance, axis1=1, axis2=2)))
    kept = None if plate is None else plate.take(~dropped)
    return Catalog(cKDTree(vectors[~dropped]), variance, radius, kept)


def window_of(reach: Reach, variance: float) -> float:
    """Side of a window of the search [arcsec].

    Wide enough for what no offset can take out (noise, detectors a few 10 mas off, a roll between
    two steps of the grid), narrow enough that chance is rare, and not so narrow that a wide search
    would need more than some 100 windows a side.
    """
    wide = max(0.12, reach.radius / 64.0, 8.0 * np.sqrt(variance))
    # a tolerance of a hair must not make a histogram of a billion windows
    return float(max(min(wide, reach.tolerance), reach.radius / 250.0, 1e-3))


def find_edges(nodes: IntArray, catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach) -> Found:
    """The motion of each edge.

    Parameters
    ----------
    nodes
        (E, 2) what the edges are between.
    catalogs
        E pairs of catalogs.
    reach
        How far to search.
    """
    parts = [
        _find(nodes[part], [catalogs[number] for number in part], reach)
        for part in _batches(catalogs, reach)
    ]
    if not parts:
        return _none()
    return Found.joined(parts)


def _none() -> Found:
    empty, points, never = np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool)
    nodes = np.zeros((0, 2), np.int64)
    edges = Edges(nodes, points, points, empty, empty, empty, empty)
    return Found(edges, empty, never, never, np.zeros(0, np.int64), no_ambiguity(0))


def _batches(catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach) -> list[IntArray]:
    """Edges in batches of about as many pairs as fit into memory."""
    if not catalogs:
        return []
    size = np.array([_expected_pairs(one, other, reach) for one, other in catalogs])
    number = (np.cumsum(size) // _BATCH).astype(np.int64)
    return np.split(np.arange(len(catalogs)), np.flatnonzero(np.diff(number)) + 1)


def _expected_pairs(one: Catalog, other: Catalog, reach: Reach) -> float:
    radius = reach.radius + np.deg2rad(reach.roll / 3600.0) * min(one.radius, other.radius)
    share = min(1.0, (radius / max(one.radius, other.radius, 1e-3)) ** 2)
    return float(one.tree.n * other.tree.n * share)


def _find(nodes: IntArray, catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach) -> Found:
    swing = np.deg2rad(reach.roll / 3600.0)
    extent = max(min(one.radius, other.radius) for one, other in catalogs)
    trees = [(one.tree, other.tree) for one, other in catalogs]
    pairs = make_pairs(trees, reach.radius + swing * extent)
    noise = np.array([one.variance + other.variance for one, other in catalogs])
    window = window_of(reach, float(np.median(noise)))
    rolls = roll_grid(reach.roll, float(np.max(pairs.lever)), window)
    plates = [(one.plate, other.plate) for one, other in catalogs]
    pinned = pinned_pairs(pairs, plates, noise, window)
    peaks, kept = _peaks(pairs, pinned, (reach.radius, window, rolls))
    pairs, pinned = pairs.take(kept), pinned[kept]
    # Errors may be overestimated: the width found may be half of what they say.
    found = expectation_maximisation(pairs, peaks, 0.25 * noise, window, (reach.radius, reach.roll))
    edges = Edges(
        pairs=nodes,
        vector=found.vector,
        direction=found.direction,
        lever=found.lever,
        shift_sigma=np.sqrt(found.shift_variance),
        roll_sigma=np.sqrt(found.roll_variance),
        log_chance=found.log_chance,
    )
    significant = (found.log_chance < SIGNIFICANT) & (found.true >= 2.5)
    doubts = second_peaks(pairs, peaks, reach.radius, window, significant & ~peaks.rival)
    doubts = replace(doubts, pinned=_pinned_counts(pairs, peaks, pinned, window))
    return Found(edges, found.sigma, significant, peaks.rival, peaks.count, doubts)


def _peaks(
    pairs: Pairs, pinned: BoolArray, how: tuple[float, float, FloatArray]
) -> tuple[Peaks, BoolArray]:
    """The peaks without what stays on the detector, and which pairs (K,) they are made of.

    Where nothing is significant without it, the edge has all its pairs: exposures of one pointing
    whose WCS are off have their stars at the same pixels.
    """
    kept = apart_from(pairs, pinned) if pinned.any() else np.ones(len(pinned), bool)
    peaks = search(pairs.take(kept), *how)
    stuck = np.bincount(pairs.edge[pinned], minlength=len(pairs.frames)) > 0
    stuck &= peaks.log_chance >= SIGNIFICANT
    if stuck.any():
        kept |= stuck[pairs.edge]
        peaks = search(pairs.take(kept), *how)
    return peaks, kept


def _pinned_counts(pairs: Pairs, peaks: Peaks, pinned: BoolArray, window: float) -> IntArray:
    """Detections (E,) of the peaks that stay on the detector, where they are most of them."""
    count = len(pairs.frames)
    difference = pairs.first - turned(pairs.second, peaks.roll[pairs.edge])
    inside = np.max(np.abs(difference - peaks.offset[pairs.edge]), axis=1) <= 0.5 * window
    own = inside & pinned
    size = distinct(pairs.edge[own], pairs.first_index[own], count)
    return np.where(2 * size > peaks.count, size, 0)
