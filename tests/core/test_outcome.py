"""One vocabulary: codes, what they mean, and the errors they stand for."""

from __future__ import annotations

import json
import pickle

import pytest

from tweakreg_step.core import exceptions
from tweakreg_step.core.outcome import Code, Outcome, Standing, Status, Verdict


def test_a_code_is_its_name() -> None:
    for code in Code:
        assert code == code.name.lower()
        assert json.dumps(code) == f'"{code.name.lower()}"'
        assert pickle.loads(pickle.dumps(code)) is code  # noqa: S301 - our own


@pytest.mark.parametrize("standing", list(Standing))
def test_a_code_says_what_becomes_of_an_image(standing: Standing) -> None:
    codes = [code for code in Code if code.standing is standing]
    if standing is not Standing.LEFT:
        assert {code.status for code in codes} <= {Status.ALIGNED}
        # images are aligned within their set, and yet what was asked for was not done
        assert {code for code in codes if code.error} <= {Code.NOT_TIED_TOGETHER}
        return
    skipped = {code for code in codes if code.status is Status.SKIPPED}
    assert skipped == {Code.ONE_GROUP, Code.OTHERS_FAILED, Code.NOT_TRIED}
    assert {code for code in codes if code.error is None} == skipped


def test_each_error_has_a_usual_code() -> None:
    assert Code.of(exceptions.NoMatchError("why")) is Code.NO_MATCH
    assert Code.of(exceptions.TooFewSourcesError("why")) is Code.TOO_FEW_SOURCES
    assert Code.of(exceptions.NoReferenceStarsError("why")) is Code.REFERENCE_EMPTY
    with pytest.raises(ValueError, match="KeyError has no code"):
        Code.of(KeyError("x"))


def test_an_image_fails_by_its_status_or_by_its_code() -> None:
    assert Outcome(Status.FAILED, "Why.").failed
    assert Outcome(Status.ALIGNED, "Why.", code=Code.NO_REFERENCE_MATCH).failed
    assert Outcome(Status.ALIGNED, "Why.", code=Code.NOT_TIED_TOGETHER).failed
    assert not Outcome(Status.ALIGNED, "Why.", code=Code.TOO_LITTLE_OVERLAP).failed
    assert not Outcome(Status.ALIGNED, "Why.", code=Code.FAR_OFF).failed
    assert not Outcome(Status.SKIPPED, "Why.", code=Code.ONE_GROUP).failed


@pytest.mark.parametrize("code", Code)
def test_scripts_read_the_standing_as_the_decision(code: Code) -> None:
    assert Verdict(code, "").decision is Verdict(code, "").standing
