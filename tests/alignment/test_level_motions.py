"""The motions of visits and of other levels above, against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import POLE, catalogs, field, noisy, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.correction import affine
from tweakreg_step.core.level_fits import LevelMotions
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import ARCSEC, frames_at, to_plane
from tweakreg_step.simulate.sky import Setup, layout, make_scene

EXPOSURES, VISITS = 6, 3


def visits(seed: int, *, reference: bool) -> tuple[LevelMotions, np.ndarray]:
    """The level of three visits, and their true motions (V, 3) about its centres.

    Without a reference the first exposure stays fixed.
    """
    rng = np.random.default_rng(seed)
    visit = np.repeat(np.arange(VISITS), EXPOSURES)
    count = len(visit)
    whole = np.column_stack([rng.normal(0.0, 0.15, (VISITS, 2)), rng.normal(0.0, 10.0, VISITS)])
    apart = np.column_stack([rng.normal(0.0, 0.004, (count, 2)), rng.normal(0.0, 0.5, count)])
    truth = whole[visit] + apart
    if not reference:
        whole, truth = whole - truth[0], truth - truth[0]
    whole[:, 2] /= ARCSEC
    truth[:, 2] /= ARCSEC
    places = field(rng, 15, 100.0)
    seen = [
        noisy(rng, np.linalg.solve(turn, (places - step).T).T, 0.010)
        for turn, step in zip(*affine("rshift", truth), strict=True)
    ]
    given = catalogs(*seen, sigma=0.010)
    label = visit[given.group]
    given = replace(given, visit=label, guide=label)
    known = stars(noisy(rng, places, 0.001), 0.001) if reference else None
    options = Options(minobj=3, abs_minobj=3, refgroup=None if reference else 0)
    solution = solve_jointly(given, count, known, options)
    (level,) = solution.levels.motions
    units = level.child[::EXPOSURES]
    assert np.array_equal(level.child, units[visit])
    middle = to_plane(frames_at(*level.centre[units].T)[:, 2], frames_at(*POLE))
    matrix, shift = affine("rshift", whole)
    there = np.einsum("vij,vj->vi", matrix, middle) + shift - middle
    found = replace(level, parameters=level.parameters[units], covariance=level.covariance[units])
    return found, np.column_stack([there, whole[:, 2]])


@pytest.mark.parametrize("reference", [True, False])
def test_visits_are_where_they_are_within_their_errors(reference: bool) -> None:
    pulls, sigmas = [], []
    for seed in range(12):
        level, truth = visits(seed, reference=reference)
        assert (level.name, level.geometry, level.frame) == ("visit", "rshift", "sky")
        sigma = np.sqrt(np.einsum("vii->vi", level.covariance))
        pulls.append((level.parameters - truth) / sigma)
        sigmas.append(sigma)
    # 36 visits of three parameters, of which a fixed exposure ties those of a run to each other
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.25)
    # six exposures that are 4 mas apart: less would be the error of the stars alone
    shift = 1e3 * np.mean(np.array(sigmas)[..., :2])
    assert 1.6 < shift < (2.6 if reference else 6.5)


def test_what_a_detector_is_in_all_visits_is_true_within_its_error() -> None:
    """Four detectors that lie off, the same in three visits of two exposures."""
    pulls = []
    for seed in range(4):
        setup = Setup(
            layout("stack", 6),
            detectors=np.array([[-70.0, 0.0], [0.0, 0.0], [70.0, 0.0], [0.0, 70.0]]),
            shift=0.005,
            roll=2.0,
            motion_shift=0.015,
            reference_fraction=0.3,
        )
        scene = make_scene(setup, seed)
        visit, detector = scene.detections.group // 2, scene.detections.unit
        given = replace(
            scene.detections, unit=3 * detector + visit, detector=detector, visit=visit, guide=visit
        )
        solution = solve_jointly(given, 6, scene.reference, Options(detector_motion="shift"))
        found = {level.name: level for level in solution.levels.motions}
        assert set(found) == {"visit", "detector over the run", "placement"}
        run, placement = found["detector over the run"], found["placement"]
        frames = run.frame, placement.frame, placement.geometry
        assert frames == ("detector", "focal plane", "scale")
        assert np.array_equal(run.child[::3], run.child[1::3])
        sigma = np.sqrt(np.einsum("dii->di", run.covariance))[run.child[::3]]
        pulls.append((run.parameters[run.child[::3]] - scene.motion_shift) / sigma)
        # the places of the detectors are not scaled
        sigma = np.sqrt(placement.covariance[:, 0, 0])
        assert np.all(np.abs(placement.parameters[:, 0]) < 4.0 * sigma)
        assert placement.child.tolist() == found["visit"].child[::2].tolist() * 4
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.5)
