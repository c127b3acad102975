"""The robust spread of residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["spread"]


def spread(values: FloatArray) -> float:
    """Robust standard deviation, 1.4826 median |v - median|."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan")
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
