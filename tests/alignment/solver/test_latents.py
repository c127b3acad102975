"""Sources with four unknowns: the reduced system is the dense one, and with one epoch it is old."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from moving_fields import Sky, moving_field
from star_fields import problem_of

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.alignment.solver.hierarchy import linearise
from tweakreg_step.alignment.solver.iteration import with_levels
from tweakreg_step.alignment.solver.links import link
from tweakreg_step.alignment.solver.motions.field_motion import FIELD, field_motion
from tweakreg_step.alignment.solver.normal_equations import normal_equations, solve_step
from tweakreg_step.core.options import Options


def _fit():
    """Fourteen sources at two epochs, three of them reference stars of known motion."""
    scene = moving_field(6, Sky(-5.0, 2.0, reference=3, sources=14), 0.002)
    problem, motions = problem_of(scene.detections, scene.reference, Options())
    every = np.ones(4, bool)
    problem, motions = with_levels(problem, motions, field_motion(scene.detections, every))
    rng = np.random.default_rng(2)
    source = rng.integers(0, 14, len(scene.detections))
    star = np.full(14, -1)
    star[[2, 5, 11]] = [0, 1, 2]
    links, _ = link(scene.detections, source, scene.reference, star, problem.model.field)
    weight = inverse_2x2(links.covariance) * rng.uniform(0.2, 1.0, len(links.source))[:, None, None]
    return links, problem.model, motions, weight


def test_the_reduced_system_is_the_dense_one() -> None:
    links, model, motions, weight = _fit()
    assert links.told
    assert links.unknown.sum() == 11
    linear = linearise(links, model, motions)
    step = solve_step(linear, links, model, motions, weight)
    total, sources = linear.parameter_count, links.source_count
    normal, right = np.zeros((total + 4 * sources,) * 2), np.zeros(total + 4 * sources)
    normal[:total, :total] = np.diag(model.precision)
    for s in range(sources):
        own = total + 4 * s + 2
        normal[own : own + 2, own : own + 2] += links.motion_prior[s]
    for i, s in enumerate(links.source):
        rows = np.zeros((2, len(right)))
        for column, k in enumerate(linear.index[i]):
            rows[:, k] += linear.columns[i, :, column]
        rows[:, total + 4 * s : total + 4 * s + 2] = -np.eye(2)
        rows[:, total + 4 * s + 2 : total + 4 * s + 4] = -links.tau[i] * np.eye(2)
        normal += rows.T @ weight[i] @ rows
        right -= rows.T @ weight[i] @ linear.position[i]
    size = np.sqrt(np.diag(normal))
    expected = np.linalg.solve(normal / np.outer(size, size), right / size) / size
    np.testing.assert_allclose(step.delta, expected[:total], rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(step.latent, expected[total:].reshape(-1, 4), rtol=1e-5, atol=1e-9)


def test_stars_of_known_motion_do_not_follow_the_field() -> None:
    links, model, motions, _ = _fit()
    linear = linearise(links, model, motions)
    slope = linear.columns[:, :, -2:]
    known = ~links.unknown[links.source]
    assert not slope[known].any()
    np.testing.assert_allclose(
        slope[~known], -links.tau[~known, None, None] * linear.transform[~known]
    )
    place = model.start_of(model.level(FIELD))
    moved = ~known & (links.tau != 0.0)
    assert (linear.index[moved, -2:] == [place, place + 1]).all()


def test_one_epoch_is_the_old_problem() -> None:
    """Times that are all the same add an unknown that nothing but its prior tells."""
    links, model, motions, weight = _fit()
    linear = linearise(replace(links, told=False), model, motions)
    late = replace(links, tau=np.full(len(links.tau), 1e-9), told=False)
    still = replace(links, tau=None, motion_prior=None, unknown=None)
    matrix, right, _ = normal_equations(linear, late, weight)
    expected, other, _ = normal_equations(linear, still, weight)
    np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(right, other, rtol=1e-9, atol=1e-9 * np.abs(other).max())
