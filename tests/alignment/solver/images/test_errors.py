"""The error of an image, of all levels together, holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moving_fields import Sky, moving_field
from scipy import stats

from tweakreg_step.alignment import solve_jointly
from tweakreg_step.alignment.solver.images import own_matrices
from tweakreg_step.alignment.solver.links import Links
from tweakreg_step.alignment.verdict import image_claims
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, frames_of, from_plane, ra_dec
from tweakreg_step.simulate.image_pulls import image_errors_of
from tweakreg_step.simulate.sky import Setup, layout, make_scene

SEEDS = 20
TWO = np.array([[-35.0, 0.0], [35.0, 0.0]])
"""Detectors of a group, whose own motions are found from dithers and from the reference."""


def _setup(fraction: float) -> Setup:
    return Setup(
        1.5 * layout("stack", 3),
        detectors=TWO,
        density=0.012,
        motion_shift=0.02,
        motion_roll=20.0,
        reference_fraction=fraction,
        reference_sigma=0.002,
    )


def _pulls(fraction: float, seed: int, *, relative: bool) -> np.ndarray:
    """Errors over claims (I, 5, 2)."""
    setup = _setup(fraction)
    scene = make_scene(setup, seed)
    options = Options(minobj=6, abs_minobj=6, detector_motion="rshift")
    solution = solve_jointly(scene.detections, scene.group_count, scene.reference, options)
    errors, sigma = image_errors_of(scene, setup, solution, relative=relative)
    return np.asarray(errors / sigma)


@pytest.mark.parametrize(("fraction", "relative"), [(0.3, False), (0.0, True)])
def test_pulls_of_images_are_one(fraction: float, relative: bool) -> None:
    pulls = np.stack([_pulls(fraction, seed, relative=relative) for seed in range(SEEDS)])
    # images of a scene share motions: one image of each scene is what is independent, both axes
    image = np.arange(SEEDS) % pulls.shape[1]
    for point in (0, 1 + np.arange(SEEDS) % 4):
        square = np.sum(pulls[np.arange(SEEDS), image, point] ** 2)
        low, high = stats.chi2.ppf([5e-4, 1.0 - 5e-4], 2 * SEEDS)
        assert low < square < high
    assert np.abs(pulls).max() < 5.0


def test_pulls_between_epochs_are_one_where_nobody_gave_errors() -> None:
    """Two epochs of stars that move; centroids are claimed thrice their errors, stars 5 mas."""
    square = 0.0
    for seed in range(SEEDS):
        field = moving_field(seed, Sky(-5.0, 0.0))
        given, stars = field.detections, field.reference
        wide = np.tile(0.005**2 * np.eye(2), (len(stars), 1, 1))
        field = replace(
            field,
            detections=replace(
                given,
                covariance=9.0 * given.covariance,
                floor=3.0 * np.sqrt(given.covariance[:, 0, 0]),
            ),
            reference=replace(
                stars,
                covariance=stars.covariance + wide,
                origin_covariance=wide,
                floor=np.full(len(stars), 0.005),
            ),
        )
        solution, one = field.solved(), seed % 4
        variance = np.diagonal(solution.images.absolute[one])[:2]
        square += float(np.sum(field.errors(solution)[one] ** 2 / variance))
    low, high = stats.chi2.ppf([5e-4, 1.0 - 5e-4], 2 * SEEDS)
    assert low < square < high


@pytest.mark.parametrize("fraction", [0.3, 1.0])
def test_pulls_are_one_where_images_move_by_themselves(fraction: float) -> None:
    """By 1.5 mas, a third of a centroid's error: their mean residuals are less than they move."""
    square, setup = np.zeros(2), replace(_setup(fraction), centres=1.5 * layout("stack", 4))
    for seed in range(SEEDS):
        scene = make_scene(setup, seed)
        given, images = scene.detections, 8
        own = np.random.default_rng(seed).normal(0.0, 0.0015, (images, 2))
        frames = frames_of(directions(given.ra, given.dec))
        ra, dec = ra_dec(from_plane(own[given.image], frames))
        options = Options(minobj=6, abs_minobj=6, detector_motion="rshift")
        moved = replace(given, ra=ra, dec=dec)
        solution = solve_jointly(moved, scene.group_count, scene.reference, options)
        errors, sigma = image_errors_of(scene, setup, solution, relative=False)
        pulls = (errors + own[:, None]) / sigma
        one = pulls[seed % images]
        square += np.sum(one[0] ** 2), np.sum(one[1 + seed % 4] ** 2)
    low, high = stats.chi2.ppf([5e-4, 1.0 - 5e-4], 2 * SEEDS)
    assert (low < square).all()
    assert (square < high).all()


