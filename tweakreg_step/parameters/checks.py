"""Pairs of parameters that contradict each other."""

from __future__ import annotations

import math
from typing import Any

from tweakreg_step.core.exceptions import ParameterError

__all__ = ["check_both", "check_fits_value", "check_order", "check_separation"]


def check_separation(method: str, stage: Any, prefix: str = "") -> None:
    """Check that a match radius can't hold two sources of one catalog, where that matters.

    The global mode matches by residuals, and its radius may be wide.

    Parameters
    ----------
    method
        The parameter 'align_method'.
    stage
        `RelativeParameters`, or `AbsoluteParameters`.
    prefix
        Of the names of its parameters.

    Raises
    ------
    ParameterError
        Unless ``separation`` exceeds sqrt(2) times ``tolerance`` [both in arcsec].
    """
    separation_name, tolerance_name = f"{prefix}separation", f"{prefix}tolerance"
    separation, tolerance = getattr(stage, separation_name), getattr(stage, tolerance_name)
    least = math.sqrt(2.0) * tolerance
    if method == "sequential" and not separation > least:
        raise ParameterError(
            f"Parameter '{separation_name}' is {separation:g} arcsec and '{tolerance_name}' is "
            f"{tolerance:g} arcsec, but with align_method='sequential' '{separation_name}' must "
            f"exceed sqrt(2) x '{tolerance_name}' = {least:.3f} arcsec to keep neighbours apart. "
            f"Raise '{separation_name}' above {least:.3f}, lower '{tolerance_name}' below "
            f"{separation / math.sqrt(2.0):.3f}, or set align_method='global'."
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


LONGEST_VALUE = 68
"""Letters that the value of a FITS keyword may have."""


def check_fits_value(name: str, value: str, most: int = LONGEST_VALUE) -> None:
    """Refuse a text that can't be the value of a FITS keyword.

    Raises
    ------
    ParameterError
        If it is longer, or has other letters than ASCII.
    """
    size = len(value.replace("'", "''"))
    if size > most or not (value.isascii() and value.isprintable()):
        raise ParameterError(
            f"'{name}' is '{value[:40]}{'...' * (len(value) > 40)}' with {size} letters, but "
            f"a FITS header can hold at most {most} of ASCII. Choose a shorter name, of these."
        )
