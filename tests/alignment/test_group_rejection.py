"""Solutions without what was found wanting, until nothing is; all that is known of it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import catalogs, field, noisy, problem_of, sky, stars

from tweakreg_step.alignment.group_rejection import group_frames, no_failures, solve_with_rejection
from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import directions, to_plane

ALIGNED = Code.ALIGNED


def test_a_group_of_noise_is_given_up_and_the_others_stay() -> None:
    rng = np.random.default_rng(1)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place), field(rng, 100))
    problem, start = problem_of(given, None, Options())
    accepted = solve_with_rejection(
        problem, start, (0.05, 0.0), no_failures((ALIGNED,) * 3, problem.anchored)
    )
    assert accepted.failures.status == (ALIGNED, ALIGNED, Code.TOO_FEW_MATCHES)
    assert accepted.problem.component.tolist() == [0, 0, -1]
    assert accepted.associated is not None
    assert accepted.failures.matches[2] < 15


def test_nothing_but_noise_leaves_nothing() -> None:
    rng = np.random.default_rng(2)
    given = catalogs(*(field(rng, 100) for _ in range(4)))
    problem, start = problem_of(given, None, Options())
    accepted = solve_with_rejection(
        problem, start, (0.05, 0.0), no_failures((ALIGNED,) * 4, problem.anchored)
    )
    assert ALIGNED not in accepted.failures.status
    assert (accepted.problem.component == -1).all()


def test_a_wrong_reference_is_let_go_and_the_groups_stay() -> None:
    rng = np.random.default_rng(3)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    problem, start = problem_of(given, stars(noisy(rng, place[:6])), Options())
    accepted = solve_with_rejection(
        problem, start, (0.05, 0.0), no_failures((ALIGNED,) * 2, problem.anchored)
    )
    assert accepted.failures.status == (ALIGNED,) * 2
    assert not accepted.failures.anchored.any()
    assert accepted.failures.reference_matches.tolist() == [6, 6]


def test_the_result_without_the_bad_group_is_as_if_it_had_never_been_there() -> None:
    """What was rejected leaks into nothing: to the last bit."""
    rng = np.random.default_rng(4)
    place = field(rng, 100)
    good = noisy(rng, place), noisy(rng, place) + np.array([0.1, 0.2]), noisy(rng, place)
    with_noise = solve_jointly(catalogs(*good, field(rng, 100)), 4, None, Options())
    without = solve_jointly(catalogs(*good), 3, None, Options())
    assert with_noise.relative[3].code == "no_match"
    # the groups' numbers differ, and with them the order of sums: 1e-9 arcsec
    np.testing.assert_allclose(with_noise.groups.shift[:3], without.groups.shift, atol=1e-9)
    np.testing.assert_allclose(with_noise.groups.matrix[:3], without.groups.matrix, atol=1e-13)
    np.testing.assert_array_equal(with_noise.groups.shift[3], 0.0)
    np.testing.assert_array_equal(with_noise.groups.matrix[3], np.eye(2))


def test_verdicts_are_in_the_order_of_the_input() -> None:
    rng = np.random.default_rng(5)
    place = field(rng, 100)
    groups = [noisy(rng, place), field(rng, 100), noisy(rng, place), noisy(rng, place[:3])]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        found = solve_jointly(catalogs(*(groups[k] for k in order)), 4, None, Options())
        expected = ["aligned", "no_match", "aligned", "too_few_sources"]
        assert [v.code for v in found.relative] == [expected[k] for k in order]


def test_frames_are_at_the_groups_middles() -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 50)
    given = catalogs(place, place + np.array([300.0, 0.0]))
    frames = group_frames(given, 3)
    local = to_plane(directions(*sky(place)), frames[0])
    assert np.abs(local.mean(axis=0)).max() < 1e-4
    assert np.isfinite(frames[2]).all()  # a group without sources is anywhere


@pytest.mark.parametrize("reference", [False, True])
def test_no_sources_at_all(*, reference: bool) -> None:
    rng = np.random.default_rng(7)
    nothing = Detections.simple(*np.zeros((2, 0)), np.zeros(0, np.int64), 0.001)
    known = stars(field(rng, 20)) if reference else None
    found = solve_jointly(nothing, 2, known, Options())
    assert [verdict.code for verdict in found.relative] == ["too_few_sources"] * 2
    assert [verdict.applied for verdict in found.absolute] == [False] * 2 * reference
