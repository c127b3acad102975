"""Cross-match of pairs of catalogs: the relative motion of each edge of the overlap graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching.false_matches.detector_artefacts import pinned_pairs
from tweakreg_step.alignment.matching.false_matches.second_peak import (
    OffsetAmbiguity,
    no_ambiguity,
    second_peaks,
)
from tweakreg_step.core.evidence import FEWEST
from tweakreg_step.core.memory import require_pairs
from tweakreg_step.core.sphere import chord

from .cycle_closure import Edges
from .expectation_maximisation import expectation_maximisation
from .offset_histogram import disjoint_from, distinct_counts, make_pairs, roll_grid, rotated, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.matching.false_matches.detector_artefacts import DetectorPositions
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .offset_histogram import Pairs, Peaks


__all__ = [
    "SIGNIFICANT",
    "Catalog",
    "FoundEdges",
    "Reach",
    "catalog_of",
    "find_edges",
    "no_edges",
    "window_of",
]

SIGNIFICANT = float(np.log(1e-4))
"""Logarithm of the probability of chance below which an edge is significant."""

_BATCH = 100_000
"""Pairs of detections searched at once, so that their arrays fit into the processor's cache."""

_DENSEST = 15.0
"""Detections of a thinned catalog on a square arcsecond, at most."""

_MANY = 2e6
"""Pairs for which there is always room."""

_CROWDED = 200
"""Neighbours of a detection, on average, beyond which a catalog is thinned before they are listed:
clumps would have as many pairs as the square of their detections."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog in the form that the search needs, with double detections removed.

    Attributes
    ----------
    tree
        Tree of the directions (N, 3).
    variance
        Median variance of the positions per axis [arcsec^2].
    radius
        Largest distance from the catalog's centre [arcsec].
    on_detector
        Positions on the detectors; None where unknown.
    """

    tree: cKDTree
    variance: float
    radius: float
    on_detector: DetectorPositions | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """The range of a search.

    Attributes
    ----------
    radius
        Largest offset [arcsec].
    roll
        Largest roll [arcsec as angle].
    tolerance
        Upper limit of the side of a histogram window [arcsec].
    """

    radius: float
    roll: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class FoundEdges:
    """The result of a search for E edges.

    Attributes
    ----------
    edges
        The relative motions.
    sigma
        (E,) error of a difference of two positions per axis [arcsec].
    significant, rival
        (E,) whether chance is excluded, and whether another offset is about equally good.
    matches
        (E,) number of detections that agree with the motion.
    ambiguity
        Sources of each edge that agree with another offset, or stay on the detector.
    """

    edges: Edges
    sigma: FloatArray
    significant: BoolArray
    rival: BoolArray
    matches: IntArray
    ambiguity: OffsetAmbiguity

    def take(self, keep: IntArray | BoolArray) -> FoundEdges:
        """The edges selected by an index or a mask."""
        rest = self.sigma[keep], self.significant[keep], self.rival[keep], self.matches[keep]
        return FoundEdges(self.edges.take(keep), *rest, self.ambiguity.take(keep))

    @classmethod
    def joined(cls, parts: Sequence[FoundEdges]) -> FoundEdges:
        """Concatenation of several results."""
        edges = [
            np.concatenate([getattr(part.edges, name) for part in parts])
            for name in Edges.__slots__
        ]
        sigma = np.concatenate([part.sigma for part in parts])
        significant = np.concatenate([part.significant for part in parts])
        rival = np.concatenate([part.rival for part in parts])
        matches = np.concatenate([part.matches for part in parts])
        ambiguity = OffsetAmbiguity.joined([part.ambiguity for part in parts])
        return cls(Edges(*edges), sigma, significant, rival, matches, ambiguity)

    @property
    def accepted(self) -> BoolArray:
        """(E,) mask of the edges that are significant and have no rival."""
        return self.significant & ~self.rival


def catalog_of(
    vectors: FloatArray,
    covariance: FloatArray,
    image: IntArray,
    separation: float,
    double: float,
    on_detector: DetectorPositions | None = None,
) -> Catalog:
    """A catalog for the search.

    Of detections of one image closer than `separation`, and of two images of the group closer than
    `double`, one is kept: a star counted twice would make chance pairs look significant. If that
    removes more than half the catalog, only `double` is applied.

    Parameters
    ----------
    vectors, covariance, image
        (N, 3) directions, (N, 2, 2) [arcsec^2] and (N,) image indices of the detections.
    separation, double
        Limits of the distance [arcsec].
    on_detector
        Positions of the detections on the detectors, if known.
    """
    tree = cKDTree(vectors)
    wide = float(chord(max(separation, double)))
    if tree.count_neighbors(tree, wide) > _CROWDED * len(vectors):
        first = _firsts_of_cells(vectors, 0.5 * float(chord(double)))
        vectors, covariance, image = vectors[first], covariance[first], image[first]
        on_detector = None if on_detector is None else on_detector.take(first)
        tree = cKDTree(vectors)
    pairs = tree.query_pairs(wide, output_type="ndarray")
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
    variance = float(np.median(mean_variance(covariance)))
    kept = None if on_detector is None else on_detector.take(~dropped)
    return Catalog(cKDTree(vectors[~dropped]), variance, radius, kept)


def _firsts_of_cells(vectors: FloatArray, side: float) -> BoolArray:
    """Mask of the first of vectors (N, 3) in each cell of a grid."""
    cells = np.floor(vectors / side).astype(np.int64)
    first = np.zeros(len(vectors), bool)
    first[np.unique(cells, axis=0, return_index=True)[1]] = True
    return first


