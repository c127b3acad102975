"""Motions of nodes from motions of edges, with edges that lie."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.matching.cycle_closure import Edges, consistent
from tweakreg_step.core import sphere


def _ring(rng, size=2.0, count=8, noise=1e-3):
    """Nodes on a ring, each tied to the next two; true rotations of some arcsec."""
    angle = 2.0 * np.pi * np.arange(count) / count
    frame = sphere.frames_at(30.0, 40.0)
    places = 100.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    out = sphere.from_plane(places, frame)
    truth = sphere.rotation_matrices(size * rng.normal(size=(count, 3)))
    pairs = np.array([(a, (a + k) % count) for a in range(count) for k in (1, 2)])
    relative = np.swapaxes(truth[pairs[:, 0]], 1, 2) @ truth[pairs[:, 1]]
    vector = sphere.rotation_vectors(relative) + noise * rng.normal(size=(len(pairs), 3))
    ones = np.ones(len(pairs))
    middle = out[pairs].mean(axis=1)
    middle = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    chance = -50.0 * ones
    edges = Edges(pairs, vector, middle, 30.0 * ones, noise * ones, 3e-5 * ones, chance)
    return edges, truth, out


def _errors(rotation, truth, out):
    """Displacements [arcsec] after the common rotation of node 0 is removed."""
    common = truth[0] @ rotation[0].T
    moved = np.einsum("nij,nj->ni", common @ rotation, out)
    return sphere.angular_distance(moved, np.einsum("nij,nj->ni", truth, out))


def test_rotations_are_recovered() -> None:
    edges, truth, out = _ring(np.random.default_rng(1))
    rotation, agrees = consistent(edges, 8, 0, 0.7)
    assert agrees.all()
    assert _errors(rotation, truth, out).max() < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_false_edge_is_dropped(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges, truth, out = _ring(rng)
    vector, chance = edges.vector.copy(), edges.log_chance.copy()
    lie = int(rng.integers(len(vector)))
    vector[lie] += 1.5 * edges.direction[(lie + 4) % len(vector)][[1, 2, 0]]
    chance[lie] = -12.0
    rotation, agrees = consistent(
        Edges(
            edges.pairs,
            vector,
            edges.direction,
            edges.lever,
            edges.shift_sigma,
            edges.roll_sigma,
            chance,
        ),
        8,
        0,
        0.7,
    )
    assert np.flatnonzero(~agrees).tolist() == [lie]
    assert _errors(rotation, truth, out).max() < 0.02


def test_large_rotations_are_composed_exactly() -> None:
    edges, truth, out = _ring(np.random.default_rng(2), size=5000.0, noise=1e-6)
    rotation, agrees = consistent(edges, 8, 0, 0.7)
    assert agrees.all()
    # The adjustment is linear in rotations of 1.4 degrees, hence not exact; the match radius is.
    assert _errors(rotation, truth, out).max() < 2e-3


def test_no_edges() -> None:
    empty, points = np.zeros(0), np.zeros((0, 3))
    edges = Edges(np.zeros((0, 2), np.int64), points, points, empty, empty, empty, empty)
    rotation, agrees = consistent(edges, 3, 2, 0.7)
    np.testing.assert_array_equal(rotation, np.broadcast_to(np.eye(3), (3, 3, 3)))
    assert len(agrees) == 0
