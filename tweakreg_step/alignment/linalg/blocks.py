"""Small blocks: inverses of many 2 x 2 matrices, sums over a source, rows of labels that differ."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = [
    "carried_2x2",
    "different_rows",
    "inverse_2x2",
    "mean_variance",
    "products_2x2",
    "source_pieces",
    "source_sums",
    "squares_in",
    "times_vectors",
]

_ROWS = 16384
"""Rows that are worked out at once."""


def _in_pieces(made: Callable[..., FloatArray]) -> Callable[..., FloatArray]:
    """A function of arrays with N rows each, worked out for some of them after others.

    Of millions it takes a third of the time: what is in between stays in the processor's cache.
    """

    @wraps(made)
    def whole(*arrays: FloatArray) -> FloatArray:
        count = len(arrays[-1])
        if count <= _ROWS or any(len(each) != count for each in arrays):
            return made(*arrays)
        out = np.empty(arrays[-1].shape)
        for start in range(0, count, _ROWS):
            some = slice(start, start + _ROWS)
            out[some] = made(*(each[some] for each in arrays))
        return out

    return whole


@_in_pieces
def inverse_2x2(matrix: FloatArray) -> FloatArray:
    """Inverses of (N, 2, 2)."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    determinant = a * d - b * c
    out = np.empty_like(matrix)
    out[:, 0, 0], out[:, 1, 1] = d / determinant, a / determinant
    out[:, 0, 1], out[:, 1, 0] = -b / determinant, -c / determinant
    return out


def mean_variance(covariance: FloatArray) -> FloatArray:
    """Mean variances (N,) per axis of (N, 2, 2); `numpy.trace` takes ten times as long."""
    return 0.5 * (covariance[:, 0, 0] + covariance[:, 1, 1])


def squares_in(matrix: FloatArray, vectors: FloatArray) -> FloatArray:
    """Squares v' M v (N,) of vectors (N, 2) in symmetric matrices (N, 2, 2)."""
    x, y = vectors[:, 0], vectors[:, 1]
    return matrix[:, 0, 0] * x * x + 2.0 * matrix[:, 0, 1] * x * y + matrix[:, 1, 1] * y * y


def times_vectors(matrix: FloatArray, vectors: FloatArray) -> FloatArray:
    """Products M v (N, 2) of matrices (N, 2, 2) and vectors (N, 2)."""
    x, y, out = vectors[:, 0], vectors[:, 1], np.empty(vectors.shape)
    out[:, 0] = matrix[:, 0, 0] * x + matrix[:, 0, 1] * y
    out[:, 1] = matrix[:, 1, 0] * x + matrix[:, 1, 1] * y
    return out


@_in_pieces
def products_2x2(first: FloatArray, second: FloatArray) -> FloatArray:
    """Products (N, 2, 2) of matrices (N, 2, 2); `numpy.matmul` takes five times as long."""
    out = np.empty(np.broadcast_shapes(first.shape, second.shape))
    for i in range(2):
        for j in range(2):
            out[:, i, j] = first[:, i, 0] * second[:, 0, j] + first[:, i, 1] * second[:, 1, j]
    return out


@_in_pieces
def carried_2x2(matrix: FloatArray, covariance: FloatArray) -> FloatArray:
    """Covariances M C M' (N, 2, 2) of what matrices M make of vectors with covariances C."""
    return products_2x2(products_2x2(matrix, covariance), np.swapaxes(matrix, 1, 2))


def source_sums(values: FloatArray, source: IntArray, count: int) -> FloatArray:
    """Sums (S, ...) of values (N, ...) over the detections of each source."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    sums = [np.bincount(source, column, minlength=count) for column in flat.T]
    return np.stack(sums, axis=-1).astype(float).reshape(count, *values.shape[1:])


def source_pieces(source: IntArray, count: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Rows and sources of pieces of about `size` detections (N,), which are sorted by source."""
    if 0 < len(source) <= size:
        yield slice(0, len(source)), slice(0, count)
        return
    ends = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=count))])
    first = 0
    while first < count:
        last = int(np.searchsorted(ends, ends[first] + size, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield slice(int(ends[first]), int(ends[last])), slice(first, last)
        first = last


def different_rows(labels: IntArray) -> tuple[IntArray, IntArray]:
    """The different rows (K, k) of small integers (N, k), in order, and which each is (N,).

    As `numpy.unique` gives them along an axis, which compares rows as bytes and takes ten times as
    long.
    """
    low = labels.min(axis=0, initial=0)
    span = labels.max(axis=0, initial=0) - low + 1
    key = np.ravel_multi_index(tuple((labels - low).T), tuple(span))
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return labels[first], which.reshape(-1).astype(np.int64)
