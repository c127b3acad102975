"""Pairs of parameters that make no sense together."""

from __future__ import annotations

import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.parameters.checks import check_order, check_separation
from tweakreg_step.parameters.stages import ColumnParameters, SelectionParameters


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


def test_a_match_radius_that_covers_two_sources() -> None:
    check_separation("separation", 1.0, "tolerance", 0.7)
    with pytest.raises(ParameterError, match=r"must exceed sqrt\(2\) x 'tolerance' = 1\.414"):
        check_separation("separation", 1.0, "tolerance", 1.0)
