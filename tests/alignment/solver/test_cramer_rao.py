"""The Cramer-Rao bound against its closed forms, and what is achieved of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver.cramer_rao import (
    achieved_and_achievable,
    bound,
    displacement_covariance,
    without_common,
)
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec
from tweakreg_step.simulate.sky import Setup, displacement_errors, layout, make_scene

SIGMA, COUNT, SIDE = 0.002, 400, 60.0


def _two(shift: float = 0.0) -> tuple[Detections, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    places = rng.uniform(-0.5, 0.5, (COUNT, 2)) * SIDE
    places -= places.mean(axis=0)
    ra, dec = ra_dec(from_plane(np.concatenate([places, places + shift]), frames_at(5.0, 50.0)))
    group = np.repeat([0, 1], COUNT)
    return Detections.simple(ra, dec, group, SIGMA), np.tile(np.arange(COUNT), 2), places


def _difference(covariance: np.ndarray, first: int, second: int) -> float:
    return covariance[first, first] + covariance[second, second] - 2.0 * covariance[first, second]


def test_two_images() -> None:
    """Shift: 2 s^2 / n per axis; rotation: 2 s^2 / (n <r^2>)."""
    detections, source, places = _two()
    centre = np.full(2, 5.0), np.full(2, 50.0)
    found = bound(detections, source, centre, "rshift").covariance
    assert _difference(found, 0, 3) == pytest.approx(2.0 * SIGMA**2 / COUNT, rel=1e-4)
    square = np.mean(np.sum(places**2, axis=1))
    assert square == pytest.approx(SIDE**2 / 6.0, rel=0.05)
    assert _difference(found, 2, 5) == pytest.approx(2.0 * SIGMA**2 / (COUNT * square), rel=1e-4)


def test_image_to_reference() -> None:
    """(s^2 + s_ref^2) / n."""
    detections, source, _ = _two()
    one = detections.take(detections.group == 0)
    errors = np.broadcast_to(0.001**2 * np.eye(2), (COUNT, 2, 2))
    reference = Reference(one.ra, one.dec, errors)
    stars = np.arange(COUNT)
    centre = np.array([5.0]), np.array([50.0])
    found = bound(one, source[:COUNT], centre, "shift", (reference, stars)).covariance
    assert found[0, 0] == pytest.approx((SIGMA**2 + 0.001**2) / COUNT, rel=1e-4)


def test_the_common_motion_is_all_that_is_removed() -> None:
    detections, source, _ = _two()
    best = bound(detections, source, (np.full(2, 5.0), np.full(2, 50.0)), "shift")
    group, vectors = np.array([0, 1]), np.repeat(frames_at(5.0, 50.0)[2:], 2, axis=0)
    covariance = displacement_covariance(best, group, vectors)
    projection = without_common(best.model, group, vectors)
    left = projection @ covariance @ projection.T
    # each of two images has half of the difference, with a quarter of its variance
    np.testing.assert_allclose(np.diag(left), 0.5 * SIGMA**2 / COUNT, rtol=1e-3)
    assert covariance[0, 0] > 100.0 * left[0, 0]  # the prior's width, before


# ---- achieved over achievable: 1 on clean scenes, more where errors are larger than said


def _numbers(setup: Setup, seed: int, factor: float = 1.0):
    scene = make_scene(setup, seed)
    given = replace(scene.detections, covariance=factor**2 * scene.detections.covariance)
    solution = solve_jointly(given, scene.group_count, scene.reference, Options())
    return scene, solution, achieved_and_achievable(solution, given, scene.reference)


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_clean_scenes_reach_the_bound(fraction: float) -> None:
    setup = Setup(layout("stack", 4), reference_fraction=fraction)
    ratios = [np.divide(*_numbers(setup, seed)[2]) for seed in range(10)]
    # chi2 / dof above 1 inflates the first; it scatters by 5 per cent with 500 residuals
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)
    assert np.min(ratios) > 0.95


@pytest.mark.parametrize("options", [Options(refgroup=1), Options(joint=False)])
def test_both_numbers_have_one_gauge(options: Options) -> None:
    ratios = []
    for seed in range(6):
        scene = make_scene(Setup(layout("stack", 4), reference_fraction=0.5), seed)
        reference = None if options.joint else scene.reference
        solution = solve_jointly(scene.detections, 4, reference, options)
        achieved, achievable = achieved_and_achievable(solution, scene.detections, reference)
        if options.joint:
            assert max(achieved[1], achievable[1]) < 1e-3  # the group that stays has no error
        moved = np.arange(4) != 1
        ratios.append(achieved[moved] / achievable[moved])
    # what is achieved is scaled with the chi2 of each image, of some 200 residuals, where it is
    # above one: by 4 per cent for a single one, by 2 in the mean
    np.testing.assert_allclose(ratios, 1.0, rtol=0.13)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)


def test_the_achievable_is_what_is_achieved_with_the_truth() -> None:
    """The rms of true errors over many scenes is the standard deviation that was said."""
    setup = Setup(layout("stack", 3), reference_fraction=1.0)
    square, said = [], []
    for seed in range(40):
        scene, solution, (_, limit) = _numbers(setup, seed)
        places = solution.groups.ra, solution.groups.dec
        errors = displacement_errors(scene, places, solution.groups.matrix, solution.groups.shift)
        # the five points of a field are its centre and corners; sources fill it: <r^2> is L^2/6
        # for those and 2/5 L^2 for these, so the mean of centre and corners is weighted to it
        centre, corners = errors[:, 0] ** 2, np.mean(errors[:, 1:] ** 2, axis=1)
        square.append(np.mean(centre * (2.0 / 3.0) + corners / 3.0))
        said.append(np.mean(limit**2))
    # 40 scenes of 3 groups of 3 parameters: the rms scatters by 5 per cent
    assert 1e3 * np.sqrt(np.mean(square)) == pytest.approx(np.sqrt(np.mean(said)), rel=0.12)


def test_errors_larger_than_the_catalogs_say() -> None:
    achieved, achievable = _numbers(Setup(layout("stack", 4)), 1, factor=0.2)[2]
    # the floor is found from the residuals, so what is achieved is that of true errors
    assert np.all(achieved / achievable > 3.0)


def test_groups_that_are_not_aligned_have_none() -> None:
    centres = np.concatenate([layout("stack", 2), [[500.0, 0.0]]])
    achieved, achievable = _numbers(Setup(centres), 1)[2]
    assert np.isfinite(achieved).tolist() == [True, True, False]
    assert np.isfinite(achievable).tolist() == [True, True, False]


def test_a_run_without_any_alignment() -> None:
    nothing = Detections.simple(*np.zeros((2, 0)), np.zeros(0, np.int64), 0.001)
    solution = solve_jointly(nothing, 2, None, Options())
    for numbers in achieved_and_achievable(solution, nothing, None):
        assert np.isnan(numbers).all()
        assert numbers.shape == (2,)
