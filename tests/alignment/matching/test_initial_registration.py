"""Which groups are tied, and how well the search's motions are known."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.group_rejection import group_frames
from tweakreg_step.alignment.matching import initial_registration as module
from tweakreg_step.alignment.matching.cross_match import Reach, catalog_of, find_edges, window_of
from tweakreg_step.alignment.matching.initial_registration import register_initially
from tweakreg_step.core import sphere
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene


def _ties(scene: Scene, **options):
    frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
    return register_initially(scene.detections, frames, scene.reference, Options(**options)), frames


def _catalog(scene: Scene, group: int):
    own = scene.detections.take(scene.detections.group == group)
    vectors = sphere.directions(own.ra, own.dec)
    return catalog_of(vectors, own.covariance, own.image, 0.0, 0.0)


def test_ties_bring_the_groups_together() -> None:
    scene = make_scene(Setup(layout("mosaic", 3, 0.3), spurious=0.3, reference_fraction=0.3), 1)
    ties, _ = _ties(scene)
    assert set(ties.status) == {Code.ALIGNED}
    assert ties.anchored.all()
    assert len(set(ties.component)) == 1
    observed = sphere.directions(scene.grid[..., 0], scene.grid[..., 1])
    true = sphere.directions(scene.grid_true[..., 0], scene.grid_true[..., 1])
    moved = np.einsum("gij,gkj->gki", ties.rotation, observed)
    # a start is needed, good to the match radius, not the solution
    assert sphere.angular_distance(moved, true).max() < 0.02


def test_the_error_of_an_edge_is_known() -> None:
    pulls = []
    for seed in range(40):
        scene = make_scene(Setup(layout("stack", 2), shift=0.2, roll=1e-9, missing=0.1), seed)
        pair = _catalog(scene, 0), _catalog(scene, 1)
        found = find_edges(np.array([[0, 1]]), [pair], Reach(2.0, 300.0, 0.7))
        assert found.accepted[0]
        frame = sphere.frames_at(150.0, 30.0)
        east, north = frame[1] @ found.edges.vector[0], -frame[0] @ found.edges.vector[0]
        # the edge moves the second onto the first, which keeps its own displacement
        expected = scene.shift[1] - scene.shift[0]
        pulls.append((np.array([east, north]) - expected) / found.edges.shift_sigma)
    # 80 values: their width is known to 8 per cent
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)


def test_stars_counted_twice_in_a_group_count_once() -> None:
    """Two filters of one exposure see the same stars: chance must not look significant for it."""
    rng = np.random.default_rng(1)
    frame = sphere.frames_at(1.0, 1.0)
    places = rng.uniform(-30.0, 30.0, (100, 2))
    both = np.concatenate([places, places + 0.01])
    image = np.repeat([0, 1], 100)
    errors = np.broadcast_to(1e-6 * np.eye(2), (200, 2, 2))
    catalog = catalog_of(sphere.from_plane(both, frame), errors, image, 0.0, 0.3)
    assert catalog.tree.n <= 100
    assert catalog.variance == pytest.approx(1e-6)
    assert catalog.radius == pytest.approx(np.hypot(*both.T).max(), rel=0.1)


def test_close_pairs_are_thinned_only_where_most_stay() -> None:
    rng = np.random.default_rng(2)
    vectors = sphere.from_plane(rng.uniform(-10.0, 10.0, (400, 2)), sphere.frames_at(1.0, 1.0))
    errors = np.broadcast_to(1e-6 * np.eye(2), (400, 2, 2))
    image = np.zeros(400, np.int64)
    assert catalog_of(vectors, errors, image, 0.3, 0.0).tree.n > 300
    assert catalog_of(vectors, errors, image, 3.0, 0.0).tree.n == 400


def test_windows_follow_radius_noise_and_tolerance() -> None:
    assert window_of(Reach(2.0, 300.0, 0.7), 1e-6) == pytest.approx(0.12)
    assert window_of(Reach(25.0, 300.0, 0.7), 1e-6) == pytest.approx(25.0 / 64.0)
    assert window_of(Reach(2.0, 300.0, 0.7), 1e-2) == pytest.approx(0.7)


def test_no_edges_no_find() -> None:
    assert len(find_edges(np.zeros((0, 2), np.int64), [], Reach(2.0, 300.0, 0.7)).sigma) == 0


def test_a_component_is_anchored_as_a_whole() -> None:
    """Six stars a group are too few each, and enough together."""
    setup = Setup(
        layout("mosaic", 3, 0.4), density=0.02, reference_fraction=0.06, reference_sigma=0.002
    )
    anchored = [_ties(make_scene(setup, seed))[0].anchored.all() for seed in range(10)]
    assert np.mean(anchored) > 0.8


def test_ordinary_scenes_have_no_doubts() -> None:
    setups = [
        Setup(layout("stack", 4), spurious=0.5, reference_fraction=0.3),
        Setup(0.1 * layout("stack", 3), spurious=0.5, reference_fraction=0.3),
        Setup(layout("mosaic", 3, 0.3), spurious=0.3),
    ]
    for setup in setups:
        for seed in range(15):
            ties, _ = _ties(make_scene(setup, seed))
            assert not any(part.any.any() for part in ties.ambiguity)


def test_a_component_that_is_anchored_as_a_whole_keeps_its_doubts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No group by itself is compared with the stars, and a third of them is elsewhere."""
    # a private name: 20 of 30 stars tie any group by itself, and fewer would show no second peak
    monkeypatch.setattr(module, "_near_reference", lambda _: np.zeros(0, np.int64))
    rng = np.random.default_rng(3)
    centre = np.array([[-40.0, 0.0], [0.0, 0.0], [40.0, 0.0]])
    sky = rng.uniform([-75.0, -32.0], [75.0, 32.0], (400, 2))
    order = rng.permutation(400)
    frame = sphere.frames_at(150.0, 30.0)
    parts = [sky[np.all(np.abs(sky - c) < 32.0, axis=1)] for c in centre]
    parts = [part + rng.normal(0.0, 0.002, part.shape) for part in parts]
    group = np.repeat(np.arange(3), [len(part) for part in parts])
    ra, dec = sphere.ra_dec(sphere.from_plane(np.concatenate(parts), frame))
    given = Detections.simple(ra, dec, group, 0.002)
    stars = np.concatenate([sky[order[:60]], sky[order[60:90]] + 1.7])
    found = Reference(
        *sphere.ra_dec(sphere.from_plane(stars, frame)),
        np.broadcast_to(1e-6 * np.eye(2), (len(stars), 2, 2)).copy(),
    )
    ties = register_initially(given, group_frames(given, 3), found, Options())
    assert ties.anchored.all()
    assert not ties.ambiguity[0].any.any()
    # of the 30, a sixth has a neighbour within 'separation', or one that the first peak takes
    assert ties.ambiguity[1].second == pytest.approx(np.full(3, 25), abs=4)
    np.testing.assert_allclose(ties.ambiguity[1].distance, 1.7 * np.sqrt(2.0), atol=0.01)
