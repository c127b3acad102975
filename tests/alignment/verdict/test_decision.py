"""From evidence to a code, and from that to a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_evidence import GOOD, NOISE

from tweakreg_step.alignment.verdict.decision import (
    CHANCE_LIMIT,
    absolute_finding,
    is_noise,
    relative_finding,
)
from tweakreg_step.core.evidence import Diagnosis, Evidence
from tweakreg_step.core.outcome import Code, Standing
from tweakreg_step.report.remedies import remedy_of
from tweakreg_step.report.sentences import FACTS, reason_of


def diagnosis(status: Code, *, absolute: bool) -> Diagnosis:
    """A peak at 5 arcsec, where 2 arcsec were searched: the remedy is to search there."""
    none = (0.0, 0.0, 0.0)
    return Diagnosis(status, absolute, 100, 0, 0, 15, none, 0.0, 5.0, 2.0, 30.0, True, 40)


def relative(evidence: Evidence | None, status: Code = Code.ALIGNED, *, alone: bool = False):
    return relative_finding(status, evidence, NOISE, diagnosis(status, absolute=False), alone=alone)


def absolute(evidence: Evidence | None, status: Code = Code.ALIGNED, *, anchored: bool = True):
    return absolute_finding(
        status, evidence, NOISE, diagnosis(status, absolute=True), anchored=anchored
    )


def test_good_evidence_is_aligned_in_both_phases() -> None:
    for verdict in (relative(GOOD), absolute(GOOD)):
        assert verdict.standing is Standing.ALIGNED
        assert verdict.code == "aligned"
        assert verdict.applied
        assert "100" in reason_of(verdict)


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
        assert verdict.standing is Standing.DOUBTFUL
        assert verdict.applied
        assert verdict.code == code
        assert words in reason_of(verdict)


def test_aligned_data_that_stay_are_no_reason_to_doubt() -> None:
    """The fit's own error makes reserved sources agree a little less than before."""
    stayed = replace(GOOD, reserved_before_mas=2.5, reserved_after_mas=3.5, reserved=5)
    assert relative(stayed).standing is Standing.ALIGNED


def test_few_reserved_sources_decide_nothing() -> None:
    few = replace(GOOD, reserved=4, reserved_before_mas=10.0, reserved_after_mas=40.0)
    assert relative(few).standing is Standing.ALIGNED


def test_unknown_numbers_are_no_doubts() -> None:
    nan = float("nan")
    unknown = replace(GOOD, reserved=0, reserved_before_mas=nan, reserved_after_mas=nan, spread=nan)
    assert relative(unknown).standing is Standing.ALIGNED


@pytest.mark.parametrize("status", [s for s in FACTS if s is not Code.ALIGNED])
def test_failures_are_left_alone_with_their_code_and_remedy(status: Code) -> None:
    for verdict in (relative(GOOD, status), absolute(GOOD, status), relative(None, status)):
        assert verdict.standing is Standing.LEFT
        assert not verdict.applied
        assert verdict.code == status
        assert reason_of(verdict).startswith("Left as it was")
        remedy = remedy_of(verdict.diagnosis)
        assert remedy
        assert reason_of(verdict).endswith(f"{remedy}.")


def test_a_group_that_only_the_reference_holds() -> None:
    verdict = relative(GOOD, alone=True)
    assert (verdict.standing, verdict.code) == (Standing.LEFT, "not_connected")


def test_a_group_that_is_not_tied_to_the_reference() -> None:
    for evidence in (GOOD, None):
        verdict = absolute(evidence, anchored=False)
        assert (verdict.standing, verdict.code) == (Standing.LEFT, "no_reference_match")
        assert reason_of(verdict).endswith("raise 'abs_searchrad' from 2 to 6.")


@pytest.mark.parametrize("changes", [{"matches": 0}, {"log10_chance": -1.0}])
def test_a_group_that_its_neighbours_tie_to_the_reference(changes: dict) -> None:
    verdict = absolute(replace(GOOD, **changes))
    assert (verdict.standing, verdict.code) == (Standing.ALIGNED, "through_neighbours")


def test_a_second_offset_is_the_first_doubt_and_follows_through_neighbours() -> None:
    other = replace(GOOD, second_matches=31, second_offset_mas=1800.0, pull=14.0)
    assert relative(other).code == "second_peak"
    verdict = absolute(replace(other, matches=0))
    assert (verdict.standing, verdict.code) == (Standing.DOUBTFUL, "second_peak")
    assert "through its neighbours" in reason_of(verdict)


def test_noise_is_what_chance_gives_or_what_is_spread_evenly() -> None:
    assert is_noise(CHANCE_LIMIT + 0.1, 0.4)
    assert is_noise(-50.0, 0.97)
    assert not is_noise(CHANCE_LIMIT - 0.1, 0.55)


def test_a_request_for_more_sources_is_the_remedy_that_is_given() -> None:
    remedy = "give catalogs with more sources"
    for weak in (replace(GOOD, log10_chance=-6.0), replace(GOOD, coverage=0.01)):
        finding = relative_finding(Code.ALIGNED, weak, NOISE, alone=False)
        assert remedy in reason_of(finding, remedy)
        assert "snr_threshold" not in reason_of(finding, remedy)
