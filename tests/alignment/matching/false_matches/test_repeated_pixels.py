"""Hot pixels: what is not looked at closer could not be significant."""

from __future__ import annotations

import numpy as np

from tweakreg_step.alignment.matching.false_matches import repeated_pixels as module
from tweakreg_step.alignment.matching.offset_histogram import log_chance


def test_pairs_that_are_passed_over_are_no_more_than_chance_has_in_an_empty_ring() -> None:
    expected = np.full(2, 1.0 / (module._RING**2 - 1.0))
    few, more = log_chance(np.array([module._FEW, module._FEW + 1.0]), expected)
    assert more < module._SIGNIFICANT < few
