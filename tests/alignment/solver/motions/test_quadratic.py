"""chi2 as a quadratic function of the motions: against the problem linearised anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.alignment.solver.hierarchy import Model, Motions, linearise, places_in
from tweakreg_step.alignment.solver.iteration import AssociatedFit, Problem, converge
from tweakreg_step.alignment.solver.motions.detector_motion import with_motion
from tweakreg_step.alignment.solver.motions.quadratic import Quadratic, quadratic
from tweakreg_step.alignment.solver.normal_equations import solve_step
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import parameters_of, prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene

Fitted = tuple[Problem, AssociatedFit, np.ndarray]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Exposures of two detectors that lie off, fitted with the most general motions; weights."""
    detectors = np.array([[-40.0, 0.0], [40.0, 0.0]])
    offsets = {"motion_shift": 0.01, "motion_roll": 8.0, "motion_scale": 5e-5}
    setup = Setup(3.0 * layout("stack", 4), np.linspace(0, 30, 4), detectors=detectors, **offsets)
    scene = make_scene(setup, 1)
    frames = sphere.frames_at(*scene.centre.T)
    prior = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (4, 1))
    problem = Problem(
        scene.detections,
        None,
        Options(detector_motion="auto"),
        Model(frames, "rshift", prior),
        np.zeros(4, np.int64),
        np.zeros(4, bool),
    )
    start = Motions(parameters_of("rshift", scene.matrix, scene.shift))
    problem, start = with_motion(problem, start, "rscale")
    associated = converge(problem, start, 0.08, 0.04)
    weight = associated.fit.weight[:, None, None] * inverse_2x2(associated.fit.covariance)
    return problem, associated, weight


def _function(associated: AssociatedFit, weight: np.ndarray) -> Quadratic:
    fit = associated.fit
    return quadratic(fit.linear, associated.links, fit.motions.flat - fit.step.delta, weight)


def test_the_value_is_that_of_motions_some_way_off(fitted: Fitted) -> None:
    """But for derivatives that a fit keeps from one step to the next, where these are small."""
    problem, associated, weight = fitted
    links, fit = associated.links, associated.fit
    found = _function(associated, weight)
    sigma = np.tile([0.01, 0.01, 5e-5], 4).tolist() + np.tile([0.01, 0.01, 5e-5, 5e-5], 2).tolist()
    step = np.array(sigma) * np.random.default_rng(1).normal(size=len(sigma))
    there = fit.motions.plus(step)
    anew = quadratic(linearise(links, problem.model, there), links, there.flat, weight).constant
    assert anew > 3.0 * found.constant
    assert found.value(there.flat) == pytest.approx(anew, rel=1e-3)


@pytest.mark.parametrize("geometry", ["none", "shift", "rshift", "rscale"])
def test_the_best_simpler_motions_are_those_of_a_fit(fitted: Fitted, geometry: str) -> None:
    """Minimum and place of it are those of two Gauss-Newton steps over all detections."""
    problem, associated, weight = fitted
    links = associated.links
    tried, motions = with_motion(problem, associated.fit.motions, geometry)
    begun, place = motions, places_in(problem.model, tried.model)
    for _ in range(2):
        linear = linearise(links, tried.model, motions)
        step = solve_step(linear, links, tried.model, motions, weight)
        motions = motions.plus(step.delta)
    chi2 = np.einsum("ni,nij,nj->", step.residual, weight, step.residual)
    found = _function(associated, weight).restricted(place, begun.flat)
    known = place >= 0
    prior = np.diag(tried.model.precision)
    delta = np.linalg.solve(found.matrix + prior, found.right - prior @ begun.flat)
    sigma = np.sqrt(np.diag(step.factor.inverse()))
    np.testing.assert_allclose(((begun.flat + delta - motions.flat) / sigma)[known], 0.0, atol=0.01)
    assert found.value(begun.flat + delta) == pytest.approx(chi2, rel=1e-3)


def test_what_is_left_without_some_sources(fitted: Fitted) -> None:
    _, associated, weight = fitted
    own = (associated.links.source % 5 == 2)[:, None, None]
    every, part = (_function(associated, w) for w in (weight, np.where(own, weight, 0.0)))
    left, others = every.minus(part), _function(associated, np.where(own, 0.0, weight))
    np.testing.assert_allclose(
        left.matrix, others.matrix, rtol=1e-8, atol=1e-8 * every.matrix.max()
    )
    assert left.constant == pytest.approx(others.constant, rel=1e-10)


@pytest.mark.parametrize("first", [np.asarray, csr_matrix])
@pytest.mark.parametrize("second", [np.asarray, csr_matrix])
def test_a_part_may_be_sparse_where_the_whole_is_dense(first, second) -> None:
    """Which is made depends on how many detections the sources have."""
    matrix, right = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
    whole = Quadratic(np.zeros(2), first(matrix), right, 5.0)
    left = whole.minus(Quadratic(np.zeros(2), second(0.25 * matrix), 0.5 * right, 2.0))
    assert left.value(np.array([1.0, 1.0])) == pytest.approx(3.0 - 3.0 + 0.75 * 9.0)
    narrow = left.restricted(np.array([1]), np.array([2.0]))
    assert narrow.value(np.array([2.0])) == pytest.approx(left.value(np.array([0.0, 2.0])))
