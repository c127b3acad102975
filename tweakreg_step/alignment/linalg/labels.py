"""Rows in the order of their labels, which are small numbers: counted, not compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import IntArray

__all__ = ["by_appearance", "first_rows", "numbered_pairs", "order_of_labels"]

_FEW = 5000
"""Rows below which comparing is as fast as counting."""


def order_of_labels(label: IntArray) -> IntArray:
    """Indices (N,) that sort labels (N,) from 0 on, equal ones as they were.

    As a stable `numpy.argsort`, which takes ten times as long for millions: a sparse matrix is
    turned into one by columns by counting.
    """
    count = len(label)
    if count < _FEW:
        return np.argsort(label, kind="stable")
    shape = count, int(label.max()) + 1
    rows = np.zeros(count, np.int8), label, np.arange(count + 1)
    order = sparse.csr_matrix(rows, shape=shape).tocsc().indices
    return np.asarray(order, np.int64)


def first_rows(label: IntArray, count: int) -> IntArray:
    """First row (count,) of each label of rows (N,), N where there is none."""
    first = np.full(count, len(label))
    first[label[::-1]] = np.arange(len(label))[::-1]  # of several values the last one is kept
    return first


def by_appearance(label: IntArray) -> IntArray:
    """Labels (N,), all numbers from 0 on, numbered anew by their first rows."""
    first = first_rows(label, int(label.max(initial=-1)) + 1)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[label]


def numbered_pairs(first: IntArray, second: IntArray) -> tuple[IntArray, int]:
    """The number (N,) of each pair of labels among the different pairs, in order, and how many.

    Labels are from 0 on.
    """
    order = order_of_labels(second)
    order = order[order_of_labels(first[order])]
    one, other = first[order], second[order]
    new = np.ones(len(order), bool)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    return number, int(np.count_nonzero(new))
