"""Factors: solutions, determinants and inverses against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from tweakreg_step.alignment.linalg import factorisation
from tweakreg_step.alignment.linalg.blocks import inverse_2x2
from tweakreg_step.alignment.linalg.factorisation import factorise
from tweakreg_step.alignment.linalg.selected_inverse import selected_inverse


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


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.booleans(), st.floats(-6.0, 6.0))
def test_the_inverse_undoes_the_matrix(size: int, seed: int, thin: bool, power: float) -> None:
    """Whatever its pattern; and units do not matter: s H has the inverse of H over s."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(size, size)) * (rng.random((size, size)) < 0.4)
    matrix, precision, scale = half @ half.T, rng.uniform(0.5, 2.0, size), 10.0**power
    made = [
        factorise(sparse.csc_matrix(m) if thin else m.copy(), p)
        for m, p in ((matrix, precision), (scale * matrix, scale * precision))
    ]
    whole = matrix + np.diag(precision)
    one, other = (found.inverse() for found in made)
    np.testing.assert_allclose(one @ whole, np.eye(size), atol=1e-11)
    np.testing.assert_allclose(scale * other, one, rtol=1e-10, atol=1e-12)
    logs = [found.log_determinant() for found in made]
    assert logs[1] - logs[0] == pytest.approx(size * np.log(scale), abs=1e-10)
    if thin:
        row, column = np.indices(one.shape)
        entries = selected_inverse(made[0]).entries(row, column)
        np.testing.assert_allclose(entries, one, atol=1e-12)


@given(arrays(float, (4, 2, 2), elements=st.floats(-1.0, 1.0)))
def test_small_blocks_and_their_inverses(half: np.ndarray) -> None:
    blocks = half @ np.swapaxes(half, 1, 2) + 0.1 * np.eye(2)
    np.testing.assert_allclose(
        inverse_2x2(blocks) @ blocks, np.broadcast_to(np.eye(2), (4, 2, 2)), atol=1e-13
    )
