"""Round numbers for scales and keys of pictures."""

from __future__ import annotations

import numpy as np

__all__ = ["nice"]


def nice(value: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50, ... that is not above a value, at least 1."""
    if not value > 1.0 or not np.isfinite(value):
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= value * 1.0001))
