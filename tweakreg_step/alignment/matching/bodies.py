"""Sets of groups cross-matched as bodies: the merged catalog of one against that of another.

Groups of one visit tie each other, so that nothing looks amiss where a whole visit lies beside
another one. Bodies whose footprints come near each other are therefore compared as wholes, with
offsets up to the search radius first, then far beyond, then with rolls of degrees. Each of these
ranges gets an equal share of the probability of chance: a prior of the offset with heavy tails, as
pointing errors have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.sphere import angular_distance, chord, rotation_matrices

from .association import friends_of_friends
from .coverage import Footprints
from .cross_match import Reach, catalog_of, find_edges
from .overlap_graph import overlapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.options import Options

    from .cross_match import FoundEdges


__all__ = ["Bodies", "BodyPair", "beyond", "compare_bodies", "plain_ranges", "wide_ranges"]

_SURE = float(np.log(1e-6))
"""Logarithm of the probability of chance, all ranges included, below which two bodies match: no
closed cycle checks it."""

_MOST, _MOST_ROLLED = 2000, 600
"""Sources of a body in a search, and in one over rolls of degrees: those of several groups first,
then the brightest. The number of pairs grows with the square."""

_DOUBLE = 0.3
"""Sources of a body closer than this are the same star [arcsec]."""

_WINDOW = 0.3
"""Side of a window of the search [arcsec]: a body's own groups agree much better than that."""

_AGREE = 4.0
"""Distance of common sources, in errors of a difference per axis, up to which they are counted."""

_FEWEST = 10
"""Sources in places that several groups of a body saw, from which on their share that several of
them found says how many are real."""

_REAL = 0.5
"""That share where it is not known."""

