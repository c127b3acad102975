"""Parameters: declared once, turned into stpipe's spec, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters.declaration import coerce, declarations, parameter, spec_text


@dataclass(frozen=True)
class Example:
    flag: bool = parameter(False, "A flag")
    number: int = parameter(3, "A number", low=1, high=9)
    radius: float = parameter(2.0, "A radius", unit="arcsec", low=0.0)
    name: str = parameter("", "A name")
    kind: str = parameter("a", "A kind", choices=("a", "b"))
    neighbours: int = parameter(8, "Neighbours", choices=(4, 8))
    peak: float | None = parameter(None, "A peak")
    shape: tuple[float, ...] | None = parameter(None, "A shape", low=2, high=3)


DECLARED = {declaration.name: declaration for declaration in declarations(Example)}


def test_spec_text_is_what_stpipe_reads() -> None:
    assert spec_text(Example).splitlines() == [
        "flag = boolean(default=False) # A flag",
        "number = integer(min=1, max=9, default=3) # A number",
        "radius = float(min=0.0, default=2.0) # A radius [arcsec]",
        "name = string(default='') # A name",
        "kind = option('a', 'b', default='a') # A kind",
        "neighbours = option(4, 8, default=8) # Neighbours",
        "peak = float(default=None) # A peak",
        "shape = float_list(min=2, max=3, default=None) # A shape",
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("number", "4", 4),
        ("radius", "1.5", 1.5),
        ("neighbours", "4", 4),  # stpipe's options are texts
        ("name", None, ""),  # stpipe hands on empty texts as None
        ("peak", None, None),
        ("shape", [1, 2], (1.0, 2.0)),
        ("flag", True, True),
    ],
)
def test_values_become_their_declared_type(name: str, value: object, expected: object) -> None:
    result = coerce(DECLARED[name], value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "requirement"),
    [
        ("number", 0, "a whole number at least 1 and at most 9"),
        ("number", "many", "a whole number"),
        ("radius", -1.0, "at least 0.0"),
        ("radius", math.nan, "a number"),
        ("kind", "c", "one of 'a', 'b'"),
        ("neighbours", 6, "one of 4, 8"),
        ("shape", (1.0,), "a list of numbers of length 2 to 3 (or None)"),
        ("flag", "perhaps", "True or False"),
        ("radius", None, "a number"),
    ],
)
def test_refusals_name_fact_requirement_and_remedy(
    name: str, value: object, requirement: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        coerce(DECLARED[name], value)
    message = str(caught.value)
    assert f"'{name}' is {value!r}" in message
    assert requirement in message
    assert f"default is {DECLARED[name].default!r}" in message


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_float_is_accepted_exactly_within_its_limits(value: float) -> None:
    if value >= 0.0:
        assert coerce(DECLARED["radius"], value) == value
    else:
        with pytest.raises(ParameterError):
            coerce(DECLARED["radius"], value)
