"""Association of detections to sources: friends of friends, at most one detection per image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import by_appearance, numbered_pairs
from tweakreg_step.core.sphere import chord, directions

from .overlap_graph import members

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Reference


__all__ = ["associate", "friends_of_friends", "nearest_stars", "renumber", "to_reference_epoch"]

_NEIGHBOURS = 6
"""Neighbours linked to each point at once: in a stack of a thousand images, all links would be half
a million per source."""

_AT_ONCE = 100_000
"""Points whose neighbours' distances are in memory at once."""


def _linked(points: FloatArray, radius: float) -> IntArray:
    """Labels (N,) of points linked to their nearest neighbours, numbered by their first point.

    All is in the order of the tree, where neighbours need the same branches and are near each other
    in memory.
    """
    # not balanced: sooner made, and sooner asked, where sources are clumps of points
    tree, count = cKDTree(points, balanced_tree=False), len(points)
    order = tree.indices
    rank = np.empty(count, np.int32)
    rank[order] = np.arange(count, dtype=np.int32)
    size, neighbours = min(_NEIGHBOURS, count), np.zeros(count + 1, np.int64)
    linked = []
    for first in range(0, count, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        _, other = tree.query(points[order[some]], k=size, distance_upper_bound=radius)
        other = other.reshape(-1, size)
        near = (other < count) & (other != order[some, None])
        neighbours[1:][some] = np.count_nonzero(near, axis=1)
        linked.append(rank[other[near]])
    column = np.concatenate(linked)
    rows = np.ones(len(column)), column, np.cumsum(neighbours)
    graph = csr_matrix(rows, shape=(count, count))
    merged = np.empty(count, np.int64)
    merged[order] = connected_components(graph, directed=False)[1]
    return by_appearance(merged)


def _means(points: FloatArray, label: IntArray) -> FloatArray:
    size = np.bincount(label)
    sums = [np.bincount(label, axis) for axis in points.T]
    return np.stack(sums, axis=1) / size[:, None]


def friends_of_friends(points: FloatArray, radius: float) -> IntArray:
    """Labels (N,) of groups of points (N, k) linked by steps of at most `radius`.

    Each point is linked to its nearest neighbours, then the groups' means are linked, until nothing
    changes. For groups as small as the radius this is equivalent to linking all pairs, at a cost
    that is not quadratic in the number of points.
    """
    label = np.arange(len(points))
    centres = points
    while len(centres) > 1:
        merged = _linked(centres, radius)
        if merged.max() + 1 == len(centres):
            break
        label = merged[label]
        centres = _means(points, label)
    return label


def _one_per_image(
    points: FloatArray, label: IntArray, image: IntArray, ambiguous: float
) -> BoolArray:
    """Mask (N,) of the points to use: per source and image, the one nearest to the source's centre.

    Where two detections of one image are closer to each other than `ambiguous` (a chord) and only
    one other image detects the source, it is not known which is right, and neither is used.
    """
    inverse, number = numbered_pairs(label, image)
    size = np.bincount(inverse, minlength=number)
    crowded = size[inverse] > 1
    keep = np.ones(len(points), bool)
    some = np.zeros(int(label.max(initial=-1)) + 1, bool)
    some[label[crowded]] = True
    own = np.flatnonzero(some[label])
    if len(own):
        one, other = (np.unique(each[own], return_inverse=True)[1] for each in (label, inverse))
        keep[own] = _nearest_of_images(points[own], one, other, crowded[own], ambiguous)
    return keep


def _nearest_of_images(
    points: FloatArray, label: IntArray, inverse: IntArray, crowded: BoolArray, ambiguous: float
) -> BoolArray:
    """The mask of `_one_per_image` for the sources that some image detects more than once.

    `inverse` (N,) numbers pairs of a source and an image, `crowded` (N,) are those with several.
    """
    count = int(label.max()) + 1
    # mean of the images with one detection of the source, or of all if there are none such
    clean = np.bincount(label[~crowded], minlength=count) > 0
    voters = ~crowded | ~clean[label]
    sums = [np.bincount(label[voters], axis[voters], minlength=count) for axis in points.T]
    centre = np.stack(sums, axis=1) / np.bincount(label[voters], minlength=count)[:, None]
    distance = np.linalg.norm(points - centre[label], axis=1)
    order = np.lexsort((distance, inverse))
    first = np.r_[True, inverse[order][1:] != inverse[order][:-1]]
    keep = np.zeros(len(points), bool)
    keep[order[first]] = True
    others = np.bincount(label[keep], minlength=count)
    lone = crowded & (others[label] == 2)
    gap = np.full(int(inverse.max()) + 1, np.inf)
    np.minimum.at(gap, inverse[~keep], np.linalg.norm(_gaps(points, inverse, keep), axis=1)[~keep])
    keep[lone & (gap[inverse] < ambiguous)] = False
    return keep


def _gaps(points: FloatArray, inverse: IntArray, keep: BoolArray) -> FloatArray:
    kept = np.zeros((int(inverse.max()) + 1, points.shape[1]))
    kept[inverse[keep]] = points[keep]
    return np.asarray(points - kept[inverse])


def associate(
    vectors: FloatArray, image: IntArray, component: IntArray, radius: float, separation: float
) -> IntArray:
    """Label (N,) of the source of each detection, -1 for detections that are not used.

    Parameters
    ----------
    vectors
        (N, 3) directions after the corrections.
    image, component
        (N,) indices; detections of different components never share a source; those of component
        -1 are not used.
    radius
        Largest distance between neighbouring detections of a source [arcsec].
    separation
        See `tweakreg_step.core.options.Options`.
    """
    source = np.full(len(vectors), -1, np.int64)
    taken = np.flatnonzero(component >= 0)
    if len(taken) == 0:
        return source
    points, own = vectors[taken], component[taken]
    if np.ptp(own) > 0:
        points = np.column_stack([points, own])
    label = friends_of_friends(points, float(chord(radius)))
    keep = _one_per_image(points, label, image[taken], float(chord(min(separation, 2.0 * radius))))
    source[taken[keep]] = label[keep]
    return source


def renumber(source: IntArray, needed: IntArray) -> IntArray:
    """Sources (N,) renumbered 0, 1, ..., -1 for those with fewer than `needed` (S,) detections."""
    count = int(source.max(initial=-1)) + 1
    size = np.bincount(source[source >= 0], minlength=count)
    keep = size >= needed[:count] if len(needed) else np.zeros(0, bool)
    number = np.full(count + 1, -1, np.int64)
    number[:-1][keep] = np.arange(int(keep.sum()))
    return np.asarray(number[source])


def nearest_stars(
    vectors: FloatArray, source: IntArray, reference: FloatArray, radius: float
) -> IntArray:
    """Reference star (S,) of each source, -1 where none; a star belongs to the nearest source only.

    Parameters
    ----------
    vectors, source
        Directions (N, 3) and sources (N,) of the detections, after the corrections.
    reference
        (M, 3) directions of the stars.
    radius
        Largest distance of a source's mean from its star [arcsec].
    """
    count = int(source.max(initial=-1)) + 1
    star = np.full(count, -1, np.int64)
    if count == 0 or len(reference) == 0:
        return star
    inside = source >= 0
    size = np.bincount(source[inside], minlength=count)
    sums = [np.bincount(source[inside], axis[inside], minlength=count) for axis in vectors.T]
    present = np.flatnonzero(size > 0)
    centre = (np.stack(sums, axis=1) / np.maximum(size, 1)[:, None])[present]
    limit = float(chord(radius))
    distance, nearest = cKDTree(reference).query(centre, distance_upper_bound=limit)
    order = np.lexsort((present, distance))
    order = order[np.isfinite(distance[order])]
    _, first = np.unique(nearest[order], return_index=True)
    chosen = order[first]
    star[present[chosen]] = nearest[chosen]
    return star


def to_reference_epoch(
    vectors: FloatArray, group: IntArray, reference: Reference | None, radius: float
) -> FloatArray:
    """Directions (N, 3) of detections, moved by their stars' proper motion to the catalog's epoch.

    Without it, a star with proper motion would be a different source at each epoch.

    Parameters
    ----------
    vectors
        (N, 3) directions after the corrections.
    group
        (N,), -1 for detections of groups that are not tied to the reference: these are not moved.
    reference
        Stars with positions at the epoch of each group; without those, nothing is moved.
    radius
        Largest distance of a detection from its star [arcsec].
    """
    if reference is None or reference.at_epochs is None:
        return vectors
    result, home = vectors.copy(), directions(reference.ra, reference.dec)
    for own in members(group):
        there = directions(*reference.seen_by(group[own[0]]))
        limit = float(chord(radius))
        distance, star = cKDTree(there).query(vectors[own], distance_upper_bound=limit)
        near = np.isfinite(distance)
        result[own[near]] += (home - there)[star[near]]
    return np.asarray(result / np.linalg.norm(result, axis=1, keepdims=True))
