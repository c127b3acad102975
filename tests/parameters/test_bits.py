"""Bits of data quality in the forms that the tools of HST take."""

from __future__ import annotations

import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters import FinderParameters, usable_bits

ALL = 2**32 - 1


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
