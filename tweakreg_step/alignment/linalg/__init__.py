"""Linear algebra: factors of the normal matrix, entries of its inverse, small least squares."""

from __future__ import annotations

from .blocks import (
    carried_2x2,
    different_rows,
    inverse_2x2,
    mean_variance,
    products_2x2,
    source_pieces,
    source_sums,
    squares_in,
    times_vectors,
)
from .factorisation import Factor, factorise
from .labels import by_appearance, first_rows, numbered_pairs, order_of_labels
from .offset_and_roll import offsets_and_rolls
from .selected_inverse import selected_inverse

__all__ = [
    "Factor",
    "by_appearance",
    "carried_2x2",
    "different_rows",
    "factorise",
    "first_rows",
    "inverse_2x2",
    "mean_variance",
    "numbered_pairs",
    "offsets_and_rolls",
    "order_of_labels",
    "products_2x2",
    "selected_inverse",
    "source_pieces",
    "source_sums",
    "squares_in",
    "times_vectors",
]
