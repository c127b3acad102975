"""Linear algebra: factors of the normal matrix, and selected entries of its inverse."""

from __future__ import annotations

from .blocks import inverse_2x2, source_sums
from .factorisation import Factor, factorise
from .selected_inverse import selected_inverse

__all__ = ["Factor", "factorise", "inverse_2x2", "selected_inverse", "source_sums"]
