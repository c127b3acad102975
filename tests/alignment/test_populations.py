"""Sky or detector: hot pixels, persistence, and populations that move, among stars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from star_fields import SIGMA, field, noisy, sky

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution

DOUBTS = {Code.SAME_PIXELS, Code.SECOND_PEAK, Code.IMAGE_OFF, Code.AMBIGUOUS}


def exposures(
    seed: int,
    kind: str,
    steps: np.ndarray,
    stars: int = 60,
    others: int = 60,
    times: bool = True,
) -> tuple[Detections, np.ndarray]:
    """Exposures of one detector, dithered by `steps`, and by how far the WCS of each is off.

    Among the stars are what the exposure before left ('persistence'), 'hot' pixels, or objects
    that 'moving' by 0.06 arcsec from one to the next.
    """
    rng = np.random.default_rng(seed)
    places, extra = field(rng, stars, 60.0), field(rng, others, 60.0)
    before, parts, pointing = np.zeros((0, 2)), [], rng.normal(0.0, 0.2, (len(steps), 2))
    for number, (step, off) in enumerate(zip(steps, pointing, strict=True)):
        seen = places[rng.random(stars) < 0.95] + off - step
        if kind == "persistence":
            more, before = before[rng.random(len(before)) < 0.9], seen
        else:
            more = extra + (kind == "moving") * (np.array([0.06 * number, 0.0]) + off - step)
        pixel = noisy(rng, np.concatenate([seen, more]))
        parts.append(np.column_stack([pixel, pixel + step, np.full(len(pixel), number)]))
    table = np.concatenate(parts)
    group = table[:, 4].astype(int)
    given = Detections.simple(*sky(table[:, 2:4]), group, SIGMA)
    none = np.zeros(len(given), int)
    given = replace(given, unit=none, detector=none, unit_xy=table[:, :2])
    epoch = 2025.0 + 1e-5 * group if times else np.full(len(group), np.nan)
    return replace(given, epoch=epoch), pointing


def unlabelled(given: Detections) -> Detections:
    """The same, with pixels and detectors unknown."""
    none = np.full(len(given), -1)
    return replace(given, unit=none, detector=none, unit_xy=np.zeros((len(given), 2)))


def solved(given: Detections) -> Solution:
    return solve_jointly(given, int(given.group.max()) + 1, None, Options())


def wrong(solution: Solution, pointing: np.ndarray) -> float:
    """Largest error of a group [arcsec], after a common motion."""
    error = solution.groups.shift + pointing
    return float(np.abs(error - np.median(error, axis=0)).max())


def codes(solution: Solution) -> set[Code]:
    return {finding.code for finding in solution.relative}


LINE = np.arange(4)[:, None] * np.array([1.2, 0.9])
BOX = np.array([[0.0, 0.0], [1.5, 0.1], [1.4, 1.6], [-0.2, 1.5]])


@pytest.mark.parametrize("steps", [LINE, BOX])
@pytest.mark.parametrize("seed", range(3))
def test_persistence_does_not_take_the_place_of_the_stars(seed: int, steps: np.ndarray) -> None:
    given, pointing = exposures(seed, "persistence", steps)
    solution = solved(given)
    assert codes(solution) == {Code.ALIGNED}
    assert wrong(solution, pointing) < 0.003
    left_out = given.group[solution.artefacts]
    assert (left_out > 0).all()  # nothing before the first exposure
    assert np.bincount(left_out)[1:].min() >= 40


def test_without_the_times_of_the_exposures_persistence_is_a_doubt() -> None:
    """Read backwards, the stars are the persistence: both have a pattern that fits."""
    given, _ = exposures(1, "persistence", LINE, times=False)
    assert codes(solved(given)) <= DOUBTS


@pytest.mark.parametrize("dither", [1.8, 0.5, 0.08])
def test_hot_pixels_are_left_out_as_a_whole(dither: float) -> None:
    steps = np.arange(3)[:, None] * np.array([dither, 0.0])
    given, pointing = exposures(2, "hot", steps, stars=24, others=100)
    solution = solved(given)
    assert codes(solution) == {Code.ALIGNED}
    assert wrong(solution, pointing) < 0.004
    assert len(solution.artefacts) == pytest.approx(200, abs=10)
    unnamed = replace(given, unit=np.full(len(given), -1), detector=np.full(len(given), -1))
    assert codes(solved(unnamed)) == {Code.ALIGNED}


@pytest.mark.parametrize("dither", [1.8, 0.5, 0.08])
def test_hot_pixels_of_unknown_pixels_are_a_doubt(dither: float) -> None:
    steps = np.arange(3)[:, None] * np.array([dither, 0.0])
    given, pointing = exposures(3, "hot", steps, stars=20, others=100)
    solution = solved(unlabelled(given))
    assert codes(solution) <= DOUBTS or wrong(solution, pointing) < 0.004


def test_a_population_that_moves_by_less_than_the_search_resolves_is_a_doubt() -> None:
    given, pointing = exposures(4, "moving", BOX, stars=16, others=40)
    solution = solved(unlabelled(given))
    assert wrong(solution, pointing) > 0.02
    assert codes(solution) <= DOUBTS
    assert solution.relative[0].evidence.second_offset_mas == pytest.approx(60.0, abs=130.0)


def test_stars_alone_are_no_doubt() -> None:
    for seed in range(5):
        given, _ = exposures(seed, "none", BOX, others=0)
        for catalog in (given, unlabelled(given)):
            solution = solved(catalog)
            assert codes(solution) == {Code.ALIGNED}
            assert len(solution.artefacts) == 0


def test_stars_at_the_same_pixels_everywhere_are_given_back_with_a_doubt() -> None:
    """A WCS that is off by what it calls a dither."""
    rng = np.random.default_rng(6)
    pixel = [noisy(rng, place) for place in [field(rng, 50, 60.0)] * 3]
    group = np.repeat(np.arange(3), 50)
    steps = np.array([[0.0, 0.0], [0.9, 0.4], [-0.5, 0.8]])
    given = Detections.simple(*sky(np.concatenate(pixel) + steps[group]), group, SIGMA)
    none = np.zeros(len(given), int)
    given = replace(given, unit=none, detector=none, unit_xy=np.concatenate(pixel))
    solution = solved(given)
    assert codes(solution) == {Code.SAME_PIXELS}
    assert len(solution.artefacts) == 0
    np.testing.assert_allclose(solution.groups.shift - solution.groups.shift[0], -steps, atol=0.004)
