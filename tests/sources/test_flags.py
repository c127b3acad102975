"""Flags are bits, and only one of them keeps a source out."""

from __future__ import annotations

import numpy as np

from tweakreg_step.sources.flags import Flag, excluded, flagged


def test_flags_add_up_and_sharp_excludes() -> None:
    yes, no = np.array([True, True, False]), np.array([False, True, False])
    flags = flagged({Flag.SHARP: no, Flag.EDGE: yes})
    assert flags.tolist() == [4, 12, 0]
    assert excluded(flags).tolist() == [False, True, False]


def test_values_are_part_of_the_format_of_saved_catalogs() -> None:
    assert {flag.name: flag.value for flag in Flag} == {
        "SATURATED": 1,
        "NEAR_BAD": 2,
        "EDGE": 4,
        "SHARP": 8,
        "EXTENDED": 16,
        "BLENDED": 32,
    }