def test_an_image_pulls_its_group_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images of a group that move by themselves: half of the variance is left of each."""
    own = 1e-2
    monkeypatch.setattr(
        image_claims,
        "_own_variances",
        lambda *_: np.tile(own**2 * np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0]), (6, 1)),
    )
    setup = Setup(1.5 * layout("stack", 3), detectors=TWO, reference_fraction=1.0)
    scene = make_scene(setup, 1)
    solution = solve_jointly(scene.detections, 3, scene.reference, Options())
    # along the line of the two, where no roll can follow; images have some 150 stars each
    np.testing.assert_allclose(solution.images.absolute[:, 0, 0] / own**2, 0.5, rtol=0.1)


def test_the_same_is_put_together_from_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = replace(_setup(0.3), density=0.1)
    scene = make_scene(setup, 1)
    options = Options(detector_motion="rshift")
    pieces = []

    def counted(*given: object) -> list[object]:
        pieces.append(list(found(*given)))
        return pieces[-1]

    found = own_matrices.source_pieces
    monkeypatch.setattr(own_matrices, "source_pieces", counted)
    whole = solve_jointly(scene.detections, 3, scene.reference, options).images.absolute
    assert {len(one) for one in pieces} == {1}
    pieces.clear()
    monkeypatch.setattr(own_matrices, "_LINKS", 37)
    parts = solve_jointly(scene.detections, 3, scene.reference, options).images.absolute
    assert min(len(one) for one in pieces) > 5
    np.testing.assert_allclose(parts, whole, rtol=1e-9, atol=1e-18)


def test_a_part_of_the_sources_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third source, and samples of displacements, as in runs with very many of them."""
    setup = replace(_setup(0.3), density=0.1)
    scene = make_scene(setup, 1)
    given = scene.detections
    own = np.random.default_rng(1).normal(0.0, 0.0015, (6, 2))
    frames = frames_of(directions(given.ra, given.dec))
    ra, dec = ra_dec(from_plane(own[given.image], frames))
    moved, options = replace(given, ra=ra, dec=dec), Options(detector_motion="rshift")
    whole = solve_jointly(moved, 3, scene.reference, options).images.absolute
    taken = []

    def counted(links: Links, count: int, images: int) -> tuple[np.ndarray, ...]:
        found = part(links, count, images)
        taken.append(len(found[0]) / len(links.source))
        return found

    part = own_matrices._part
    monkeypatch.setattr(own_matrices, "_part", counted)
    monkeypatch.setattr(own_matrices, "_MOST", 1e4)
    monkeypatch.setattr(own_matrices, "_EXACT", 1)
    some = solve_jointly(moved, 3, scene.reference, options).images.absolute
    assert taken
    assert max(taken) < 0.5
    size = [np.sqrt(np.diagonal(one, axis1=1, axis2=2)[:, :2]) for one in (whole, some)]
    # a hundred sources an image and 128 samples tell a variance to a fifth
    np.testing.assert_allclose(size[1] / size[0], 1.0, atol=4.0 * 0.1)
    assert np.sqrt(np.mean((size[1] / size[0] - 1.0) ** 2)) < 0.2
