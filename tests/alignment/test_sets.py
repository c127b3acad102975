"""Two visits, each of which hangs together: are they tied to each other, and what is said?"""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import catalogs, field, noisy, stars
from two_visits import Visits

from tweakreg_step.alignment.assess_sequential import assess
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import Solution
from tweakreg_step.report.sentences import reason_of

FIRST, SECOND = [0, 1, 2], [3, 4, 5]


def solved(scene: Visits, seed: int = 1, **options: object) -> Solution:
    return solve_jointly(scene.made(seed)[0], 6, None, Options(**options))


def codes(solution: Solution) -> list[Code]:
    return [finding.code for finding in solution.relative]


@pytest.mark.parametrize("scene", [Visits(), Visits((0.5, 0.0)), Visits((0.6, -1.4), roll=0.5)])
def test_what_matches_within_the_search_radius_is_tied(scene: Visits) -> None:
    solution = solved(scene)
    assert set(solution.groups.component) == {0}
    assert Code.NOT_TIED_TOGETHER not in codes(solution)
    step = np.array(scene.offset)
    moved = solution.groups.shift[0] - solution.groups.shift[3]
    if scene.roll == 0.0:
        assert np.allclose(moved, step, atol=0.01)


@pytest.mark.parametrize(("distance", "radius"), [(3.0, 4), (24.8, 30)])
def test_a_visit_beyond_the_search_radius_is_named_with_its_offset(
    distance: float, radius: int
) -> None:
    solution = solved(Visits((distance, 0.0)))
    assert codes(solution) == [Code.NOT_TIED_TOGETHER] * 6
    assert all(finding.applied for finding in solution.relative)
    finding = solution.relative[0]
    assert finding.gap.offset == pytest.approx(distance, abs=0.01)
    assert (finding.gap.groups, finding.gap.matches) >= (3, 80)
    assert f"raise 'searchrad' from 2 to {radius}" in reason_of(finding)
    named = reason_of(finding, names=list("abcdef"))
    assert f"ties to that of '{'abcdef'[finding.gap.group]}' (3 groups)" in named
    healed = solved(Visits((distance, 0.0)), searchrad=float(radius))
    assert set(healed.groups.component) == {0}
    assert Code.NOT_TIED_TOGETHER not in codes(healed)


def test_a_visit_rolled_by_a_degree_and_beyond_is_found() -> None:
    solution = solved(Visits((4.0, 1.0), roll=1.0))
    assert codes(solution) == [Code.NOT_TIED_TOGETHER] * 6
    assert solution.relative[0].gap.offset == pytest.approx(np.hypot(4.0, 1.0), abs=1.0)


def test_visits_that_share_no_star_where_they_overlap_are_not_tied() -> None:
    solution = solved(Visits(unrelated=True))
    assert codes(solution) == [Code.NOT_TIED_TOGETHER] * 6
    gap = solution.relative[4].gap
    assert 60.0 < gap.expected < 120.0
    assert gap.matches == 0
    assert np.isnan(gap.offset)
    assert "common sources are expected where the two overlap" in reason_of(solution.relative[4])


def test_a_small_overlap_tells_nothing() -> None:
    """A strip that both visits see, with some nine stars, of which they have none in common."""
    solution = solved(Visits(centre=(98.0, 0.0), unrelated=True))
    assert codes(solution) == [Code.TOO_LITTLE_OVERLAP] * 6
    assert 1.0 <= solution.relative[0].gap.expected < 15.0
    assert all(finding.applied for finding in solution.relative)


@pytest.mark.parametrize("centre", [(120.0, 0.0), (0.0, -600.0)])
def test_disjoint_fields_are_not_flagged(centre: tuple[float, float]) -> None:
    solution = solved(Visits((3.0, 0.0), centre=centre))
    assert set(solution.groups.component) == {0, 1}
    assert codes(solution) == [Code.ALIGNED] * 6
    assert all(finding.gap is None for finding in solution.relative)


@pytest.mark.parametrize("joint", [True, False])
def test_the_set_that_a_reference_holds_is_not_blamed(joint: bool) -> None:
    """Stars where the first visit looks only: the second, 3 arcsec off, overlaps a half of it."""
    given, places = Visits((3.0, 0.0), centre=(50.0, 0.0)).made(2)
    first = places[places[:, 0] < -10.0]
    solution = solve_jointly(given, 6, stars(first), Options(joint=joint, abs_searchrad=2.0))
    assert [solution.groups.anchored[group] for group in (0, 3)] == [True, False]
    assert codes(solution) == [Code.ALIGNED] * 3 + [Code.NOT_TIED_TOGETHER] * 3
    assert solution.relative[4].gap.offset == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("joint", [True, False])
def test_a_reference_that_holds_both_ties_them(joint: bool) -> None:
    given, places = Visits((2.5, 0.0)).made(3)
    solution = solve_jointly(given, 6, stars(places), Options(joint=joint))
    assert codes(solution) == [Code.ALIGNED] * 6
    assert {finding.code for finding in solution.absolute} == {Code.ALIGNED}


def test_groups_that_failed_are_told_of_those_that_are_aligned_not_of_their_siblings() -> None:
    """As where one group after another is aligned: the siblings' own offset is zero."""
    given, _ = Visits((3.0, 0.0)).made(4)
    moved = np.array([True] * 3 + [False] * 3)
    found = assess(given, moved, None, Options())
    for group in SECOND:
        assert "raise 'searchrad' from 2 to 4" in reason_of(found.relative[group])
    claimed = assess(given, np.ones(6, bool), None, Options())
    assert codes(claimed) == [Code.NOT_TIED_TOGETHER] * 6


def test_bodies_are_tied_where_no_pair_of_groups_can_be() -> None:
    """Any two groups of different visits have three stars in common, the visits have thirty."""
    scene = Visits((0.7, 0.4), stars=40, unrelated=True)
    rng = np.random.default_rng(6)
    common = rng.permutation(field(rng, 30, 80.0))
    places = [scene.places(rng), scene.places(rng)]
    groups = [*scene.seen(rng, places[0], 0), *scene.seen(rng, places[1], 1)]
    for number in range(6):
        chosen = common[number % 3 :: 3] if number < 3 else common[10 * (number % 3) :][:10]
        step = np.array(scene.offset) * (number > 2)
        groups[number] = np.concatenate([groups[number], noisy(rng, chosen) + step])
    solution = solve_jointly(catalogs(*groups), 6, None, Options())
    assert set(solution.groups.component) == {0}
    assert set(codes(solution)) <= {Code.ALIGNED}
    moved = solution.groups.shift[0] - solution.groups.shift[3]
    assert np.allclose(moved, scene.offset, atol=0.015)
