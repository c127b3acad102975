"""The graph of overlaps: pairs of groups with overlapping footprints, components, bridges.

Nodes are groups; the reference catalog, if there is one, is the last node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import (
    breadth_first_order,
    connected_components,
    minimum_spanning_tree,
)
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import order_of_labels
from tweakreg_step.core.sphere import chord, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = [
    "bridges",
    "components",
    "forest_walk",
    "members",
    "overlapping",
    "shared_counts",
    "sharing",
    "spanning_tree",
    "well_connected",
]

_DIRECTIONS = 8
"""Number of strips whose intersection is a footprint: a polygon of twice as many sides."""

_SAMPLE = 32
"""Detections of a group that are tested for lying in another group's footprint."""

_MANY = 60_000
"""Number of candidate pairs above which each group is paired with a sample of neighbours only."""


def _candidates(centres: FloatArray, reach: float) -> IntArray:
    """Pairs (E, 2) of centres (G, 3) that are at most `reach` (a chord) apart."""
    tree = cKDTree(centres)
    count = len(centres)
    if count * count <= 2 * _MANY or tree.count_neighbors(tree, reach) <= 2 * _MANY + count:
        return np.asarray(tree.query_pairs(reach, output_type="ndarray"), dtype=np.int64)
    rank = np.unique(np.geomspace(1, min(count - 1, 400), 60).astype(int))
    distance, other = tree.query(centres, k=rank + 1, distance_upper_bound=reach)
    own, column = np.nonzero(np.isfinite(distance))
    pairs = np.sort(np.stack([own, other[own, column]], axis=1), axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0), dtype=np.int64)


