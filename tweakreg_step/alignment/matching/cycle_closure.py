"""Motions of all groups from relative motions of pairs, and pairs that contradict closed cycles.

An edge is a relative rotation of two nodes. The nodes' rotations are composed along the spanning
tree of the most significant edges, then adjusted to all edges by robust least squares; edges that
still disagree are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import factorise
from tweakreg_step.core.sphere import ARCSEC, rotation_matrices, rotation_vectors

from .overlap_graph import components, forest_walk, members, spanning_tree

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = ["Edges", "consistent"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Measured relative motions of E pairs of nodes.

    Attributes
    ----------
    pairs
        (E, 2) indices of the nodes.
    vector
        (E, 3) rotation vector [arcsec] that moves positions of the second node onto the first's.
    direction, lever
        (E, 3) mean direction of the matched pairs, and (E,) their rms distance from it [arcsec].
    shift_sigma, roll_sigma
        (E,) standard deviations of shift [arcsec] and roll [radians].
    log_chance
        (E,) logarithm of the probability of as many chance matches.
    """

    pairs: IntArray
    vector: FloatArray
    direction: FloatArray
    lever: FloatArray
    shift_sigma: FloatArray
    roll_sigma: FloatArray
    log_chance: FloatArray

    def take(self, keep: IntArray | BoolArray) -> Edges:
        """The edges selected by an index or a mask."""
        return Edges(*(getattr(self, name)[keep] for name in self.__slots__))


def _composed(edges: Edges, count: int, root: int) -> FloatArray:
    """Rotations (count, 3, 3) of the nodes, composed along the tree of most significant edges."""
    cost = 1.0 / (1.0 - edges.log_chance)
    tree = edges.take(spanning_tree(edges.pairs, cost, count))
    turn = rotation_matrices(tree.vector)
    step = {}
    for (a, b), matrix in zip(tree.pairs.tolist(), turn, strict=True):
        step[a, b], step[b, a] = matrix, matrix.T
    rotation = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()
    label = components(tree.pairs, count)
    roots = np.unique(label, return_index=True)[1]
    roots[label[root]] = root
    order, before = forest_walk(tree.pairs, count, roots)
    for node, parent in zip(order.tolist(), before[order].tolist(), strict=True):
        if parent >= 0:
            rotation[node] = rotation[parent] @ step[parent, node]
    return rotation


def _mismatch(edges: Edges, rotation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residual rotation (E, 3) of each edge's second node [arcsec], and displacement (E,)."""
    first, second = edges.pairs.T
    asked = rotation[first] @ rotation_matrices(edges.vector)
    vector = rotation_vectors(asked @ np.swapaxes(rotation[second], 1, 2))
    along = np.einsum("ei,ei->e", vector, edges.direction)
    across = vector - along[:, None] * edges.direction
    turn = np.abs(along) * edges.lever / ARCSEC
    return vector, np.hypot(np.linalg.norm(across, axis=1), turn)


def _adjust(edges: Edges, vector: FloatArray, weight: FloatArray, count: int) -> FloatArray:
    """Small rotations (count, 3) of the nodes that undo the mismatches, by least squares."""
    outer = edges.direction[:, :, None] * edges.direction[:, None, :]
    across = (weight / (edges.shift_sigma**2 + 1e-6))[:, None, None] * (np.eye(3) - outer)
    along = (weight / ((ARCSEC * edges.roll_sigma) ** 2 + 1e-6))[:, None, None] * outer
    blocks = across + along
    right = np.einsum("eij,ej->ei", blocks, vector)
    first, second = edges.pairs.T
    row = np.concatenate([first, second, first, second])
    column = np.concatenate([first, second, second, first])
    data = np.concatenate([blocks, blocks, -blocks, -blocks])
    rows = (3 * row[:, None, None] + np.arange(3)[:, None]) + np.zeros((1, 1, 3), np.int64)
    columns = (3 * column[:, None, None] + np.arange(3)) + np.zeros((1, 3, 1), np.int64)
    matrix = sparse.coo_matrix((data.ravel(), (rows.ravel(), columns.ravel())), (3 * count,) * 2)
    # a weak prior of zero on each rotation, for combinations that no edge determines
    loose = np.full(3 * count, 1e-8)
    total = np.zeros((count, 3))
    np.add.at(total, second, right)
    np.add.at(total, first, -right)
    # symmetric pivots: the reference has edges to all nodes; other pivots would fill the matrix
    return factorise(matrix.tocsc(), loose).solve(total.ravel()).reshape(count, 3)


def consistent(edges: Edges, count: int, root: int, limit: float) -> tuple[FloatArray, BoolArray]:
    """Rotations of the nodes, and the edges that agree with them.

    Parameters
    ----------
    edges
        E measured relative motions.
    count, root
        Number of nodes, and the node that is not rotated; in components without it, the median
        rotation is zero.
    limit
        Largest displacement by which an edge may disagree [arcsec]: the tolerance of matches.

    Returns
    -------
    rotation, agrees
        (count, 3, 3) rotation of each node's positions, and (E,) mask of agreeing edges.
    """
    if len(edges.pairs) == 0:
        return np.broadcast_to(np.eye(3), (count, 3, 3)).copy(), np.zeros(0, bool)
    rotation = _composed(edges, count, root)
    agrees = np.ones(len(edges.pairs), bool)
    spread = np.hypot(edges.shift_sigma, edges.roll_sigma * edges.lever)
    gate = np.minimum(np.maximum(0.03, 8.0 * spread), limit)
    for _ in range(8):
        vector, distance = _mismatch(edges, rotation)
        weight = 1.0 / (1.0 + (distance / gate) ** 2) ** 2
        delta = _adjust(edges, vector, weight, count)
        rotation = rotation_matrices(delta) @ rotation
        if np.abs(delta).max() < 1e-5:
            break
    _, distance = _mismatch(edges, rotation)
    agrees = distance <= 2.0 * gate
    kept = edges.take(agrees)
    if agrees.all() or not agrees.any():
        return _rooted(rotation, edges.pairs, count, root), agrees
    for _ in range(3):
        vector, _ = _mismatch(kept, rotation)
        rotation = rotation_matrices(_adjust(kept, vector, np.ones(len(vector)), count)) @ rotation
    return _rooted(rotation, kept.pairs, count, root), agrees


def _rooted(rotation: FloatArray, pairs: IntArray, count: int, root: int) -> FloatArray:
    """The rotations after a common one that makes the root's, or else the median, zero."""
    label = components(pairs, count)
    fixed = rotation.copy()
    for member in members(label):
        if label[root] == label[member[0]]:
            common = rotation[root].T
        else:
            # the median: a single group with a large error must not move all others
            common = rotation_matrices(-np.median(rotation_vectors(rotation[member]), axis=0))
        fixed[member] = common @ rotation[member]
    return fixed
