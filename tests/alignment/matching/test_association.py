"""Friends of friends against brute force, and one detection per image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from tweakreg_step.alignment.matching import association as associate
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.core import sphere
from tweakreg_step.core.detections import Detections, Reference

FRAME = sphere.frames_at(359.9999, 60.0)


def _same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one, other], axis=1), axis=0)
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


@given(arrays(np.int64, (25, 2), elements=st.integers(-12, 12)), st.integers(0, 2**32 - 1))
def test_friends_are_the_same_in_any_order_and_place(place: np.ndarray, seed: int) -> None:
    """On a lattice, so that many are as far apart as others, none just at the radius."""
    rng, points = np.random.default_rng(seed), 0.01 * place
    _, expected = connected_components(cdist(points, points) < 0.025)
    order = rng.permutation(25)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    moved = points[order] @ quarter + rng.uniform(-1.0, 1.0, 2)
    assert _same_partition(associate.friends_of_friends(points, 0.025), expected)
    assert _same_partition(associate.friends_of_friends(moved, 0.025), expected[order])


@pytest.mark.parametrize("members", [2, 5, 40])
def test_friends_are_those_of_all_links(members: int) -> None:
    rng = np.random.default_rng(members)
    centres = rng.uniform(-30.0, 30.0, (50, 2))
    points = np.repeat(centres, members, axis=0) + 0.002 * rng.normal(size=(50 * members, 2))
    _, expected = connected_components(cdist(points, points) < 0.03)
    assert _same_partition(associate.friends_of_friends(points, 0.03), expected)


def test_sources_are_found_across_the_seam() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-30.0, 30.0, (40, 2))
    seen = np.concatenate([places + 0.001 * rng.normal(size=places.shape) for _ in range(4)])
    image = np.repeat(np.arange(4), 40)
    component = np.zeros(160, np.int64)
    source = associate.associate(sphere.from_plane(seen, FRAME), image, component, 0.01, 1.0)
    assert _same_partition(source, np.tile(np.arange(40), 4))


def test_components_do_not_share_sources() -> None:
    vectors = sphere.from_plane(np.zeros((4, 2)), FRAME)
    source = associate.associate(vectors, np.arange(4), np.array([0, 0, 5, -1]), 0.01, 1.0)
    assert source[0] == source[1] != source[2]
    assert source[3] == -1


def test_of_two_detections_of_an_image_the_nearer_stays() -> None:
    x = np.array([0.0, 0.001, 0.0005, 0.006])
    places = np.stack([x, np.zeros(4)], axis=1)
    source = associate.associate(
        sphere.from_plane(places, FRAME), np.array([0, 1, 2, 2]), np.zeros(4, np.int64), 0.01, 1.0
    )
    assert source[0] == source[1] == source[2] >= 0
    assert source[3] == -1


def test_what_one_other_image_cannot_tell_apart_is_left_out() -> None:
    places = np.array([[0.0, 0.0], [0.004, 0.0], [-0.004, 0.0]])
    source = associate.associate(
        sphere.from_plane(places, FRAME), np.array([0, 1, 1]), np.zeros(3, np.int64), 0.01, 1.0
    )
    assert source[1] == source[2] == -1


def test_a_star_belongs_to_one_source() -> None:
    stars = sphere.from_plane(np.array([[0.0, 0.0], [5.0, 0.0]]), FRAME)
    seen = sphere.from_plane(np.array([[0.003, 0.0], [-0.001, 0.0], [9.0, 0.0]]), FRAME)
    star = associate.nearest_stars(seen, np.array([0, 1, 2]), stars, 0.01)
    assert star.tolist() == [-1, 0, -1]


def test_links_are_sorted_and_carry_the_path_of_the_star() -> None:
    ra, dec = sphere.ra_dec(sphere.from_plane(np.zeros((3, 2)), FRAME))
    detections = Detections.simple(ra, dec, np.array([0, 1, 1]), 0.001)
    later = sphere.ra_dec(sphere.from_plane(np.array([[0.05, 0.02]]), FRAME))
    here = sphere.ra_dec(sphere.from_plane(np.zeros((1, 2)), FRAME))
    reference = Reference(
        *here,
        np.eye(2)[None] * 1e-6,
        np.stack([here[0], later[0]]),
        np.stack([here[1], later[1]]),
    )
    links, index = link(detections, np.array([0, 0, -1]), reference, np.array([0]))
    assert index.tolist() == [0, 1, 3]
    assert links.group.tolist() == [0, 1, -1]
    np.testing.assert_allclose(links.drift, [[0, 0], [0.05, 0.02], [0, 0]], atol=1e-8)
