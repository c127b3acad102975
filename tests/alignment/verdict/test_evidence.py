"""Each piece of evidence against what is known of how the catalogs were made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from star_fields import SIGMA, catalogs, field, noisy, problem_of, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver.iteration import (
    AssociatedFit,
    Problem,
    common_directions,
    converge,
)
from tweakreg_step.alignment.verdict.chance import Chance, chance
from tweakreg_step.alignment.verdict.evidence import clusters
from tweakreg_step.core.evidence import Evidence
from tweakreg_step.core.options import Options

SIDE = 120.0


def relative(*places: np.ndarray, **options: object) -> list[Evidence]:
    found = solve_jointly(catalogs(*places), len(places), None, Options(**options))
    return [verdict.evidence for verdict in found.relative]


def matches(problem: Problem, linked: AssociatedFit, *, absolute: bool) -> Chance:
    return chance(problem, linked, common_directions(problem, linked), absolute=absolute)


@pytest.mark.parametrize("count", [300, 3000])
@pytest.mark.parametrize("absolute", [False, True])
def test_chance_matches_are_those_of_unrelated_catalogs(count: int, *, absolute: bool) -> None:
    """Counted by a tree of its own at a fixed radius, 20 pairs of catalogs."""
    radius, expected, counted = 0.5, [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one, other = field(rng, count), field(rng, count)
        options = Options(tolerance=radius, abs_tolerance=radius)
        reference = stars(other) if absolute else None
        given = catalogs(one) if absolute else catalogs(one, other)
        problem, start = problem_of(given, reference, options)
        linked = converge(problem, start, radius, passes=1)
        expected.append(matches(problem, linked, absolute=absolute).expected[0])
        counted.append(np.sum(cKDTree(other).query(one)[0] < radius))
    # Poisson: 20 x 5 matches, or 20 x 450; the last 3 per cent are edges of the field
    scatter = np.sqrt(np.sum(counted)) / np.sum(counted)
    assert np.sum(expected) == pytest.approx(np.sum(counted), rel=3.0 * scatter + 0.03)


def test_spread_is_one_for_noise_and_less_for_true_matches() -> None:
    rng = np.random.default_rng(1)
    options = Options(tolerance=0.5)
    problem, start = problem_of(catalogs(field(rng, 3000), field(rng, 3000)), None, options)
    linked = converge(problem, start, 0.5, passes=1)
    # 450 matches: the rms of an even disc scatters by 1.4 per cent; a fit takes little of it
    assert matches(problem, linked, absolute=False).spread[0] == pytest.approx(1.0, abs=0.06)
    place = field(rng, 500)
    for found in relative(noisy(rng, place), noisy(rng, place)):
        # sqrt(2) errors per axis over 4.5 of these: 2 / 4.5
        assert found.spread == pytest.approx(0.444, abs=0.03)


def test_the_probability_of_chance() -> None:
    rng = np.random.default_rng(2)
    unrelated, start = problem_of(catalogs(field(rng, 1000), field(rng, 1000)), None, Options())
    linked = converge(unrelated, start, 0.3, passes=1)
    assert matches(unrelated, linked, absolute=False).log10.min() > -2.0
    place = field(rng, 15)
    for found in relative(noisy(rng, place), noisy(rng, place)):
        assert found.log10_chance < -40.0
        assert found.matches == 15
        assert found.chance_matches < 0.01


def test_reserved_sources_show_the_offset_before_and_the_noise_after() -> None:
    rng = np.random.default_rng(3)
    place, offset = field(rng, 1500), np.array([0.2, -0.1])
    for found in relative(noisy(rng, place), noisy(rng, place) + offset):
        assert found.reserved == pytest.approx(300, abs=60)  # a fifth
        # 300 reserved: the rms scatters by 3 per cent
        assert found.reserved_after_mas == pytest.approx(1e3 * SIGMA * np.sqrt(2.0), rel=0.1)
        expected = 1e3 * np.sqrt(np.mean(offset**2) + 2.0 * SIGMA**2)
        assert found.reserved_before_mas == pytest.approx(expected, rel=0.01)


def test_reserved_sources_take_no_part_in_their_own_fit() -> None:
    """With few sources, what is not fitted agrees worse than what is: 1 + 3 / (2 n) in rms^2."""
    outside, inside = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        place = field(rng, 18)
        found = solve_jointly(catalogs(noisy(rng, place), noisy(rng, place)), 2, None, Options())
        seen = found.relative[0].evidence
        outside.append(seen.reserved * seen.reserved_after_mas**2)
        inside.append((seen.reserved, float(found.groups.rms_mas[0])))
    mean = np.sqrt(np.sum(outside) / np.sum([n for n, _ in inside]))
    expected = 1e3 * SIGMA * np.sqrt(2.0 * (1.0 + 3.0 / (2.0 * 14.4)))
    # 216 reserved places: the rms scatters by 3.4 per cent, three of which are allowed
    assert mean == pytest.approx(expected, rel=0.11)


@pytest.mark.parametrize("geometry", ["shift", "rshift"])
def test_sigmas_are_those_of_two_images(geometry: str) -> None:
    """Relative shift 2 s^2 / n, roll 2 s^2 / (n <r^2>); each group has half of either."""
    rng = np.random.default_rng(4)
    count = 2000
    place = field(rng, count, SIDE)
    found = relative(noisy(rng, place), noisy(rng, place), fitgeometry=geometry)[0]
    centre = 1e3 * SIGMA / np.sqrt(2.0 * count)
    middle = place - place.mean(axis=0)
    square = np.sum(middle**2, axis=1)
    lever = square.max() / (2.0 * square.mean()) if geometry == "rshift" else 0.0
    # chi2 / dof is 1 within 2 per cent; what is clipped is less than that
    assert found.sigma_centre_mas == pytest.approx(centre, rel=0.04)
    assert found.sigma_corner_mas == pytest.approx(centre * np.sqrt(1.0 + lever), rel=0.04)


def test_sigma_of_an_image_on_a_reference() -> None:
    rng = np.random.default_rng(5)
    place = field(rng, 1000)
    given, reference = catalogs(noisy(rng, place)), stars(noisy(rng, place, 0.001), 0.001)
    verdict = solve_jointly(given, 1, reference, Options()).absolute[0]
    expected = 1e3 * np.sqrt((SIGMA**2 + 0.001**2) / 1000)
    assert verdict.evidence.sigma_centre_mas == pytest.approx(expected, rel=0.05)
    assert verdict.evidence.matches == pytest.approx(1000, abs=10)


def test_coverage_of_known_geometry() -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 800)
    left = place[place[:, 0] < 0.0]
    whole, half = relative(noisy(rng, place), noisy(rng, left))
    # half the width has half the standard deviation; of 400 points to 3 per cent
    assert whole.coverage == pytest.approx(0.5, abs=0.04)
    assert half.coverage == pytest.approx(1.0, abs=0.02)


def test_matches_on_a_line_cover_nothing() -> None:
    rng = np.random.default_rng(7)
    line = np.stack([np.linspace(-50.0, 50.0, 30), np.zeros(30)], axis=1)
    one, other = (np.concatenate([noisy(rng, line), field(rng, 30)]) for _ in range(2))
    solution = solve_jointly(catalogs(one, other), 2, None, Options())
    assert [verdict.code for verdict in solution.relative] == ["poor_coverage"] * 2


def test_pull_is_the_correction_in_errors_of_the_pointing() -> None:
    rng = np.random.default_rng(8)
    place = field(rng, 200)
    moved = noisy(rng, place) + np.array([0.0, 1.8])
    for found in relative(noisy(rng, place), moved):
        assert found.pull == pytest.approx(0.9 / 0.3, rel=0.02)  # half of it for each


def test_two_far_groups_on_a_reference_are_clusters_of_their_own() -> None:
    rng = np.random.default_rng(9)
    place = np.concatenate([field(rng, 60), field(rng, 60) + 500.0])
    given = catalogs(noisy(rng, place[:60]), noisy(rng, place[:60]), noisy(rng, place[60:]))
    problem, start = problem_of(given, stars(place), Options())
    label = clusters(converge(problem, start, 0.05), 3)
    assert label[0] == label[1] != label[2]


def test_a_tolerance_below_the_errors_makes_no_noise_of_true_matches() -> None:
    rng = np.random.default_rng(10)
    place = field(rng, 300)
    options = Options(tolerance=0.004, searchrad=0.3, max_roll=0.0)
    moved = noisy(rng, place) + np.array([0.1, 0.0])
    solution = solve_jointly(catalogs(noisy(rng, place), moved), 2, None, options)
    assert [verdict.code for verdict in solution.relative] == ["aligned"] * 2
    assert np.isnan(solution.relative[0].evidence.spread)
