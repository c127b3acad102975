"""A part of the sources to begin with: spread evenly, and without a say in the result."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver.hierarchy import Model, Motions
from tweakreg_step.alignment.solver.iteration import Problem, identified
from tweakreg_step.alignment.solver.sampling import sample
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import parameters_of, prior_precision
from tweakreg_step.core.options import Options
from tweakreg_step.core.solution import Solution
from tweakreg_step.simulate.sky import Scene, Setup, layout, make_scene

MODULE = "tweakreg_step.alignment.solver.sampling"
DETECTORS = np.array([[x, y] for x in (-35.0, 35.0) for y in (-35.0, 35.0)])


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Exposures of four detectors that lie off, some hundred stars on each, one exposure apart."""
    centres = np.vstack([3.0 * layout("stack", 4), [[90.0, 90.0]]])
    offsets = {"motion_shift": 0.01, "motion_roll": 5.0, "motion_scale": 3e-5}
    return make_scene(
        Setup(centres, detectors=DETECTORS, density=0.1, spurious=0.2, **offsets), seed=1
    )


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty sources of an image are enough, and some hundred detections many."""
    monkeypatch.setattr(f"{MODULE}._MANY", 100)
    monkeypatch.setattr(f"{MODULE}._ENOUGH", 40)


def _problem(scene: Scene) -> tuple[Problem, Motions]:
    count = scene.group_count
    frames = sphere.frames_at(*scene.centre.T)
    prior = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (count, 1))
    every = np.zeros(count, np.int64), np.zeros(count, bool)
    problem = Problem(scene.detections, None, Options(), Model(frames, "rshift", prior), *every)
    return problem, Motions(parameters_of("rshift", scene.matrix, scene.shift))


def _solution(scene: Scene) -> Solution:
    return solve_jointly(scene.detections, 5, None, Options(detector_motion="auto"))


def test_few_detections_are_all_taken(scene: Scene) -> None:
    assert sample(*_problem(scene), 0.1).all()


@pytest.mark.usefixtures("few")
def test_each_image_keeps_enough_all_over_its_field(scene: Scene) -> None:
    problem, start = _problem(scene)
    taken, source = sample(problem, start, 0.1), identified(problem, start, 0.1)
    assert (source[taken] >= 0).all()
    image = scene.detections.image
    size = np.bincount(image[source >= 0], minlength=20)
    kept = np.bincount(image[taken], minlength=20)
    assert (kept >= np.minimum(size, 40) // 2).all()
    assert (kept[size > 200] < 120).all()
    assert (size > 200).sum() >= 16
    xy = scene.detections.unit_xy[taken & (image == 0)]
    corner = np.bincount((xy[:, 0] > 0) * 2 + (xy[:, 1] > 0), minlength=4)
    assert (corner > 0.1 * len(xy)).all()


@pytest.mark.usefixtures("few")
def test_a_source_is_taken_whole(scene: Scene) -> None:
    problem, start = _problem(scene)
    taken, source = sample(problem, start, 0.1), identified(problem, start, 0.1)
    own = np.isin(source, source[taken])
    assert (taken == own).all()


def test_it_has_no_say_in_the_result(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _solution(scene)
    monkeypatch.setattr(f"{MODULE}._MANY", 100)
    monkeypatch.setattr(f"{MODULE}._ENOUGH", 40)
    begun: list[int] = []

    def counted(*arguments: object) -> np.ndarray:
        taken = sample(*arguments)
        begun.append(int(taken.sum()))
        return taken

    monkeypatch.setattr("tweakreg_step.alignment.joint.sample", counted)
    part = _solution(scene)
    assert 0 < begun[0] < 0.4 * len(scene.detections)
    assert part.groups.status == whole.groups.status
    assert part.motion.geometry == whole.motion.geometry == "rscale"
    sigma = np.sqrt(np.diagonal(whole.groups.covariance, axis1=1, axis2=2))
    difference = (part.groups.parameters - whole.groups.parameters) / sigma
    assert np.abs(difference).max() < 1e-3
    own = np.sqrt(np.diagonal(whole.units.covariance, axis1=1, axis2=2))[:, :2]
    assert (np.abs(part.units.shift - whole.units.shift) < 1e-3 * own).all()
    again = np.sqrt(np.diagonal(part.groups.covariance, axis1=1, axis2=2))
    np.testing.assert_allclose(again, sigma, rtol=1e-3)
