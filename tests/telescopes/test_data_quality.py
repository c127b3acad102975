"""Which pixels may be used with the bits that a user allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tweakreg_step.telescopes.data_quality import has_other_bits


@pytest.mark.parametrize("kind", [np.int16, ">i2", np.uint32, np.uint8])
def test_pixels_with_other_bits(kind: Any) -> None:
    quality = np.array([[0, 16, 64, 80, 17]]).astype(kind)
    assert has_other_bits(quality, 80).tolist() == [[False, False, False, False, True]]
    assert has_other_bits(quality, 0).tolist() == [[False, True, True, True, True]]
    assert not has_other_bits(quality, 2**32 - 1).any()


def test_the_last_bit_of_sixteen_is_a_bit() -> None:
    quality = np.array([-32768, -32767], np.int16)
    assert has_other_bits(quality, 32768).tolist() == [False, True]
