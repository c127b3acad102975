"""Association and solution in turn: the match radius comes from the data."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.iteration import Problem, converge, match_counts
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import affine, parameters_of, prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene


def _problem(scene: Scene, anchored: bool = False) -> tuple[Problem, Motions]:
    count = scene.group_count
    frames = sphere.frames_at(scene.centre[:, 0], scene.centre[:, 1])
    prior = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (count, 1))
    model = Model(frames, "rshift", prior)
    component = np.zeros(count, np.int64)
    tied = np.full(count, anchored)
    problem = Problem(scene.detections, scene.reference, Options(), model, component, tied)
    theta = parameters_of("rshift", scene.matrix, scene.shift)
    rng = np.random.default_rng(1)
    theta[:, :2] += 0.005 * rng.normal(size=(count, 2))
    return problem, Motions(theta)


@pytest.mark.parametrize("sigma", [0.0005, 0.0015, 0.006])
def test_the_radius_is_that_of_the_errors(sigma: float) -> None:
    scene = make_scene(Setup(layout("stack", 4), sigma=sigma, spurious=0.3), 1)
    linked = converge(*_problem(scene), 0.08)
    assert linked.radius == pytest.approx(4.5 * np.sqrt(2.0) * sigma, rel=0.05)
    links = linked.links
    stars = scene.star[linked.index]
    heavy = linked.fit.weight > 0.1
    assert (stars[heavy] >= 0).mean() > 0.995
    pure = [len(set(stars[heavy & (links.source == s)])) for s in range(links.source_count)]
    assert np.mean(np.array(pure) <= 1) > 0.99


def test_matches_are_counted_by_group() -> None:
    scene = make_scene(Setup(layout("stack", 3), reference_fraction=0.5, missing=0.0), 2)
    linked = converge(*_problem(scene, anchored=True), 0.05)
    matches, absolute = match_counts(linked, 3)
    size = np.bincount(scene.detections.group)
    assert (matches > 0.95 * size - 10).all()
    np.testing.assert_allclose(absolute, 0.5 * size, rtol=0.25)


def test_no_match_is_none() -> None:
    scene = make_scene(Setup(np.array([[0.0, 0.0], [500.0, 0.0]])), 3)
    assert converge(*_problem(scene), 0.01) is None


def test_the_start_is_forgotten() -> None:
    scene = make_scene(Setup(layout("stack", 4)), 4)
    problem, start = _problem(scene)
    other = Motions(start.theta + np.array([0.004, -0.003, 0.0]), start.phi)
    one, two = converge(problem, start, 0.05), converge(problem, other, 0.05)
    first, second = (affine("rshift", item.fit.motions.theta)[1] for item in (one, two))
    # the common motion is held by a prior of 0.3 arcsec alone, the differences by the data
    np.testing.assert_allclose(first - first[0], second - second[0], atol=1e-5)
