"""Reasons in words: they name the ground that decided."""

from __future__ import annotations

import pytest

from tweakreg_step.core.solution import MotionChoice, MotionGrounds
from tweakreg_step.report.sentences import motion_reason


@pytest.mark.parametrize(
    ("geometry", "evidence", "words"),
    [
        ("none", 4.2, "2 ln(evidence) of 'shift' is 4.2, 6 is needed"),
        ("none", 375.8, "though 2 ln(evidence) of 'shift' is 375.8, sources that were not fitted"),
        ("shift", 375.8, "Motion 'shift': 2 ln(evidence) is 375.8 above none"),
    ],
)
def test_why_detectors_move_or_not(geometry: str, evidence: float, words: str) -> None:
    tried, rms = {"none": 0.0, "shift": evidence}, {"none": 1.2, "shift": 1.3}
    reason = motion_reason(MotionChoice(MotionGrounds.EVIDENCE, geometry, tried, rms))
    assert words in reason
    assert "1.20 mas without" in reason
    assert "1.30 mas with it" in reason


def test_images_that_move_by_themselves_are_named() -> None:
    tried, rms = {"none": 0.0, "shift": 25.4}, {"none": 1.2, "shift": 1.1}
    choice = MotionChoice(MotionGrounds.EVIDENCE, "none", tried, rms, own_mas=0.51)
    reason = motion_reason(choice)
    assert "though 2 ln(evidence) of 'shift' is 25.4" in reason
    assert "images that move by themselves by 0.51 mas explain as much" in reason
