"""The graph of overlaps, checked against brute force."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_step.alignment.matching import overlap_graph as graph
from tweakreg_step.core import sphere
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def _random_pairs(rng: np.random.Generator, count: int, number: int) -> np.ndarray:
    pairs = np.sort(rng.integers(0, count, (number, 2)), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


GRAPHS = st.sets(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]),
    max_size=30,
).map(lambda pairs: np.array(sorted(pairs), np.int64).reshape(-1, 2))


@given(GRAPHS)
def test_a_bridge_is_what_splits_a_component(pairs: np.ndarray) -> None:
    whole = graph.components(pairs, 12).max()
    expected = [
        graph.components(np.delete(pairs, number, axis=0), 12).max() > whole
        for number in range(len(pairs))
    ]
    assert graph.bridges(pairs, 12).tolist() == expected


@given(GRAPHS, st.permutations(range(12)), st.randoms(use_true_random=False))
def test_names_and_order_of_nodes_do_not_matter(
    pairs: np.ndarray, names: list[int], shuffle: random.Random
) -> None:
    order = list(range(len(pairs)))
    shuffle.shuffle(order)
    renamed = np.sort(np.array(names)[pairs[order]], axis=1)
    label, other = graph.components(pairs, 12), graph.components(renamed, 12)[names]
    together = label[:, None] == label
    np.testing.assert_array_equal(other[:, None] == other, together)
    np.testing.assert_array_equal(graph.bridges(renamed, 12), graph.bridges(pairs, 12)[order])
    cost = 1.0 + np.arange(len(pairs))
    tree = graph.spanning_tree(pairs, cost, 12)
    again = graph.spanning_tree(renamed, cost[order], 12)
    assert sorted(np.array(order, int)[again]) == sorted(tree)
    # as many edges as it takes, and they tie what all do
    assert len(tree) == 12 - len(np.unique(label))
    grown = graph.components(pairs[tree], 12)
    np.testing.assert_array_equal(grown[:, None] == grown, together)


def test_no_pairs_no_bridges() -> None:
    none = np.zeros((0, 2), np.int64)
    assert len(graph.bridges(none, 3)) == 0
    assert graph.components(none, 3).tolist() == [0, 1, 2]


def test_the_tree_is_the_cheapest() -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    assert graph.spanning_tree(pairs, np.array([1.0, 3.0, 2.0]), 3).tolist() == [0, 2]


@pytest.mark.parametrize("pole", [(0.0, 0.0), (150.0, 89.99), (10.0, -90.0)])
def test_neighbours_of_a_mosaic_overlap_and_others_do_not(pole: tuple[float, float]) -> None:
    scene = make_scene(Setup(layout("mosaic", 4, 0.2), pole=pole, shift=0.01, roll=0.0), 1)
    detections = scene.detections
    frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
    vectors = sphere.directions(detections.ra, detections.dec)
    pairs, expected = graph.overlapping(vectors, detections.group, frames, 0.5)
    place = np.stack(np.divmod(np.arange(16), 4), axis=1)
    every = [(a, b) for a in range(16) for b in range(a + 1, 16)]
    touching = {(a, b) for a, b in every if np.abs(place[a] - place[b]).max() <= 1}
    beside = {(a, b) for a, b in touching if np.abs(place[a] - place[b]).sum() == 1}
    found = {(int(a), int(b)) for a, b in pairs}
    assert beside <= found <= touching
    sides = [number for number, (a, b) in enumerate(pairs.tolist()) if (a, b) in beside]
    # A fifth of some 160 stars, sampled at 32 places
    assert np.median(expected[sides]) == pytest.approx(32.0, rel=0.3)


def test_small_overlaps_are_not_missed() -> None:
    """A twelfth of a field: eight sources of a hundred, which a sample of a third may miss."""
    for seed in range(40):
        setup = Setup(layout("strip", 2, 0.08), density=0.03, shift=0.01, roll=0.0)
        scene = make_scene(setup, seed)
        detections = scene.detections
        frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
        vectors = sphere.directions(detections.ra, detections.dec)
        pairs, expected = graph.overlapping(vectors, detections.group, frames, 2.0)
        assert pairs.tolist() == [[0, 1]]
        assert expected[0] > 0.0


def test_a_stack_needs_few_pairs_and_has_no_bridge() -> None:
    count = 60
    pairs = np.array([(a, b) for a in range(count) for b in range(a + 1, count)])
    chosen = pairs[graph.well_connected(pairs, np.full(len(pairs), 100.0), count)]
    assert len(chosen) < 7 * count
    assert graph.components(chosen, count).max() == 0
    assert not graph.bridges(chosen, count).any()


def test_many_groups_at_one_place_stay_connected() -> None:
    rng = np.random.default_rng(3)
    count = 500
    centres = sphere.from_plane(rng.normal(size=(count, 2)), sphere.frames_at(1.0, 1.0))
    vectors = np.repeat(centres, 4, axis=0) + 1e-5 * rng.normal(size=(4 * count, 3))
    pairs, _ = graph.overlapping(
        vectors, np.repeat(np.arange(count), 4), sphere.frames_of(centres), 2.0
    )
    assert len(pairs) < 40_000
    assert graph.components(pairs, count).max() == 0


def test_shared_sources_are_counted() -> None:
    source = np.array([0, 0, 1, 1, 1, 2])
    group = np.array([0, 1, 0, 1, 2, 2])
    pairs, shared = graph.shared_counts(source, group, 3)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert shared.tolist() == [2, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_forest_is_walked_from_its_roots(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = _random_pairs(rng, 30, 25)
    tree = pairs[graph.spanning_tree(pairs, np.ones(len(pairs)), 30)]
    label = graph.components(tree, 30)
    roots = np.array([rng.choice(part) for part in graph.members(label)])
    order, before = graph.forest_walk(tree, 30, roots)
    assert sorted(order.tolist()) == list(range(30))
    assert sorted(np.flatnonzero(before < 0).tolist()) == sorted(roots.tolist())
    place = np.argsort(order)
    child = np.flatnonzero(before >= 0)
    assert (place[before[child]] < place[child]).all()
    edges = {
        tuple(sorted(pair)) for pair in zip(child.tolist(), before[child].tolist(), strict=True)
    }
    assert edges == {tuple(pair) for pair in tree.tolist()}


def test_members_of_labels() -> None:
    label = np.array([3, -1, 0, 3, 0, -1, 7])
    assert [part.tolist() for part in graph.members(label)] == [[2, 4], [0, 3], [6]]
    assert graph.members(np.full(3, -1)) == []
    assert graph.members(np.zeros(0, np.int64)) == []


@pytest.mark.parametrize("seed", range(5))
def test_shared_sources_tie_as_their_pairs_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, group = rng.integers(0, 40, 60), rng.integers(0, 30, 60)
    pairs, _ = graph.shared_counts(source, group, 30)
    np.testing.assert_array_equal(graph.sharing(source, group, 30), graph.components(pairs, 30))
    none = np.zeros(0, np.int64)
    assert graph.sharing(none, none, 2).tolist() == [0, 1]
