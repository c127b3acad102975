"""Rows of labels that differ are those that numpy finds, in its order."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.linalg import different_rows


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
