"""Factors: solutions, determinants and inverses against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tweakreg_step.alignment.linalg import factorisation
from tweakreg_step.alignment.linalg.factorisation import factorise


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_both_are_numpys(rows: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # a private number: matrices of more rows than are mirrored at once take gigabytes
    monkeypatch.setattr(factorisation, "_ROWS", rows)
    rng = np.random.default_rng(3)
    half = rng.normal(size=(25, 40)) * 10.0 ** rng.uniform(-3.0, 3.0, 25)[:, None]
    matrix, precision = half @ half.T, rng.uniform(0.1, 1.0, 25)
    given = matrix.copy() if kind == "dense" else sparse.csc_matrix(matrix)
    found = factorise(given, precision)
    whole = matrix + np.diag(precision)
    inverse = found.inverse()
    sigma = np.sqrt(np.diag(inverse))
    error = np.abs(inverse - np.linalg.inv(whole)) / np.outer(sigma, sigma)
    assert error.max() < 1e-10
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-12 * np.outer(sigma, sigma).max())
    right = rng.normal(size=(25, 2))
    np.testing.assert_allclose(whole @ found.solve(right), right, atol=1e-8)
    np.testing.assert_allclose(found.solve(right[:, 0]), found.solve(right)[:, 0], rtol=1e-9)
    np.testing.assert_allclose(found.log_determinant(), np.linalg.slogdet(whole)[1], rtol=1e-12)
    if kind == "dense":
        np.testing.assert_array_equal(given, matrix)  # what was given is not changed