def footprints_of(
    vectors: FloatArray, group: IntArray, frames: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Low and high edges (G, 8) of the strips [arcsec], directions (8, 2) of the strips, corners.

    The corners (G, 16) of a footprint are the detections on the strips' edges.
    """
    angle = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    strips = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = to_plane(vectors, frames[group]) @ strips.T
    low = np.full((len(frames), _DIRECTIONS), np.inf)
    high = np.full((len(frames), _DIRECTIONS), -np.inf)
    order = order_of_labels(group)
    filled, first = np.unique(group[order], return_index=True)
    if len(filled):
        low[filled] = np.minimum.reduceat(along[order], first)
        high[filled] = np.maximum.reduceat(along[order], first)
    corners = np.zeros((len(frames), 2 * _DIRECTIONS), np.int64)
    for strip in range(_DIRECTIONS):
        for column, edge in ((strip, low), (strip + _DIRECTIONS, high)):
            there = np.flatnonzero(along[:, strip] == edge[group, strip])
            corners[group[there], column] = there
    return low, high, strips, corners


def _sample(group: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """A sample (G, 32) of each group's detections, repeated if there are fewer, and sizes (G,)."""
    size = np.bincount(group, minlength=count)
    order = np.argsort(group, kind="stable")
    start = np.cumsum(size) - size
    step = np.arange(_SAMPLE)[None, :] * size[:, None] // _SAMPLE
    return order[np.minimum(start[:, None] + step, len(group) - 1)], size


def overlapping(
    vectors: FloatArray, group: IntArray, frames: FloatArray, margin: float
) -> tuple[IntArray, FloatArray]:
    """Pairs of groups whose footprints overlap.

    Parameters
    ----------
    vectors, group
        Directions (N, 3) and groups (N,) of the detections.
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    margin
        Margin around a footprint [arcsec]: the largest offset searched.

    Returns
    -------
    pairs, expected
        (E, 2) groups, the first number below the second, and (E,) expected number of common
        sources: the smaller of the numbers of each group's detections inside the other's footprint.
    """
    count = len(frames)
    filled = np.flatnonzero(np.bincount(group, minlength=count))
    if len(filled) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    low, high, strips, corners = footprints_of(vectors, group, frames)
    radius = np.zeros(count)
    np.maximum.at(radius, group, np.hypot(*to_plane(vectors, frames[group]).T))
    pairs = filled[_candidates(frames[filled, 2], float(chord(2.0 * radius.max() + margin)))]
    sample, size = _sample(group, count)
    sample = np.concatenate([corners, sample], axis=1)
    expected, most = np.full(len(pairs), np.inf), np.zeros(len(pairs))
    for part in np.array_split(np.arange(len(pairs)), len(pairs) // 4000 + 1):
        for one, other in (pairs[part].T, pairs[part].T[::-1]):
            places = to_plane(vectors[sample[one]], frames[other][:, None]) @ strips.T
            inside = (places > low[other][:, None] - margin) & (
                places < high[other][:, None] + margin
            )
            held = inside.all(axis=2)
            # a corner inside shows an overlap that is too small for the sample
            share = np.maximum(held[:, -_SAMPLE:].mean(axis=1), 0.5 / _SAMPLE * held.any(axis=1))
            share = share * size[one]
            expected[part] = np.minimum(expected[part], share)
            most[part] = np.maximum(most[part], share)
    # if only one of two has a corner in the other, half a source is expected
    keep = most > 0.0
    return pairs[keep], np.maximum(expected[keep], 0.5)


def well_connected(pairs: IntArray, expected: FloatArray, count: int, degree: int = 6) -> IntArray:
    """Indices of a sufficient subset of pairs: each group's best, some others, and a spanning tree.

    In a stack all pairs overlap, and the best partners of all groups are the same few. Half of a
    group's partners are therefore drawn, by a fixed hash, from those at least half as good as its
    best. The pairs then make cycles, whose closure checks each offset.
    """
    number = np.arange(len(pairs))
    one = np.concatenate([pairs[:, 0], pairs[:, 1]])
    index = np.concatenate([number, number])
    value = expected[index]
    best = np.zeros(count)
    np.maximum.at(best, one, value)
    mixed = (pairs[:, 0] * 73856093) ^ (pairs[:, 1] * 19349663)
    draw = np.where(value >= 0.5 * best[one], (mixed[index] * 2654435761) % 4294967291, 2**32)
    chosen = np.zeros(len(pairs), bool)
    for key in (-value, draw):
        order = np.lexsort((index, key, one))
        rank = np.arange(len(order)) - np.searchsorted(one[order], one[order])
        chosen[index[order[rank < degree // 2]]] = True
    chosen[spanning_tree(pairs, 1.0 / expected, count)] = True
    return np.flatnonzero(chosen)


def spanning_tree(pairs: IntArray, cost: FloatArray, count: int) -> IntArray:
    """Indices of the pairs (E, 2) of the spanning forest of least cost (E,), costs above 0."""
    graph = sparse.coo_matrix((cost, (pairs[:, 0], pairs[:, 1])), (count, count))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    low, high = np.sort(pairs, axis=1).T
    key = low * count + high
    order = np.argsort(key)
    wanted = np.minimum(tree.row, tree.col) * count + np.maximum(tree.row, tree.col)
    return np.sort(order[np.searchsorted(key[order], wanted)])


def components(pairs: IntArray, count: int) -> IntArray:
    """Labels (G,) of the connected components of a graph with edges `pairs` (E, 2)."""
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def sharing(source: IntArray, group: IntArray, count: int) -> IntArray:
    """Labels (G,) of groups connected by shared sources.

    `source` and `group` (N,) are those of the detections. The graph connects groups with sources,
    so that the millions of pairs in a stack of thousands of groups are not needed.
    """
    size = count + int(source.max(initial=-1)) + 1
    return components(np.stack([group, count + source], axis=1), size)[:count]


def members(label: IntArray) -> list[IntArray]:
    """Indices of the elements of each label (N,), for all labels in ascending order.

    Negative labels are left out.
    """
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    edges = np.flatnonzero(np.diff(ordered)) + 1
    parts = np.split(order, edges) if len(order) else []
    return [part for part in parts if label[part[0]] >= 0]


def forest_walk(pairs: IntArray, count: int, roots: IntArray) -> tuple[IntArray, IntArray]:
    """Nodes in an order in which each follows its predecessor, and predecessors (count,).

    The predecessor of a root is -1.

    Parameters
    ----------
    pairs, count
        Edges (E, 2) of a forest of `count` nodes.
    roots
        One node of each tree.
    """
    # one more node, connected to all roots, so that thousands of trees are walked at once
    above = np.stack([np.full(len(roots), count), roots], axis=1)
    every = np.concatenate([pairs, above])
    size = count + 1
    graph = sparse.coo_matrix((np.ones(len(every)), (every[:, 0], every[:, 1])), (size, size))
    order, before = breadth_first_order(graph.tocsr(), count, directed=False)
    before = np.where(before[:count] == count, -1, before[:count])
    return np.asarray(order[1:], np.int64), np.asarray(before, np.int64)


def bridges(pairs: IntArray, count: int) -> BoolArray:
    """Mask (E,) of the bridges: pairs in no cycle, without which a component falls apart.

    Each pair outside a spanning forest closes a cycle with the path between its ends; the pairs of
    a path are merged once covered, so that none is walked twice. Of the pairs outside, those of a
    second forest suffice (Nagamochi & Ibaraki 1992, Algorithmica 7, 583).
    """
    label = components(pairs, count)
    found = np.zeros(len(pairs), bool)
    in_tree = np.zeros(len(pairs), bool)
    in_tree[spanning_tree(pairs, np.ones(len(pairs)), count)] = True
    depth = np.zeros(count, np.int64)
    order, parent = forest_walk(pairs[in_tree], count, np.unique(label, return_index=True)[1])
    for node in order:
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
    closing = pairs[~in_tree]
    closing = closing[spanning_tree(closing, np.ones(len(closing)), count)]
    top = _covered(closing, parent, depth)
    for number in np.flatnonzero(in_tree):
        a, b = pairs[number]
        child = a if parent[a] == b else b
        found[number] = top[child] == child
    return found


def _covered(closing: IntArray, parent: IntArray, depth: IntArray) -> IntArray:
    """For each node, the highest node that it is merged with.

    It is the node itself if the pair with its parent is in no cycle.
    """
    top = np.arange(len(parent))

    def find(node: int) -> int:
        while top[node] != node:
            top[node] = top[top[node]]
            node = int(top[node])
        return node

    for a, b in closing.tolist():
        one, other = find(a), find(b)
        while one != other:
            if depth[one] < depth[other]:
                one, other = other, one
            top[one] = parent[one]
            one = find(one)
    return top


def shared_counts(source: IntArray, group: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Pairs of groups that share sources.

    Parameters
    ----------
    source, group
        (N,) source and group of the detections.
    count
        Number of groups.

    Returns
    -------
    pairs, shared
        (E, 2) groups, the first number below the second, and (E,) number of shared sources.
    """
    size = int(source.max(initial=-1)) + 1
    seen = sparse.coo_matrix((np.ones(len(source)), (source, group)), (size, count)).tocsr()
    seen.data[:] = 1.0
    common = sparse.triu(seen.T @ seen, k=1).tocoo()
    pairs = np.stack([common.row, common.col], axis=1).astype(np.int64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], np.round(common.data[order]).astype(np.int64)
