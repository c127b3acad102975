"""Exposures of a visit hold each other, by what they are apart; one that left is let go."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from star_fields import POLE, catalogs, field, noisy, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.correction import affine
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution
from tweakreg_step.core.sphere import frames_at, from_plane, to_plane

FEW = Options(minobj=3, abs_minobj=3)
FREE = replace(FEW, visit_motion="none")
MESH = 40.0 * np.array([[0.0, 0.0], [-1.0, -1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
ARCSEC = np.deg2rad(1.0 / 3600.0)


@dataclass(frozen=True)
class Run:
    """Exposures of some visits, and the motions (G, 3) that put them right."""

    detections: Detections
    reference: Reference
    truth: np.ndarray

    def solved(self, options: Options) -> Solution:
        return solve_jointly(self.detections, len(self.truth), self.reference, options)

    def errors(self, solution: Solution) -> np.ndarray:
        """Errors (G, 5, 2) [arcsec] at the centres and corners."""
        pole, out = frames_at(*POLE), []
        matrix, shift = affine("rshift", self.truth)
        for g, (turn, step) in enumerate(zip(matrix, shift, strict=True)):
            seen = np.linalg.solve(turn, (MESH - step).T).T
            frame = frames_at(solution.groups.ra[g], solution.groups.dec[g])
            moved = to_plane(from_plane(seen, pole), frame)
            moved = moved @ solution.groups.matrix[g].T + solution.groups.shift[g]
            out.append(to_plane(from_plane(moved, frame), pole) - MESH)
        return np.stack(out)


def _run(seed: int, stars_each: int = 4, within: float = 0.004, left: float = 0.0) -> Run:
    """Three visits of six exposures, `within` [arcsec] and 0.5" of roll apart in a visit."""
    rng = np.random.default_rng(seed)
    visit = np.repeat(np.arange(3), 6)
    truth = np.concatenate([rng.normal(0.0, 0.15, (3, 2)), rng.normal(0, 10, (3, 1))], axis=1)
    own = np.concatenate([rng.normal(0, within, (18, 2)), rng.normal(0, 0.5, (18, 1))], axis=1)
    truth = truth[visit] + own
    truth[9, :2] += left / np.sqrt(2.0)
    truth[:, 2] *= ARCSEC
    places = field(rng, stars_each, 100.0)
    matrix, shift = affine("rshift", truth)
    seen = [
        noisy(rng, np.linalg.solve(turn, (places - step).T).T, 0.010)
        for turn, step in zip(matrix, shift, strict=True)
    ]
    given = catalogs(*seen, sigma=0.010)
    label = visit[given.group]
    return Run(
        replace(given, visit=label, guide=label), stars(noisy(rng, places, 0.001), 0.001), truth
    )


def test_exposures_with_few_stars_are_held_by_their_visit() -> None:
    """Four stars of 10 mas, exposures 4 mas apart: a fifth of the errors is gone, in claims too."""
    square = {"held": [], "free": [], "claimed": []}
    for seed in range(4):
        run = _run(seed)
        held, free = run.solved(FEW), run.solved(FREE)
        assert set(held.groups.status) == {Code.ALIGNED}
        square["held"].append(run.errors(held) ** 2)
        square["free"].append(run.errors(free) ** 2)
        square["claimed"].append(held.groups.covariance[:, 0, 0])
    rms = {name: 1e3 * np.sqrt(np.mean(values)) for name, values in square.items()}
    assert rms["held"] < 0.75 * rms["free"]
    centre = 1e3 * np.sqrt(np.mean([values[:, 0] for values in square["held"]]))
    assert centre == pytest.approx(rms["claimed"], rel=0.2)


def test_an_exposure_that_left_its_visit_is_let_go_and_known() -> None:
    for seed in range(2):
        run = _run(seed, left=2.0)
        found = run.solved(FEW)
        assert np.abs(run.errors(found)[9, 0]).max() < 4.0 * 0.005
        assert np.flatnonzero(found.levels.left).tolist() == [9]
        apart = np.hypot(*found.levels.apart_mas[9])
        assert apart == pytest.approx(2000.0, abs=30.0)


def test_exposures_that_are_free_lose_nothing() -> None:
    """0.3 arcsec apart though of one visit: as if there were no visits."""
    for many in (4, 40):
        errors = []
        for seed in range(2):
            run = _run(seed, many, within=0.3)
            errors.append([run.errors(run.solved(o)) ** 2 for o in (FEW, FREE)])
        held, free = np.sqrt(np.mean(errors, axis=(0, 2, 3, 4)))
        assert held < 1.02 * free


def test_one_exposure_of_each_visit_is_as_without_visits() -> None:
    run = _run(1)
    alone = replace(run, detections=replace(run.detections, guide=run.detections.group))
    np.testing.assert_array_equal(
        alone.solved(FEW).groups.parameters, alone.solved(FREE).groups.parameters
    )
    assert not alone.solved(FEW).levels.left.any()
