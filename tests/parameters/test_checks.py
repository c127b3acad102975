"""Pairs of parameters that make no sense together."""

from __future__ import annotations

import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters.checks import check_order, check_separation
from tweakreg_step.parameters.source_stages import (
    ColumnParameters,
    SelectionParameters,
)
from tweakreg_step.parameters.stages import (
    AbsoluteParameters,
    RelativeParameters,
)


def test_a_range_that_holds_nothing() -> None:
    with pytest.raises(ParameterError, match=r"'fluxmin' is 30 and 'fluxmax' is 20.*fluxunits='m"):
        SelectionParameters(fluxmin=30.0, fluxmax=20.0)
    with pytest.raises(ParameterError, match="'fluxmin' is 30"):
        SelectionParameters(fluxmin=30.0, fluxmax=20.0, fluxunits="cps")


def test_magnitudes_may_come_in_either_order() -> None:
    SelectionParameters(fluxmin=30.0, fluxmax=20.0, fluxunits="mag")
    SelectionParameters(fluxmin=20.0, fluxmax=30.0, fluxunits="mag")


def test_no_limit_is_no_contradiction() -> None:
    check_order("a", None, "b", -1.0)
    check_order("a", 1.0, "b", None)
    check_order("a", 1.0, "b", 1.0)


def test_y_without_x() -> None:
    with pytest.raises(ParameterError, match="'xcol' is '' and 'ycol' is '2', but both are needed"):
        ColumnParameters(ycol="2")


@pytest.mark.parametrize(
    ("kind", "prefix"), [(RelativeParameters, ""), (AbsoluteParameters, "abs_")]
)
def test_a_match_radius_that_covers_two_sources(kind: type, prefix: str) -> None:
    def check(method: str, separation: float, tolerance: float) -> None:
        given = {f"{prefix}separation": separation, f"{prefix}tolerance": tolerance}
        check_separation(method, kind(**given), prefix)

    check("sequential", 0.99, 0.7)  # sqrt(2) x 0.7 = 0.98995
    with pytest.raises(ParameterError, match=rf"'{prefix}separation' is 0\.98 arcsec.*0\.990"):
        check("sequential", 0.98, 0.7)
    check("global", 0.5, 1.0)