def window_of(reach: Reach, variance: float) -> float:
    """Side of a window of the offset histogram [arcsec].

    Wide enough for differences that no common offset removes (noise, detectors displaced by a few
    10 mas, a roll between two steps of the grid), narrow enough that chance pairs are rare, and at
    least 1/250 of the search radius.
    """
    wide = max(0.12, reach.radius / 64.0, 8.0 * np.sqrt(variance))
    # a very small tolerance must not make a histogram of a billion windows
    return float(max(min(wide, reach.tolerance), reach.radius / 250.0, 1e-3))


def find_edges(
    nodes: IntArray, catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach
) -> FoundEdges:
    """The relative motion of each edge.

    Parameters
    ----------
    nodes
        (E, 2) indices of the nodes that each edge connects.
    catalogs
        (E,) pairs of catalogs.
    reach
        Range of the search.
    """
    parts = [
        _find(nodes[part], [catalogs[number] for number in part], reach)
        for part in _batches(catalogs, reach)
    ]
    if not parts:
        return no_edges()
    return FoundEdges.joined(parts)


def no_edges() -> FoundEdges:
    """The result of a search for no edge."""
    empty, points, never = np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool)
    nodes = np.zeros((0, 2), np.int64)
    edges = Edges(nodes, points, points, empty, empty, empty, empty)
    return FoundEdges(edges, empty, never, never, np.zeros(0, np.int64), no_ambiguity(0))


def _batches(catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach) -> list[IntArray]:
    """Indices of the edges in batches of about `_BATCH` pairs of detections."""
    if not catalogs:
        return []
    size = np.array([_expected_pairs(one, other, reach) for one, other in catalogs])
    number = (np.cumsum(size) // _BATCH).astype(np.int64)
    return np.split(np.arange(len(catalogs)), np.flatnonzero(np.diff(number)) + 1)


def _expected_pairs(one: Catalog, other: Catalog, reach: Reach) -> float:
    radius = reach.radius + np.deg2rad(reach.roll / 3600.0) * min(one.radius, other.radius)
    share = min(1.0, (radius / max(one.radius, other.radius, 1e-3)) ** 2)
    return float(one.tree.n * other.tree.n * share)


def _find(nodes: IntArray, catalogs: Sequence[tuple[Catalog, Catalog]], reach: Reach) -> FoundEdges:
    swing = np.deg2rad(reach.roll / 3600.0)
    extent = max(min(one.radius, other.radius) for one, other in catalogs)
    trees = [(one.tree, other.tree) for one, other in catalogs]
    distance = reach.radius + swing * extent
    _require_room(catalogs, distance)
    pairs = make_pairs(trees, distance)
    noise = np.array([one.variance + other.variance for one, other in catalogs])
    window = window_of(reach, float(np.median(noise)))
    rolls = roll_grid(reach.roll, float(np.max(pairs.lever)), window)
    on_detectors = [(one.on_detector, other.on_detector) for one, other in catalogs]
    pinned = pinned_pairs(pairs, on_detectors, noise, window)
    peaks, kept = _peaks(pairs, pinned, (reach.radius, window, rolls))
    pairs, pinned = pairs.take(kept), pinned[kept]
    # Errors may be overestimated: the fitted width may be down to half of theirs.
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
    significant = (found.log_chance < SIGNIFICANT) & (found.true >= FEWEST - 0.5)
    ambiguity = second_peaks(pairs, peaks, reach.radius, window, significant & ~peaks.rival)
    ambiguity = replace(ambiguity, pinned=_pinned_counts(pairs, peaks, pinned, window))
    return FoundEdges(edges, found.sigma, significant, peaks.rival, peaks.count, ambiguity)


def _require_room(catalogs: Sequence[tuple[Catalog, Catalog]], distance: float) -> None:
    """Check that the pairs within `distance` [arcsec] fit into memory, where they may be many."""
    sizes = np.array([(one.tree.n, other.tree.n) for one, other in catalogs], float)
    around = np.minimum(sizes.max(axis=1), _DENSEST * np.pi * distance**2)
    if np.sum(sizes.min(axis=1) * around) > _MANY:
        reach = float(chord(distance))
        count = sum(one.tree.count_neighbors(other.tree, reach) for one, other in catalogs)
        require_pairs(int(count), int(sizes.max()))


def _peaks(
    pairs: Pairs, pinned: BoolArray, how: tuple[float, float, FloatArray]
) -> tuple[Peaks, BoolArray]:
    """The histogram peaks without detections that stay on the detector, and the pairs (K,) used.

    Edges that have no significant peak without them keep all pairs: exposures of the same pointing
    with an error of the WCS also have their stars at the same pixels.
    """
    kept = disjoint_from(pairs, pinned) if pinned.any() else np.ones(len(pinned), bool)
    peaks = search(pairs.take(kept), *how)
    stuck = np.bincount(pairs.edge[pinned], minlength=len(pairs.frames)) > 0
    stuck &= peaks.log_chance >= SIGNIFICANT
    if stuck.any():
        kept |= stuck[pairs.edge]
        peaks = search(pairs.take(kept), *how)
    return peaks, kept


def _pinned_counts(pairs: Pairs, peaks: Peaks, pinned: BoolArray, window: float) -> IntArray:
    """Number (E,) of a peak's detections that stay on the detector, 0 if less than half do."""
    count = len(pairs.frames)
    difference = pairs.first - rotated(pairs.second, peaks.roll[pairs.edge])
    inside = np.max(np.abs(difference - peaks.offset[pairs.edge]), axis=1) <= 0.5 * window
    own = inside & pinned
    size = distinct_counts(pairs.edge[own], pairs.first_index[own], count)
    return np.where(2 * size > peaks.count, size, 0)
