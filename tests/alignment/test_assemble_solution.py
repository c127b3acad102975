"""What is reported: covariances, pairs, modes, scatter."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver.covariance import Covariance, DenseInverse
from tweakreg_step.alignment.solver.gauge import regauge
from tweakreg_step.alignment.solver.precision import weak_modes
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import design, prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene


def test_weak_modes_of_a_diagonal_covariance() -> None:
    variance = np.array([1.0, 4.0, 9.0, 1.0, 1.0, 1.0]) * 1e-6
    covariance = Covariance(DenseInverse(np.diag(variance)), 2, np.ones(6))
    modes = weak_modes(covariance, np.ones(3), np.arange(3), 2)
    assert [mode.groups[0] for mode in modes] == [1, 0]
    np.testing.assert_allclose([mode.sigma_mas for mode in modes], [3.0, 2.0], rtol=1e-9)
    assert weak_modes(covariance, np.ones(3), np.zeros(0, np.int64)) == ()


def test_the_weakest_mode_of_a_strip_bends_its_ends() -> None:
    solution = solve_jointly(
        make_scene(Setup(layout("strip", 7, 0.3), density=0.1), 1).detections, 7, None, Options()
    )
    assert solution.modes[0].groups[0] in {0, 6}
    assert solution.modes[0].sigma_mas > solution.modes[1].sigma_mas


def _midpoint_difference(solution, truth, pair) -> np.ndarray:
    """Relative error [arcsec] halfway between two groups, axes of the first."""
    frames = sphere.frames_at(solution.groups.ra, solution.groups.dec)
    middle = frames[pair[0], 2] + frames[pair[1], 2]
    out = []
    for group in pair:
        local = sphere.to_plane(middle, frames[group])
        slope = design(solution.geometry, np.zeros((1, 3)), local[None])[0]
        out.append(slope @ (solution.groups.parameters[group] - truth[group]))
    return out[0] - out[1]


def test_covariances_of_pairs_and_groups_are_true() -> None:
    """Pulls against the truth in the solution's own planes; prior-sized motions must not leak."""
    pulls, own = [], []
    count = 36
    for seed in range(36):
        setup = Setup(layout("mosaic", 6, 0.4), density=0.018, shift=0.3, roll=100.0)
        scene = make_scene(setup, seed)
        solution = solve_jointly(scene.detections, count, None, Options(refgroup=0))
        found = solution.groups.ra, solution.groups.dec
        turn = np.arctan2(scene.matrix[:, 1, 0], scene.matrix[:, 0, 0])
        frames = sphere.frames_at(*scene.centre.T)
        offset = sphere.to_plane(sphere.directions(*found), frames)
        moved = np.einsum("gij,gj->gi", scene.matrix, offset) + scene.shift - offset
        weight = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (count, 1))
        weight[0] *= 1e12
        planes = sphere.frames_at(*found)
        truth = regauge(planes, np.column_stack([moved, turn]), "rshift", weight)
        error = (solution.groups.parameters - truth)[1:]
        own.append(error / np.sqrt(np.einsum("gii->gi", solution.groups.covariance[1:])))
        for pair, covariance in zip(solution.pairs.groups, solution.pairs.covariance, strict=True):
            difference = _midpoint_difference(solution, truth, pair)
            pulls.append(difference / np.sqrt(np.diag(covariance)))
    # some 1300 independent values of groups, more of pairs: their width scatters by 2 per cent
    assert np.std(pulls) == pytest.approx(1.0, abs=0.05)
    assert np.std(own) == pytest.approx(1.0, abs=0.05)


def test_scatter_is_that_of_the_errors() -> None:
    scene = make_scene(Setup(layout("stack", 6), reference_fraction=0.2), 2)
    solution = solve_jointly(scene.detections, 6, scene.reference, Options())
    # 1.5 mas per axis; a source is seen 4.8 times and keeps a fifth of the variance to itself
    np.testing.assert_allclose(solution.groups.rms_mas, 1.5 * np.sqrt(1.0 - 1.0 / 4.8), rtol=0.12)
    np.testing.assert_allclose(solution.groups.chi2 / solution.groups.dof, 1.0, atol=0.25)
    assert (solution.groups.floor < 0.3 * 0.0015).all()
    assert (solution.groups.matches > solution.groups.reference_matches).all()


def test_detections_carry_their_source() -> None:
    scene = make_scene(Setup(layout("stack", 4), spurious=0.3, reference_fraction=0.3), 3)
    solution = solve_jointly(scene.detections, 4, scene.reference, Options())
    used = solution.detections.used
    assert (scene.star[used] >= 0).mean() > 0.999
    for source in np.unique(solution.detections.source[used])[:50]:
        assert len(set(scene.star[used & (solution.detections.source == source)])) == 1
    tied = np.flatnonzero(solution.reference_star >= 0)
    for source in tied[:50]:
        member = scene.star[used & (solution.detections.source == source)]
        assert set(member) <= {scene.reference_star[solution.reference_star[source]]}
    assert np.abs(solution.detections.residual[used]).max() < 0.01
    assert np.isnan(solution.detections.residual[solution.detections.source < 0]).all()


def test_relative_covariance_shrinks_with_the_number_of_stars() -> None:
    sigma = []
    for density in (0.02, 0.08):
        scene = make_scene(Setup(layout("stack", 4), density=density), 4)
        sigma.append(
            solve_jointly(scene.detections, 4, None, Options()).groups.covariance[:, 0, 0].mean()
        )
    assert sigma[0] / sigma[1] == pytest.approx(4.0, rel=0.2)
