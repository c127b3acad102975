"""What a failure means for the other images."""

from __future__ import annotations

import pytest

from tweakreg_step.core.exceptions import AlignmentError, NoMatchError, TweakregError
from tweakreg_step.core.outcome import Code, Outcome, Status
from tweakreg_step.parameters.stages import SafetyParameters
from tweakreg_step.pipeline.failure_policy import allowed, failed, failure
from tweakreg_step.report.sentences import FACTS

GOOD = Outcome(Status.ALIGNED, "Aligned.", moved=True, absolute=True, code=Code.ALIGNED)
BAD = Outcome(Status.FAILED, "No match.", code=Code.NO_MATCH)
SKIPPED = Outcome(Status.SKIPPED, "One group.", code=Code.ONE_GROUP)


@pytest.mark.parametrize("rule", ["warn", "raise", "skip_all"])
def test_without_a_failure_all_stays(rule: str) -> None:
    assert allowed([GOOD, SKIPPED], SafetyParameters(on_failure=rule)) == [GOOD, SKIPPED]


def test_skip_all_leaves_all_images_as_they_were() -> None:
    first, second, third = allowed([GOOD, BAD, SKIPPED], SafetyParameters(on_failure="skip_all"))
    assert (first.status, first.moved, first.absolute) == (Status.SKIPPED, False, False)
    assert first.code == "others_failed"
    assert "1 of 3 images" in first.reason
    assert "'warn'" in first.reason
    assert (second, third) == (BAD, SKIPPED)


def test_warn_lets_the_good_ones_through() -> None:
    assert allowed([GOOD, BAD], SafetyParameters(on_failure="warn")) == [GOOD, BAD]
    assert failed([GOOD, BAD, SKIPPED]) == [1]


def test_the_error_is_that_of_the_first_failure_and_names_the_images() -> None:
    error = failure(["a.fits", "b.fits"], [GOOD, BAD])
    assert type(error) is NoMatchError
    assert "1 of 2 images" in str(error)
    assert "b.fits: No match." in str(error)
    assert "no image was changed" in str(error)


def test_a_long_list_is_cut() -> None:
    names = [f"{n}.fits" for n in range(6)]
    text = str(failure(names, [BAD] * 6))
    assert "2.fits" in text
    assert "3.fits" not in text
    assert "And 3 more." in text


@pytest.mark.parametrize("status", [s for s in FACTS if s is not Code.ALIGNED])
def test_every_failure_of_a_group_has_an_error_of_its_own_kind(status: Code) -> None:
    kind = status.error
    assert issubclass(kind, AlignmentError)
    assert kind is not AlignmentError
    assert issubclass(kind, TweakregError)
    error = failure(["a"], [Outcome(Status.FAILED, FACTS[status], code=status)])
    assert type(error) is kind
