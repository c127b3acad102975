"""Two clumps of differences, below the resolution of the search."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import SIGMA, catalogs, field, noisy, problem_of

from tweakreg_step.alignment.matching import sky_cells
from tweakreg_step.alignment.solver.iteration import common_directions, converge
from tweakreg_step.alignment.verdict import two_clumps
from tweakreg_step.alignment.verdict.two_clumps import Clumps, second_clumps
from tweakreg_step.core.options import Options

STEP = np.array([0.06, 0.02])


def clumps(*places: np.ndarray) -> Clumps:
    problem, start = problem_of(catalogs(*places), None, Options())
    associated = converge(problem, start, 0.03)
    return second_clumps(problem, common_directions(problem, associated))


def test_a_fifth_that_moves_is_found_with_its_distance() -> None:
    rng = np.random.default_rng(1)
    place, more = field(rng, 100), field(rng, 20)
    found = clumps(
        np.concatenate([noisy(rng, place), noisy(rng, more)]),
        np.concatenate([noisy(rng, place), noisy(rng, more) + STEP]),
    )
    assert found.count.tolist() == pytest.approx([20, 20], abs=2)
    assert found.distance == pytest.approx(np.hypot(*STEP), abs=0.01)


def test_of_many_a_part_of_the_sky_tells_how_many_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sky_cells, "ENOUGH", 500)
    monkeypatch.setattr(sky_cells, "SIDE", 4.0)
    looked_at, finding = [], two_clumps._second

    def watched(difference: np.ndarray, radius: float) -> tuple[int, float]:
        looked_at.append(len(difference))
        return finding(difference, radius)

    monkeypatch.setattr(two_clumps, "_second", watched)
    rng = np.random.default_rng(1)
    place, more = field(rng, 2000), field(rng, 400)
    found = clumps(
        np.concatenate([noisy(rng, place), noisy(rng, more)]),
        np.concatenate([noisy(rng, place), noisy(rng, more) + STEP]),
    )
    assert 300 < looked_at[0] < 1000
    assert found.count.tolist() == pytest.approx([400, 400], abs=120)  # a fifth of them, scaled
    assert found.distance == pytest.approx(np.hypot(*STEP), abs=0.01)


def test_halves_that_the_fit_lies_between_are_found() -> None:
    rng = np.random.default_rng(2)
    place = field(rng, 80)
    sign = np.where(np.arange(80)[:, None] % 2, 1.0, -1.0)
    found = clumps(noisy(rng, place), noisy(rng, place + 0.5 * sign * STEP))
    assert (found.count > 30).all()


def test_errors_that_are_too_small_are_no_second_clump() -> None:
    rng = np.random.default_rng(3)
    place = field(rng, 150)
    found = clumps(noisy(rng, place, 8.0 * SIGMA), noisy(rng, place, 8.0 * SIGMA))
    assert found.count.tolist() == [0, 0]


def test_companions_and_noise_are_no_second_clump() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        place = field(rng, 100)
        double = np.concatenate([place, place[:40] + STEP])
        first, second = (
            np.concatenate([noisy(rng, double), field(rng, 60)])[rng.random(200) < 0.8]
            for _ in range(2)
        )
        assert clumps(first, second).count.tolist() == [0, 0]
