"""Two phases in two words."""

from __future__ import annotations

import pytest
from made_results import changed, early_result, make_result

from tweakreg_step.core.outcome import Code, Standing, Verdict
from tweakreg_step.report.group_outcome import group_outcome

GOOD = Verdict(Code.ALIGNED, "Aligned.")
HALF = Verdict(Code.POOR_COVERAGE, "Covers little.")
BAD = Verdict(Code.NO_MATCH, "Nothing matches.")
WORSE = Verdict(Code.NO_REFERENCE_MATCH, "No star matches.")


@pytest.mark.parametrize(
    ("relative", "absolute", "standing", "code"),
    [
        (GOOD, None, Standing.ALIGNED, "aligned"),
        (GOOD, GOOD, Standing.ALIGNED, "aligned"),
        (BAD, GOOD, Standing.ALIGNED, "aligned"),
        (None, GOOD, Standing.ALIGNED, "aligned"),
        (GOOD, WORSE, Standing.RELATIVE, "no_reference_match"),
        (HALF, GOOD, Standing.DOUBTFUL, "poor_coverage"),
        (HALF, WORSE, Standing.DOUBTFUL, "poor_coverage"),
        (GOOD, HALF, Standing.DOUBTFUL, "poor_coverage"),
        (BAD, WORSE, Standing.LEFT, "no_match"),
        (None, WORSE, Standing.LEFT, "no_reference_match"),
        (BAD, None, Standing.LEFT, "no_match"),
    ],
)
def test_two_phases(relative, absolute, standing: Standing, code: str) -> None:
    result = make_result("stack", 1)
    phases = [None if verdict is None else (verdict,) for verdict in (relative, absolute)]
    found = group_outcome(changed(result, relative=phases[0], absolute=phases[1]), 0)
    assert (found.standing, found.code) == (standing, code)


def test_nothing_tried_says_what_the_images_say() -> None:
    result = changed(early_result(2), absolute=None)
    found = group_outcome(result, 1)
    assert (found.standing, found.code) == (Standing.LEFT, "not_tried")
    assert found.reason == "The reference service could not be reached."
