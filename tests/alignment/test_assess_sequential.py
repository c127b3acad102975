"""The same evidence for an alignment by another method, looked for where it says."""

from __future__ import annotations

import numpy as np
import pytest
from star_fields import SIGMA, catalogs, field, noisy, stars

from tweakreg_step.alignment.assess_sequential import assess
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Standing

BOTH = np.array([True, True])


def test_a_good_alignment_is_confirmed() -> None:
    rng = np.random.default_rng(1)
    place = field(rng, 200)
    found = assess(catalogs(noisy(rng, place), noisy(rng, place)), BOTH, None, Options())
    assert [verdict.standing for verdict in found.relative] == [Standing.ALIGNED] * 2
    # what is left to correct is what the noise of 200 sources asks for
    assert np.abs(found.groups.shift).max() < 5.0 * SIGMA / np.sqrt(200.0)
    assert found.absolute == ()


def test_an_alignment_that_is_a_little_off_is_still_one() -> None:
    """One-after-another alignments accumulate errors: 60 mas here."""
    rng = np.random.default_rng(2)
    place = field(rng, 200)
    off = noisy(rng, place) + np.array([0.06, 0.0])
    found = assess(catalogs(noisy(rng, place), off), BOTH, None, Options())
    assert all(verdict.applied for verdict in found.relative)


@pytest.mark.parametrize("count", [40, 400, 3000])
def test_success_that_is_claimed_for_noise_is_refused(count: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = assess(catalogs(field(rng, count), field(rng, count)), BOTH, None, Options())
        assert not any(verdict.applied for verdict in found.relative)


def test_a_group_that_was_not_claimed_is_not_judged_aligned() -> None:
    rng = np.random.default_rng(3)
    place = field(rng, 200)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place) + 3.0)
    found = assess(given, np.array([True, True, False]), None, Options())
    assert [verdict.applied for verdict in found.relative] == [True, True, False]
    assert found.relative[2].code == "no_match"


def test_few_sources_are_told_from_no_match() -> None:
    rng = np.random.default_rng(4)
    place = field(rng, 200)
    given = catalogs(noisy(rng, place), noisy(rng, place), noisy(rng, place[:5]))
    found = assess(given, np.array([True, True, False]), None, Options())
    assert found.relative[2].code == "too_few_sources"


@pytest.mark.parametrize("true", [True, False])
def test_the_reference_is_judged_as_well(*, true: bool) -> None:
    rng = np.random.default_rng(5)
    place = field(rng, 200)
    reference = stars(noisy(rng, place) if true else field(rng, 200))
    found = assess(catalogs(noisy(rng, place), noisy(rng, place)), BOTH, reference, Options())
    assert [verdict.applied for verdict in found.absolute] == [true] * 2


def test_the_order_of_the_groups_is_that_of_the_input() -> None:
    rng = np.random.default_rng(6)
    place = field(rng, 200)
    given = catalogs(field(rng, 250), noisy(rng, place), noisy(rng, place))
    found = assess(given, np.array([True] * 3), None, Options())
    assert [verdict.applied for verdict in found.relative] == [False, True, True]
