"""The linear problem of less general motions, from that of more general ones."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.linalg import source_sums
from tweakreg_step.alignment.solver.hierarchy import Model, Motions, linearise, narrowed
from tweakreg_step.alignment.solver.iteration import Problem, converge
from tweakreg_step.alignment.solver.motions.detector_motion import with_motion
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import parameters_of, prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene


@pytest.mark.parametrize("geometry", ["none", "shift", "rshift", "rscale"])
def test_less_general_motions_keep_the_derivatives(geometry: str) -> None:
    """Positions about their sources are those linearised anew, to a hundredth of a microarcsec."""
    detectors = np.array([[-40.0, 0.0], [40.0, 0.0]])
    setup = Setup(3.0 * layout("stack", 4), detectors=detectors)
    scene = make_scene(setup, 1)
    frames = sphere.frames_at(*scene.centre.T)
    prior = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (4, 1))
    every = np.zeros(4, np.int64), np.zeros(4, bool)
    model = Model(frames, "rshift", prior)
    problem = Problem(scene.detections, None, Options(detector_motion="auto"), model, *every)
    start = Motions(parameters_of("rshift", scene.matrix, scene.shift))
    problem, start = with_motion(problem, start, "rscale")
    associated = converge(problem, start, 0.08, 0.04)
    assert associated is not None
    fit, links = associated.fit, associated.links
    tried, motions = with_motion(problem, fit.motions, geometry)
    at = fit.motions.flat - fit.step.delta
    found = narrowed(fit.linear, problem.model, at, tried.model, motions)
    anew = linearise(links, tried.model, motions)
    np.testing.assert_array_equal(found.index, anew.index)
    assert found.parameter_count == anew.parameter_count
    difference = found.position - anew.position
    size = np.bincount(links.source)[:, None]
    common = source_sums(difference, links.source, links.source_count) / size
    assert np.abs(difference - common[links.source]).max() < 2e-8
    scale = np.abs(anew.columns).max(axis=(0, 1))
    assert (np.abs(found.columns - anew.columns).max(axis=(0, 1)) < 1e-4 * scale).all()
