"""A first guess of the offset of groups: pairs are searched around it, too, in either direction.

Of a pair nothing tells which of its groups is off, and two that are off alike are not off from each
other: so each is searched around no offset, and around the guess and its opposite.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.sphere import rotation_matrices, rotation_vectors

from .cross_match import Catalog, FoundEdges, Reach, find_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = ["find_edges_around"]

_TRIALS = float(np.log(3.0))


def find_edges_around(
    nodes: IntArray,
    catalogs: Sequence[tuple[Catalog, Catalog]],
    reach: Reach,
    start: tuple[float, float],
    frames: FloatArray,
) -> FoundEdges:
    """The relative motion of each edge, as by `find_edges`, the best of those around three offsets.

    Parameters
    ----------
    nodes, catalogs, reach
        As for `find_edges`.
    start
        First guess of the offset, east and north [arcsec]; zeros for none.
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    """
    plain = find_edges(nodes, catalogs, reach)
    if not any(start) or len(catalogs) == 0:
        return plain
    found = [plain]
    for sign in (1.0, -1.0):
        turn = _turns(frames[nodes[:, 0]], sign * np.array(start))
        moved = [(one, _moved(other, t)) for (one, other), t in zip(catalogs, turn, strict=True)]
        around = find_edges(nodes, moved, reach)
        vector = rotation_vectors(rotation_matrices(around.edges.vector) @ turn)
        found.append(replace(around, edges=replace(around.edges, vector=vector)))
    return _best(found)


def _turns(frames: FloatArray, offset: FloatArray) -> FloatArray:
    """Rotations (E, 3, 3) that take an offset, east and north [arcsec], back to none."""
    east, north, pole = frames[:, 0], frames[:, 1], frames[:, 2]
    return rotation_matrices(-np.cross(pole, offset[0] * east + offset[1] * north))


def _moved(catalog: Catalog, turn: FloatArray) -> Catalog:
    return replace(catalog, tree=cKDTree(np.asarray(catalog.tree.data) @ turn.T))


def _best(found: Sequence[FoundEdges]) -> FoundEdges:
    """For each edge the search that is least likely by chance; an accepted one before others."""
    count = len(found[0].sigma)
    rank = np.stack([np.where(one.accepted, one.edges.log_chance - 1e9, 0.0) for one in found])
    best = np.argmin(rank, axis=0)
    joined = FoundEdges.joined(found)
    chosen = joined.take(best * count + np.arange(count))
    # what was tried more often is more likely by chance
    edges = replace(chosen.edges, log_chance=chosen.edges.log_chance + _TRIALS)
    return replace(chosen, edges=edges)
