"""The same cells of the sky are searched in all catalogs, and as many as are enough."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.matching import searched_catalogs, sky_cells
from tweakreg_step.alignment.matching.initial_registration import register_initially
from tweakreg_step.alignment.matching.sky_cells import ENOUGH, searched_cells
from tweakreg_step.core import sphere
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def field(count: int, groups: int, side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stars that all groups see: directions with errors of 0.1 arcsec, groups, numbers of stars."""
    rng = np.random.default_rng(3)
    place = rng.uniform(-0.5 * side, 0.5 * side, (count, 2))
    seen = np.concatenate([place + rng.normal(0.0, 0.1, place.shape) for _ in range(groups)])
    vectors = sphere.from_plane(seen, sphere.frames_at(10.0, -40.0))
    return vectors, np.repeat(np.arange(groups), count), np.tile(np.arange(count), groups)


def test_where_groups_have_few_all_are_searched() -> None:
    vectors, group, _ = field(2 * ENOUGH - 1, 2, 500.0)
    assert searched_cells(vectors, group, 2.0).all()
    assert len(searched_cells(vectors[:0], group[:0], 2.0)) == 0


def test_stars_that_are_searched_in_one_group_are_in_the_others() -> None:
    vectors, group, star = field(5 * ENOUGH, 2, 1500.0)
    taken = searched_cells(vectors, group, 2.0)
    first, second = (np.bincount(star[taken & (group == g)], minlength=5 * ENOUGH) for g in (0, 1))
    assert first.sum() == pytest.approx(ENOUGH, rel=0.05)
    assert np.sum(first * second) > 0.97 * first.sum()
    # all over the field, not in a part of it
    corner = (np.sign(vectors @ sphere.frames_at(10.0, -40.0)[:2].T) > 0) @ [1, 2]
    assert np.bincount(corner[taken]) == pytest.approx(0.25 * taken.sum(), rel=0.1)


def test_groups_that_would_keep_too_few_keep_all() -> None:
    many, group, _ = field(5 * ENOUGH, 3, 1500.0)
    clump = sphere.from_plane(
        np.random.default_rng(1).uniform(0.0, 1.0, (4 * ENOUGH, 2)), sphere.frames_at(10.0, -40.0)
    )
    small = many[: ENOUGH - 1]
    vectors = np.concatenate([many, small, clump])
    group = np.concatenate([group, np.full(len(small), 3), np.full(len(clump), 4)])
    taken = searched_cells(vectors, group, 2.0)
    assert taken[group == 3].all()
    assert np.mean(taken[group == 4]) == 1.0


def test_ties_are_those_of_all_detections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sky_cells, "ENOUGH", 300)
    monkeypatch.setattr(sky_cells, "SIDE", 5.0)
    monkeypatch.setattr(sky_cells, "OFFSETS", 1.0)
    setup = Setup(layout("mosaic", 3, 0.3), density=0.5, spurious=0.3, reference_fraction=0.3)
    scene = make_scene(setup, 1)
    frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
    searched, making = [], searched_catalogs._group_catalogs

    def watched(detections, vectors, rows, options):
        searched.append(sum(map(len, rows)))
        return making(detections, vectors, rows, options)

    monkeypatch.setattr(searched_catalogs, "_group_catalogs", watched)
    ties = register_initially(scene.detections, frames, scene.reference, Options())
    assert searched[0] < 0.3 * len(scene.detections)
    assert set(ties.status) == {Code.ALIGNED}
    assert ties.anchored.all()
    observed = sphere.directions(scene.grid[..., 0], scene.grid[..., 1])
    true = sphere.directions(scene.grid_true[..., 0], scene.grid_true[..., 1])
    moved = np.einsum("gij,gkj->gki", ties.rotation, observed)
    assert sphere.angular_distance(moved, true).max() < 0.02


def test_an_overlap_in_cells_that_are_not_searched_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    centres = np.array([[-25.0, -25.0], [25.0, 25.0]])  # a corner of 14 arcsec is in common
    scene = make_scene(Setup(centres, density=1.0, shift=0.1, roll=1.0), 1)
    frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
    vectors = sphere.directions(scene.detections.ra, scene.detections.dec)
    place = sphere.to_plane(vectors, sphere.frames_at(150.0, 30.0))
    shared = np.all(np.abs(place) < 8.0, axis=1)
    assert shared.sum() > 200
    # all of the sky is searched but for what the two have in common
    monkeypatch.setattr(searched_catalogs, "searched_cells", lambda *_: ~shared)
    ties = register_initially(scene.detections, frames, None, Options())
    assert set(ties.status) == {Code.ALIGNED}
    observed = sphere.directions(scene.grid[..., 0], scene.grid[..., 1])
    moved = np.einsum("gij,gkj->gki", ties.rotation, observed)
    true = sphere.directions(scene.grid_true[..., 0], scene.grid_true[..., 1])
    error = sphere.to_plane(moved, frames[:, None]) - sphere.to_plane(true, frames[:, None])
    middle = error.mean(axis=1)
    assert np.hypot(*(middle[0] - middle[1])) < 0.02
