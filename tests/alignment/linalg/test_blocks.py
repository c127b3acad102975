"""Small blocks against what numpy finds, labels in its order."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.linalg import (
    carried_2x2,
    different_rows,
    inverse_2x2,
    mean_variance,
    products_2x2,
    squares_in,
    times_vectors,
)


@pytest.mark.parametrize(
    ("count", "width", "low"), [(1000, 2, -1), (500, 4, 0), (1, 3, 5), (0, 2, 0)]
)
def test_different_rows(count: int, width: int, low: int) -> None:
    labels = np.random.default_rng(1).integers(low, low + 5, (count, width))
    kinds, which = different_rows(labels)
    expected, inverse = np.unique(labels, axis=0, return_inverse=True)
    np.testing.assert_array_equal(kinds, expected)
    np.testing.assert_array_equal(which, inverse.reshape(-1))
    np.testing.assert_array_equal(kinds[which], labels)


def test_small_products_are_those_of_numpy() -> None:
    rng = np.random.default_rng(4)
    vectors, matrix = rng.normal(size=(50, 2)), rng.normal(size=(50, 2, 2))
    symmetric = matrix @ np.swapaxes(matrix, 1, 2)
    np.testing.assert_allclose(
        times_vectors(matrix, vectors), np.einsum("nij,nj->ni", matrix, vectors), rtol=1e-12
    )
    np.testing.assert_allclose(
        squares_in(symmetric, vectors),
        np.einsum("ni,nij,nj->n", vectors, symmetric, vectors),
        rtol=1e-12,
    )
    np.testing.assert_array_equal(mean_variance(matrix), 0.5 * np.trace(matrix, axis1=1, axis2=2))
    second = rng.normal(size=(50, 2, 2))
    np.testing.assert_allclose(products_2x2(matrix, second), matrix @ second, rtol=1e-12)
    np.testing.assert_allclose(
        carried_2x2(second, symmetric), second @ symmetric @ np.swapaxes(second, 1, 2), rtol=1e-11
    )


def test_many_rows_are_worked_out_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(2, 50, 2, 2))
    whole = inverse_2x2(first), products_2x2(first, second), carried_2x2(first, second)
    monkeypatch.setattr("tweakreg_step.alignment.linalg.blocks._ROWS", 7)
    parts = inverse_2x2(first), products_2x2(first, second), carried_2x2(first, second)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
