"""Parents add to the prior alone: as if each child were moved by itself and by its parents."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tweakreg_step.alignment.linalg import factorise
from tweakreg_step.alignment.solver.motions.parents import (
    GROUPS,
    Parent,
    bonds_of,
    factored_variances,
)

RNG = np.random.default_rng(3)
CARRY = RNG.normal(size=(4, 3, 2))
UNIT = np.array([0, 1, 0, -1])


def _bonds():
    """Four groups of three parameters, three of them with one of two parents."""
    parent = Parent("visit", GROUPS, UNIT, CARRY, np.full((2, 2), 4.0))
    precision = np.concatenate([np.full(12, 25.0), np.full(4, 4.0)])
    return bonds_of({GROUPS: 0}, [(12, parent)], precision)


def test_the_prior_is_that_of_sums_of_motions() -> None:
    """Marginal covariance: that of the group itself, plus what its parent carries over."""
    covariance = np.linalg.inv(_bonds().matrix().toarray())
    expected = np.eye(12) / 25.0
    for one in range(4):
        for other in range(4):
            if UNIT[one] == UNIT[other] >= 0:
                block = slice(3 * one, 3 * one + 3), slice(3 * other, 3 * other + 3)
                expected[block] += CARRY[one] @ CARRY[other].T / 4.0
    np.testing.assert_allclose(covariance[:12, :12], expected, atol=1e-12)


def test_pull_is_the_gradient_and_differences_are_from_the_parent() -> None:
    bonds, flat = _bonds(), RNG.normal(size=16)
    apart = flat[:12].reshape(4, 3).copy()
    for child, unit in enumerate(UNIT):
        if unit >= 0:
            apart[child] -= CARRY[child] @ flat[12 + 2 * unit : 14 + 2 * unit]
    np.testing.assert_allclose(bonds.differences(flat)[:12], apart.ravel())
    np.testing.assert_allclose(bonds.differences(flat)[12:], flat[12:])
    np.testing.assert_allclose(bonds.pull(flat), bonds.matrix() @ flat)


def test_variances_of_differences() -> None:
    bonds = _bonds()
    matrix = bonds.matrix().toarray() + np.diag(RNG.uniform(1.0, 9.0, 16))
    covariance = np.linalg.inv(matrix)
    rows = bonds.rows.toarray()
    found = bonds.variances(lambda row, column: covariance[row, column])
    np.testing.assert_allclose(found, np.diag(rows @ covariance @ rows.T))


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("number", [20, 300])
def test_variances_are_those_of_the_factored_matrix(thin: bool, number: int) -> None:
    """However they are found: solved for, or from the entries of the inverse of a sparse one."""
    first = np.arange(number - 1)
    chain = sparse.csr_matrix(
        (RNG.normal(size=2 * number - 2), (np.r_[first, first], np.r_[first, first + 1])),
        shape=(number, number),
    )
    diagonal = RNG.uniform(1.0, 9.0, number)
    data = (chain.T @ chain).tocsc()
    factor = factorise(data if thin else data.toarray(), diagonal)
    covariance = np.linalg.inv(data.toarray() + np.diag(diagonal))
    expected = np.diag(chain.toarray() @ covariance @ chain.T.toarray())
    np.testing.assert_allclose(factored_variances(chain, factor), expected, rtol=1e-9)


@pytest.mark.parametrize("thin", [False, True])
def test_a_factor_takes_the_prior_of_parents(thin: bool) -> None:
    prior, data = _bonds().matrix(), np.diag(RNG.uniform(1.0, 9.0, 16))
    given = sparse.csc_matrix(data) if thin else data
    factor = factorise(given, prior.diagonal(), prior)
    right = RNG.normal(size=16)
    expected = np.linalg.solve(data + prior.toarray(), right)
    np.testing.assert_allclose(factor.solve(right), expected, rtol=1e-9)
    sign, logarithm = np.linalg.slogdet(data + prior.toarray())
    assert sign == 1.0
    assert factor.log_determinant() == pytest.approx(logarithm)
