"""From evidence to a decision, a code and a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tweakreg_step.alignment.verdict.decision import (
    CHANCE_LIMIT,
    absolute_verdict,
    is_noise,
    relative_verdict,
)
from tweakreg_step.core.outcome import Decision, Evidence, GroupStatus

GOOD = Evidence(
    matches=100,
    chance_matches=0.1,
    log10_chance=-200.0,
    spread=0.44,
    reserved=20,
    reserved_before_mas=300.0,
    reserved_after_mas=2.5,
    coverage=0.9,
    sigma_centre_mas=0.2,
    sigma_corner_mas=0.4,
    pull=1.5,
)
NOISE = 2.0  # mas


def relative(
    evidence: Evidence | None, status: GroupStatus = GroupStatus.ALIGNED, *, alone: bool = False
):
    return relative_verdict(status, evidence, NOISE, "raise 'searchrad'", alone=alone)


def absolute(
    evidence: Evidence | None, status: GroupStatus = GroupStatus.ALIGNED, *, anchored: bool = True
):
    return absolute_verdict(status, evidence, NOISE, "raise 'abs_searchrad'", anchored=anchored)


def test_good_evidence_is_aligned_in_both_phases() -> None:
    for verdict in (relative(GOOD), absolute(GOOD)):
        assert verdict.decision is Decision.ALIGNED
        assert verdict.code == "aligned"
        assert verdict.applied
        assert "100" in verdict.reason


@pytest.mark.parametrize(
    ("code", "changes", "words"),
    [
        ("weak_evidence", {"log10_chance": -6.0}, "'snr_threshold'"),
        (
            "reserved_disagree",
            {"reserved_before_mas": 30.0, "reserved_after_mas": 40.0},
            "'fitgeometry'",
        ),
        ("poor_coverage", {"coverage": 0.03}, "3 %"),
        ("poorly_determined", {"sigma_corner_mas": 25.0}, "25.0 mas"),
        ("far_off", {"pull": 14.0}, "14 times"),
        ("second_peak", {"second_matches": 31, "second_offset_mas": 1800.0}, "1.80 arcsec away"),
        ("same_pixels", {"pinned_matches": 57}, "57 of its matches"),
    ],
)
def test_each_doubt_has_a_code_and_a_remedy(code: str, changes: dict, words: str) -> None:
    for judge in (relative, absolute):
        verdict = judge(replace(GOOD, **changes))
        assert verdict.decision is Decision.DOUBTFUL
        assert verdict.applied
        assert verdict.code == code
        assert words in verdict.reason


def test_aligned_data_that_stay_are_no_reason_to_doubt() -> None:
    """The fit's own error makes reserved sources agree a little less than before."""
    stayed = replace(GOOD, reserved_before_mas=2.5, reserved_after_mas=3.5, reserved=5)
    assert relative(stayed).decision is Decision.ALIGNED


def test_few_reserved_sources_decide_nothing() -> None:
    few = replace(GOOD, reserved=4, reserved_before_mas=10.0, reserved_after_mas=40.0)
    assert relative(few).decision is Decision.ALIGNED


def test_unknown_numbers_are_no_doubts() -> None:
    nan = float("nan")
    unknown = replace(GOOD, reserved=0, reserved_before_mas=nan, reserved_after_mas=nan, spread=nan)
    assert relative(unknown).decision is Decision.ALIGNED


@pytest.mark.parametrize("status", [s for s in GroupStatus if s is not GroupStatus.ALIGNED])
def test_failures_are_left_alone_with_their_code_and_remedy(status: GroupStatus) -> None:
    for verdict, remedy in (
        (relative(GOOD, status), "raise 'searchrad'."),
        (absolute(GOOD, status), "raise 'abs_searchrad'."),
        (relative(None, status), "raise 'searchrad'."),
    ):
        assert verdict.decision is Decision.LEFT
        assert not verdict.applied
        assert verdict.code == status.code
        assert verdict.reason.startswith("Left as it was")
        assert verdict.reason.endswith(remedy)


def test_a_group_that_only_the_reference_holds() -> None:
    verdict = relative(GOOD, alone=True)
    assert (verdict.decision, verdict.code) == (Decision.LEFT, "not_connected")


def test_a_group_that_is_not_tied_to_the_reference() -> None:
    for evidence in (GOOD, None):
        verdict = absolute(evidence, anchored=False)
        assert (verdict.decision, verdict.code) == (Decision.LEFT, "no_reference_match")
        assert verdict.reason.endswith("raise 'abs_searchrad'.")


@pytest.mark.parametrize("changes", [{"matches": 0}, {"log10_chance": -1.0}])
def test_a_group_that_its_neighbours_tie_to_the_reference(changes: dict) -> None:
    verdict = absolute(replace(GOOD, **changes))
    assert (verdict.decision, verdict.code) == (Decision.ALIGNED, "through_neighbours")


def test_a_second_offset_is_the_first_doubt_and_follows_through_neighbours() -> None:
    other = replace(GOOD, second_matches=31, second_offset_mas=1800.0, pull=14.0)
    assert relative(other).code == "second_peak"
    verdict = absolute(replace(other, matches=0))
    assert (verdict.decision, verdict.code) == (Decision.DOUBTFUL, "second_peak")
    assert "through its neighbours" in verdict.reason


def test_noise_is_what_chance_gives_or_what_is_spread_evenly() -> None:
    assert is_noise(CHANCE_LIMIT + 0.1, 0.4)
    assert is_noise(-50.0, 0.97)
    assert not is_noise(CHANCE_LIMIT - 0.1, 0.55)


def test_a_request_for_more_sources_is_the_remedy_that_is_given() -> None:
    remedy = "give catalogs with more sources"
    for weak in (replace(GOOD, log10_chance=-6.0), replace(GOOD, coverage=0.01)):
        verdict = relative_verdict(GroupStatus.ALIGNED, weak, NOISE, "", alone=False, more=remedy)
        assert remedy in verdict.reason
        assert "snr_threshold" not in verdict.reason
