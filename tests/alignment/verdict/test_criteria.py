"""Which groups a solution shows to be wanting, and the verdicts on those that are left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from star_fields import catalogs, field, noisy, problem_of, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver.iteration import converge
from tweakreg_step.alignment.verdict.criteria import groups_to_reject
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.report.sentences import reason_of


def test_good_groups_are_not_wanting() -> None:
    rng = np.random.default_rng(1)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    for reference in (None, stars(place[:40])):
        problem, start = problem_of(given, reference, Options())
        bad, loose, _ = groups_to_reject(problem, converge(problem, start, 0.05))
        assert bad == {}
        assert not loose.any()


def test_without_a_solution_all_are_wanting() -> None:
    rng = np.random.default_rng(2)
    problem, _ = problem_of(catalogs(field(rng, 30), field(rng, 30)), None, Options())
    bad, _, _ = groups_to_reject(problem, None)
    assert bad == {0: Code.TOO_FEW_MATCHES, 1: Code.TOO_FEW_MATCHES}


def test_matches_of_noise_are_no_match() -> None:
    """Dense enough for more than 'minobj' matches within half an arcsec."""
    rng = np.random.default_rng(3)
    given = catalogs(field(rng, 3000), field(rng, 3000))
    problem, start = problem_of(given, None, Options())
    linked = converge(problem, start, 0.5, passes=1)
    bad, _, _ = groups_to_reject(problem, linked)
    assert bad == {0: Code.NO_MATCH, 1: Code.NO_MATCH}


def test_the_group_with_the_fewest_matches_goes_first() -> None:
    rng = np.random.default_rng(4)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:10]))
    problem, start = problem_of(given, None, Options())
    bad, _, _ = groups_to_reject(problem, converge(problem, start, 0.05))
    assert bad == {2: Code.TOO_FEW_MATCHES}


def test_corrections_beyond_the_search_are_implausible() -> None:
    rng = np.random.default_rng(5)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place) + np.array([1.0, 0.0]))
    options = Options(searchrad=0.1, abs_searchrad=0.1)
    problem, start = problem_of(given, None, options)
    start.theta[:, 0] = 0.5, -0.5
    bad, _, _ = groups_to_reject(problem, converge(problem, start, 0.05))
    assert bad == {0: Code.IMPLAUSIBLE, 1: Code.IMPLAUSIBLE}


def test_groups_that_no_star_holds_are_untied() -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    problem, start = problem_of(given, stars(field(rng, 100)), Options())
    bad, loose, _ = groups_to_reject(problem, converge(problem, start, 0.05))
    assert bad == {}
    assert loose.all()
    few = replace(problem, reference=stars(noisy(rng, place[:5])))
    assert groups_to_reject(few, converge(few, start, 0.05))[1].all()


def test_a_star_counts_once_however_often_it_is_seen() -> None:
    """Six stars on five dithers are six, not thirty."""
    rng = np.random.default_rng(16)
    place = field(rng, 100)
    given = catalogs(*(noisy(rng, place) for _ in range(5)))
    reference = stars(noisy(rng, place[:6]))
    alone = solve_jointly(given, 5, reference, Options())
    assert [verdict.code for verdict in alone.relative] == ["aligned"] * 5
    assert [verdict.code for verdict in alone.absolute] == ["no_reference_match"] * 5
    assert "has 6 reference stars, 15 are needed" in reason_of(alone.absolute[0])
    assert not solve_jointly(given, 5, reference, Options(abs_minobj=7)).absolute[0].applied
    tied = solve_jointly(given, 5, reference, Options(abs_minobj=6))
    assert all(verdict.applied for verdict in tied.absolute)


def test_different_stars_of_tied_groups_add_up() -> None:
    """Two groups of nine stars each: eighteen for both."""
    rng = np.random.default_rng(17)
    place = field(rng, 100)
    west, east = field(rng, 9) - np.array([150.0, 0.0]), field(rng, 9) + np.array([150.0, 0.0])
    groups = (np.concatenate([place, side]) for side in (west, east))
    given = catalogs(*(noisy(rng, group) for group in groups))
    reference = stars(noisy(rng, np.concatenate([west, east])))
    for least in (18, 19):
        found = solve_jointly(given, 2, reference, Options(abs_minobj=least))
        assert [verdict.applied for verdict in found.absolute] == [least == 18] * 2


def test_a_group_without_stars_follows_its_neighbours() -> None:
    """A group with no star of its own is aligned to the reference through the others."""
    rng = np.random.default_rng(7)
    west, middle, east = (
        place + np.array([x, 0.0])
        for place, x in zip((field(rng, 150) for _ in range(3)), (-120.0, 0.0, 120.0), strict=True)
    )
    one = np.concatenate([west, middle])
    other = np.concatenate([middle, east])
    given = catalogs(noisy(rng, one), noisy(rng, other))
    found = solve_jointly(given, 2, stars(noisy(rng, west)), Options())
    assert [verdict.code for verdict in found.relative] == ["aligned", "aligned"]
    assert [verdict.code for verdict in found.absolute] == ["aligned", "through_neighbours"]
    assert found.absolute[1].evidence.matches == 0


def test_groups_that_only_the_reference_holds() -> None:
    rng = np.random.default_rng(8)
    one, other = field(rng, 80), field(rng, 80) + np.array([200.0, 0.0])
    reference = stars(np.concatenate([one, other]))
    found = solve_jointly(catalogs(noisy(rng, one), noisy(rng, other)), 2, reference, Options())
    assert [verdict.code for verdict in found.relative] == ["not_connected"] * 2
    assert [verdict.code for verdict in found.absolute] == ["aligned"] * 2
