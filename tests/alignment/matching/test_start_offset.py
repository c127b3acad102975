"""A first guess of the offset starts the search."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import catalogs, field, noisy

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code

OFFSET = np.array([9.0, -7.0])  # arcsec


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("guess", [OFFSET, OFFSET + 1.0])
def test_groups_beyond_the_search_are_found_from_a_guess(sign: float, guess: np.ndarray) -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 100)
    shown = [noisy(rng, place) for _ in range(3)]
    given = catalogs(shown[0], shown[1] + sign * OFFSET, shown[2])
    plain = solve_jointly(given, 3, None, Options(searchrad=2.0))
    assert plain.groups.status[1] is Code.NO_MATCH
    found = solve_jointly(given, 3, None, Options(searchrad=2.0, start=tuple(guess)))
    assert found.groups.status == (Code.ALIGNED,) * 3
    assert [finding.code for finding in found.relative] == [Code.ALIGNED] * 3  # without a doubt
    shift = found.groups.shift - found.groups.shift[0]
    np.testing.assert_allclose(shift[1], -sign * OFFSET, atol=0.002)
    np.testing.assert_allclose(shift[2], 0.0, atol=0.002)


def test_a_guess_that_is_wrong_does_no_harm() -> None:
    rng = np.random.default_rng(7)
    place = field(rng, 100)
    given = catalogs(noisy(rng, place), noisy(rng, place) + np.array([0.5, 0.3]))
    plain = solve_jointly(given, 2, None, Options())
    found = solve_jointly(given, 2, None, Options(start=(11.0, 4.0)))
    assert found.groups.status == (Code.ALIGNED,) * 2
    np.testing.assert_allclose(found.groups.shift, plain.groups.shift, atol=1e-6)


def test_chance_is_not_taken_for_a_match() -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        given = catalogs(field(rng, 100), field(rng, 100))
        found = solve_jointly(given, 2, None, Options(start=(11.0, 4.0)))
        assert Code.ALIGNED not in found.groups.status
