"""One star, or two, cannot be told from chance, whatever minobj is: that is what is said."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import catalogs, field, noisy, stars

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.report.sentences import verdicts_of

FEW = Options(minobj=1, abs_minobj=1)


@pytest.mark.parametrize("count", [1, 2])
def test_stamps_of_a_star_or_two(count: int) -> None:
    rng = np.random.default_rng(2)
    place = field(rng, count, 5.0)
    found = solve_jointly(catalogs(noisy(rng, place), noisy(rng, place)), 2, None, FEW)
    for verdict in verdicts_of(found.relative, "give more"):
        assert verdict.code is Code.TOO_FEW_SOURCES
        number = "1 source," if count == 1 else "2 sources,"
        assert f"it has {number} which can't be told from chance" in verdict.reason
        assert "3 or more that agree can; give more." in verdict.reason
        assert "overlap" not in verdict.reason
        assert "minobj" not in verdict.reason


def test_stamps_of_three_stars_are_aligned() -> None:
    rng = np.random.default_rng(2)
    place = field(rng, 3, 5.0)
    found = solve_jointly(catalogs(noisy(rng, place), noisy(rng, place)), 2, None, FEW)
    assert all(verdict.applied for verdict in verdicts_of(found.relative))


def test_a_stamp_among_fields() -> None:
    rng = np.random.default_rng(3)
    place = field(rng, 60)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:1]))
    first, second, third = verdicts_of(solve_jointly(given, 3, None, FEW).relative)
    assert first.applied
    assert second.applied
    assert "it has 1 source, which can't be told from chance" in third.reason


def test_a_stamp_is_told_of_minobj_where_that_asks_for_more() -> None:
    rng = np.random.default_rng(3)
    given = catalogs(field(rng, 2), field(rng, 2))
    for verdict in verdicts_of(solve_jointly(given, 2, None, Options()).relative):
        assert "fewer sources than 'minobj' asks for; it has 2 sources, 15 are" in verdict.reason


@pytest.mark.parametrize(("count", "fact"), [(1, "1 star,"), (2, "2 stars,")])
def test_a_reference_of_a_star_or_two(count: int, fact: str) -> None:
    rng = np.random.default_rng(4)
    place = field(rng, 60)
    given = catalogs(noisy(rng, place), noisy(rng, place))
    found = solve_jointly(given, 2, stars(noisy(rng, place[:count])), FEW)
    assert all(verdict.applied for verdict in verdicts_of(found.relative))
    for verdict in verdicts_of(found.absolute):
        assert f"the reference catalog has {fact} which can't be told from chance" in verdict.reason
        assert "give one that has more in the field" in verdict.reason
