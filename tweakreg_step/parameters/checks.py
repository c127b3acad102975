"""Pairs of parameters that contradict each other."""

from __future__ import annotations

import math

from tweakreg_step.core.exceptions import ParameterError

__all__ = ["check_both", "check_order", "check_separation"]


def check_separation(
    separation_name: str, separation: float, tolerance_name: str, tolerance: float
) -> None:
    """Check that a match radius can't hold two sources of one catalog.

    Raises
    ------
    ParameterError
        Unless ``separation`` exceeds sqrt(2) times ``tolerance`` [both in arcsec].
    """
    least = math.sqrt(2.0) * tolerance
    if not separation > least:
        raise ParameterError(
            f"Parameter '{separation_name}' is {separation:g} arcsec and '{tolerance_name}' is "
            f"{tolerance:g} arcsec, but '{separation_name}' must exceed sqrt(2) x "
            f"'{tolerance_name}' = {least:.3f} arcsec to keep neighbouring sources apart. Raise "
            f"'{separation_name}' above {least:.3f} or lower '{tolerance_name}' below "
            f"{separation / math.sqrt(2.0):.3f}."
        )


def check_both(first_name: str, first: str, second_name: str, second: str) -> None:
    """Check that two texts are both given or both empty.

    Raises
    ------
    ParameterError
        If one is empty and the other is not.
    """
    if bool(first) != bool(second):
        raise ParameterError(
            f"Parameter '{first_name}' is '{first}' and '{second_name}' is '{second}', but both "
            "are needed. Give both, or leave out both."
        )


def check_order(low_name: str, low: float | None, high_name: str, high: float | None) -> None:
    """Check that a range is not empty; None is no limit.

    Raises
    ------
    ParameterError
        If ``low`` exceeds ``high``.
    """
    if low is not None and high is not None and low > high:
        raise ParameterError(
            f"Parameter '{low_name}' is {low:g} and '{high_name}' is {high:g}, but '{low_name}' "
            f"must not exceed '{high_name}', or no source is left. Swap them; if they are "
            "magnitudes, set fluxunits='mag'."
        )
