"""Orders and numbers of labels against those that numpy gets by comparing."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.linalg import (
    by_appearance,
    first_rows,
    numbered_pairs,
    order_of_labels,
)


@pytest.mark.parametrize("rows", [0, 1, 100, 20_000])  # compared, and counted
def test_the_order_is_that_of_a_stable_sort(rows: int) -> None:
    label = np.random.default_rng(1).integers(0, 700, rows)
    np.testing.assert_array_equal(order_of_labels(label), np.argsort(label, kind="stable"))


@pytest.mark.parametrize("rows", [0, 1, 100, 20_000])
def test_pairs_are_numbered_in_order(rows: int) -> None:
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 300, rows), rng.integers(0, 40, rows)
    different, number = np.unique(first * 40 + second, return_inverse=True)
    found, count = numbered_pairs(first, second)
    assert count == len(different)
    np.testing.assert_array_equal(found, number)


def test_labels_are_numbered_by_their_first_rows() -> None:
    label = np.array([2, 2, 0, 3, 0, 1])
    np.testing.assert_array_equal(first_rows(label, 5), [2, 5, 0, 3, 6])
    np.testing.assert_array_equal(by_appearance(label), [0, 0, 1, 2, 1, 3])
    assert len(by_appearance(label[:0])) == 0