_WIDE = 5.0, 30.0, 60.0
"""Radius of a wide search: a factor of the search radius, and its limits [arcsec]."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """The N detections of groups, some of which form bodies.

    Attributes
    ----------
    vectors, variance
        (N, 3) directions, after the groups' corrections, and (N,) variances per axis [arcsec^2].
    group, image
        (N,) indices.
    flux
        (N,) in any unit, NaN where unknown.
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    body
        (G,) label of the body of each group, -1 where it is in none.
    radius
        Distance within which detections of a body are of one source [arcsec].
    """

    vectors: FloatArray
    variance: FloatArray
    group: IntArray
    image: IntArray
    flux: FloatArray
    frames: FloatArray
    body: IntArray
    radius: float


@dataclass(frozen=True, slots=True)
class BodyPair:
    """Two bodies that come near each other, and whether they match.

    Attributes
    ----------
    one, other
        Their labels.
    expected
        Number of sources that both should have found where they overlap.
    turn
        (3, 3) rotation that moves the other's positions onto the one's; None where none does.
    offset
        By how far that moves their common sources [arcsec]; NaN where they do not match.
    matches
        Number of common sources.
    log_chance
        Logarithm of the probability of as many by chance.
    sigma
        Error of a difference of two positions per axis [arcsec].
    ambiguity
        (1,) evidence for another offset; None where they do not match.
    """

    one: int
    other: int
    expected: float
    turn: FloatArray | None = None
    offset: float = float("nan")
    matches: int = 0
    log_chance: float = 0.0
    sigma: float = 0.0
    ambiguity: OffsetAmbiguity | None = None


@dataclass(frozen=True, slots=True)
class _Merged:
    """The S sources of a body.

    Directions (S, 3), variances (S,) [arcsec^2], number of its groups (S,) that found each, flux
    (S,), and its images.
    """

    vectors: FloatArray
    variance: FloatArray
    seen: IntArray
    flux: FloatArray
    images: IntArray

    def take(self, keep: IntArray) -> _Merged:
        return _Merged(
            self.vectors[keep],
            self.variance[keep],
            self.seen[keep],
            self.flux[keep],
            self.images,
        )


def beyond(radius: float) -> float:
    """Largest offset of a wide search [arcsec], for a search radius."""
    factor, least, most = _WIDE
    return float(max(radius, np.clip(factor * radius, least, most)))


def plain_ranges(options: Options) -> list[Reach]:
    """Ranges within the search radius, that of usual rolls first."""
    swing = 3.0 * np.sqrt(2.0) * options.roll_sigma
    rolls = [swing, options.max_roll] if options.max_roll > swing else [swing]
    return [Reach(options.searchrad, roll, min(options.tolerance, _WINDOW)) for roll in rolls]


def wide_ranges(options: Options) -> list[Reach]:
    """Ranges within the search radius and beyond it, the most plausible first."""
    near = plain_ranges(options)
    far = beyond(options.searchrad)
    return [Reach(r, item.roll, item.tolerance) for item in near for r in (item.radius, far)]


def compare_bodies(bodies: Bodies, ranges: Sequence[Reach], margin: float) -> list[BodyPair]:
    """Compare all pairs of bodies whose footprints come near each other.

    Parameters
    ----------
    bodies
        The bodies.
    ranges
        To search, one after another, until one of them gives a match.
    margin
        Largest distance of two footprints [arcsec].
    """
    labels = np.unique(bodies.body[bodies.body >= 0])
    if len(labels) < 2:
        return []
    near = _near(bodies, margin)
    if not near:
        return []
    footprints = Footprints.of(bodies.vectors, bodies.image)
    merged = {label: _merged(bodies, label) for label in sorted({i for pair in near for i in pair})}
    return [_compared(bodies, footprints, merged, pair, ranges) for pair in near]


def _near(bodies: Bodies, margin: float) -> list[tuple[int, int]]:
    """Pairs of labels, ascending, of bodies of which two groups overlap."""
    own = bodies.body[bodies.group] >= 0
    pairs, _ = overlapping(bodies.vectors[own], bodies.group[own], bodies.frames, margin)
    label = np.sort(bodies.body[pairs], axis=1)
    found = np.unique(label[label[:, 0] != label[:, 1]], axis=0)
    return [(int(one), int(other)) for one, other in found]


def _merged(bodies: Bodies, body: int) -> _Merged:
    """The sources of one body: detections closer than its radius are of the same one."""
    own = np.flatnonzero(bodies.body[bodies.group] == body)
    label = friends_of_friends(bodies.vectors[own], float(chord(bodies.radius)))
    size = np.bincount(label)
    sums = np.stack([np.bincount(label, axis) for axis in bodies.vectors[own].T], axis=1)
    width = int(bodies.group.max()) + 1
    different = np.unique(label * width + bodies.group[own]) // width
    flux = np.full(len(size), -np.inf)
    np.maximum.at(flux, label, np.nan_to_num(bodies.flux[own], nan=-np.inf))
    return _Merged(
        sums / np.linalg.norm(sums, axis=1, keepdims=True),
        np.bincount(label, bodies.variance[own]) / size,
        np.bincount(different, minlength=len(size)),
        flux,
        np.unique(bodies.image[own]),
    )


def _compared(
    bodies: Bodies,
    footprints: Footprints,
    merged: dict[int, _Merged],
    pair: tuple[int, int],
    ranges: Sequence[Reach],
) -> BodyPair:
    one, other = (merged[label] for label in pair)
    group_of_image = np.zeros(len(footprints.radius), np.int64)
    group_of_image[bodies.image] = bodies.group
    expected = min(
        _common(one, other, footprints, group_of_image),
        _common(other, one, footprints, group_of_image),
    )
    for reach in ranges:
        rolled = reach.roll > min(item.roll for item in ranges)
        most = _MOST_ROLLED if rolled else _MOST
        parts = [
            _chosen(own, footprints, there, reach.radius, most)
            for own, there in ((one, other.images), (other, one.images))
        ]
        found = _search(parts[0], parts[1], reach)
        if found is not None and found.edges.log_chance[0] + np.log(len(ranges)) < _SURE:
            return _match(pair, expected, found, parts)
    return BodyPair(*pair, expected)


def _common(
    own: _Merged, other: _Merged, footprints: Footprints, group_of_image: IntArray
) -> float:
    """Number of a body's real sources that lie in images of another body.

    Where several groups of the body saw a place, what only one of them found there is not real.
    """
    inside = np.unique(footprints.covering(own.vectors, other.images, 0.0)[0])
    if len(inside) == 0:
        return 0.0
    point, image = footprints.covering(own.vectors[inside], own.images, 0.0)
    width = len(group_of_image) + 1
    times = np.bincount(np.unique(point * width + group_of_image[image]) // width)
    several = np.flatnonzero(times > 1)
    share = _REAL
    if len(several) >= _FEWEST:
        share = float(np.mean(own.seen[inside[several]] > 1))
    return share * len(inside)


def _chosen(
    own: _Merged, footprints: Footprints, images: IntArray, margin: float, most: int
) -> _Merged:
    """The best sources of a body within reach of another one's images."""
    inside = np.unique(footprints.covering(own.vectors, images, margin)[0])
    # golden ratio: any number of the first is spread evenly
    place = np.arange(len(inside)) * 0.6180339887498949 % 1.0
    order = np.lexsort((place, -own.flux[inside], -np.minimum(own.seen[inside], 2)))
    return own.take(np.sort(inside[order[:most]]))


def _search(one: _Merged, other: _Merged, reach: Reach) -> FoundEdges | None:
    """The edge of two catalogs, None where it is not significant, or another is as good."""
    if min(len(one.seen), len(other.seen)) < 2:
        return None
    catalogs = [
        catalog_of(
            part.vectors,
            part.variance[:, None, None] * np.eye(2),
            np.zeros(len(part.seen), np.int64),
            0.0,
            _DOUBLE,
        )
        for part in (one, other)
    ]
    found = find_edges(np.zeros((1, 2), np.int64), [(catalogs[0], catalogs[1])], reach)
    return found if found.accepted[0] else None


def _match(
    pair: tuple[int, int], expected: float, found: FoundEdges, parts: Sequence[_Merged]
) -> BodyPair:
    edges = found.edges
    turn = np.asarray(rotation_matrices(edges.vector)[0])
    moved = turn @ edges.direction[0]
    near = chord(_AGREE * found.sigma[0])
    gap, _ = cKDTree(parts[0].vectors).query(parts[1].vectors @ turn.T, distance_upper_bound=near)
    return BodyPair(
        *pair,
        expected,
        turn,
        float(angular_distance(moved, edges.direction[0])),
        int(np.isfinite(gap).sum()),
        float(edges.log_chance[0]),
        float(found.sigma[0]),
        found.ambiguity,
    )
