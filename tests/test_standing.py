"""Two phases in two words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from accounts import early_account, make_account

from tweakreg_step.core.outcome import Decision, Verdict
from tweakreg_step.report.standing import ALIGNED, DOUBTFUL, LEFT, RELATIVE, standing_of

GOOD = Verdict(Decision.ALIGNED, "aligned", "Aligned.")
HALF = Verdict(Decision.DOUBTFUL, "poor_coverage", "Covers little.")
BAD = Verdict(Decision.LEFT, "no_match", "Nothing matches.")
WORSE = Verdict(Decision.LEFT, "not_anchored", "No star matches.")


@pytest.mark.parametrize(
    ("relative", "absolute", "word", "code"),
    [
        (GOOD, None, ALIGNED, "aligned"),
        (GOOD, GOOD, ALIGNED, "aligned"),
        (BAD, GOOD, ALIGNED, "aligned"),
        (None, GOOD, ALIGNED, "aligned"),
        (GOOD, WORSE, RELATIVE, "not_anchored"),
        (HALF, GOOD, DOUBTFUL, "poor_coverage"),
        (HALF, WORSE, DOUBTFUL, "poor_coverage"),
        (GOOD, HALF, DOUBTFUL, "poor_coverage"),
        (BAD, WORSE, LEFT, "no_match"),
        (None, WORSE, LEFT, "not_anchored"),
        (BAD, None, LEFT, "no_match"),
    ],
)
def test_two_phases(relative, absolute, word: str, code: str) -> None:
    account = make_account("stack", 1)
    phases = [None if verdict is None else (verdict,) for verdict in (relative, absolute)]
    standing = standing_of(replace(account, relative=phases[0], absolute=phases[1]), 0)
    assert (standing.word, standing.code) == (word, code)


def test_nothing_tried_says_what_the_images_say() -> None:
    account = replace(early_account(2), absolute=None)
    standing = standing_of(account, 1)
    assert (standing.word, standing.code) == (LEFT, "not_tried")
    assert standing.reason == "The reference service could not be reached."
