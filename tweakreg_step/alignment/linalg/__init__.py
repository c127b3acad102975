"""Linear algebra: factors of the normal matrix, entries of its inverse, small least squares."""

from __future__ import annotations

from .blocks import different_rows, inverse_2x2, source_sums
from .factorisation import Factor, factorise
from .offset_and_roll import offsets_and_rolls
from .selected_inverse import selected_inverse

__all__ = [
    "Factor",
    "different_rows",
    "factorise",
    "inverse_2x2",
    "offsets_and_rolls",
    "selected_inverse",
    "source_sums",
]
