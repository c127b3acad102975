"""Bits of data quality in the forms that the tools of HST take, and pixels that have others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tweakreg_step.core.data_quality import has_bits, has_other_bits, usable_bits
from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters import FinderParameters

ALL = 2**32 - 1


@pytest.mark.parametrize("kind", [np.int16, ">i2", np.uint32, np.uint8])
def test_pixels_with_other_bits(kind: Any) -> None:
    quality = np.array([[0, 16, 64, 80, 17]]).astype(kind)
    assert has_other_bits(quality, 80).tolist() == [[False, False, False, False, True]]
    assert has_other_bits(quality, 0).tolist() == [[False, True, True, True, True]]
    assert not has_other_bits(quality, 2**32 - 1).any()


@pytest.mark.parametrize("kind", [">u4", np.uint32, np.int16])
@pytest.mark.parametrize("rows", [1, 32, 67])
def test_pixels_with_some_bits(kind: Any, rows: int) -> None:
    quality = np.random.default_rng(3).integers(0, 2**15, (rows, 5)).astype(kind)
    expected = [[bool(int(value) & (512 | 1)) for value in row] for row in quality]
    assert has_bits(quality, 512 | 1).tolist() == expected
    assert np.any(expected)


def test_the_last_bit_of_sixteen_is_a_bit() -> None:
    quality = np.array([-32768, -32767], np.int16)
    assert has_other_bits(quality, 32768).tolist() == [False, True]


@pytest.mark.parametrize(
    ("given", "bits"),
    [
        ("", None),
        ("0", 0),
        ("80", 80),
        ("16+64", 80),
        ("16, 64", 80),
        ("~4,8", ALL - 12),
        ("~4+8", ALL - 12),
        ("-13", ALL - 12),
        ("~0", ALL),
        ("None", ALL),
    ],
)
def test_forms(given: str, bits: int | None) -> None:
    assert usable_bits(given) == bits


@pytest.mark.parametrize("given", ["hot", "16-64", "~", "1.5", "16+"])
def test_what_is_no_bits_is_refused_with_the_form_that_is(given: str) -> None:
    with pytest.raises(ParameterError, match=r"'dqbits' is .*Write it as 16\+64"):
        FinderParameters(dqbits=given)
