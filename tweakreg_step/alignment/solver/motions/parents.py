"""Motions that several groups or units have in common, and about which each scatters.

A visit is the parent of its exposures; a detector is that of what it is in each filter and visit.
Parents add nothing to the derivatives of the detections, only to the prior: with R the rows
"child less what its parents move it by", and Pi the inverse variances of these differences, it is

    sum (R theta)' Pi (R theta),

so that a level of parents costs as much as there are parents, however many detections there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import selected_inverse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

__all__ = ["GROUPS", "Bonds", "Parent", "bonds_of", "factored_variances"]

GROUPS = ""
"""The name of the groups among the levels, as children of a parent."""

_AT_ONCE = 128
"""Differences whose variances are solved for at once, each a column as long as the parameters. Of a
sparse factor entries of the inverse are sooner found for more."""


@dataclass(frozen=True, slots=True)
class Parent:
    """Motions of U parents of the C units of a level, or of the groups.

    Attributes
    ----------
    name
        Name of the level of parents.
    child
        Name of the level of its children, `GROUPS` for the groups.
    unit
        (C,) parent of each child, -1 for children without one.
    carry
        (C, p, q) derivative of a child's parameters with respect to those of its parent.
    prior
        (U, q) inverse variances of the parents' parameters.
    within
        (p,) inverse variances of the children about their parents, before the weights of those
        that left them; None where the children's prior has no weights.
    """

    name: str
    child: str
    unit: IntArray
    carry: FloatArray
    prior: FloatArray
    within: FloatArray | None = None

    def narrowed(self, width: int) -> Parent:
        """The same for the first parameters of each motion alone, p and q being at most `width`."""
        prior = self.prior[:, :width]
        return replace(self, carry=self.carry[:, :width, : prior.shape[1]], prior=prior)


@dataclass(frozen=True, slots=True)
class Bonds:
    """The rows R of differences (P, P), and their inverse variances (P,)."""

    rows: Any
    precision: FloatArray

    def differences(self, flat: FloatArray) -> FloatArray:
        """R theta (P,): what each child moves by in addition to its parents."""
        return np.asarray(self.rows @ flat)

    def pull(self, flat: FloatArray) -> FloatArray:
        """R' Pi R theta (P,), half the gradient of the prior's sum."""
        return np.asarray(self.rows.T @ (self.precision * (self.rows @ flat)))

    def matrix(self) -> Any:
        """R' Pi R (P, P), sparse."""
        return (self.rows.T @ sparse.diags(self.precision) @ self.rows).tocsc()

    def variances(self, entries: Any) -> FloatArray:
        """Variances (P,) of the differences.

        ``entries`` takes indices of rows and of columns, and gives entries of the covariance.
        """
        return _variances(self.rows, entries)


def _variances(rows: Any, entries: Any) -> FloatArray:
    """Variances (K,) of what sparse rows (K, P) make of parameters; ``entries`` as above."""
    total, wide = np.zeros(rows.shape[0]), np.diff(rows.indptr)
    for width in np.unique(wide).tolist():
        row = np.flatnonzero(wide == width)
        place = rows.indptr[row][:, None] + np.arange(width)
        column, value = rows.indices[place], rows.data[place]
        for one in range(width):
            for other in range(width):
                part = entries(column[:, one], column[:, other])
                total[row] += value[:, one] * value[:, other] * part
    return total


def factored_variances(rows: Any, factor: Factor) -> FloatArray:
    """Variances (K,) of what sparse rows (K, P) make of parameters, from their normal matrix."""
    if factor.dense is None and rows.shape[0] > _AT_ONCE:
        return _variances(rows, selected_inverse(factor).entries)
    variance = np.empty(rows.shape[0])
    for first in range(0, len(variance), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        columns = rows[some].T.toarray()
        variance[some] = np.einsum("ij,ij->j", columns, factor.solve(columns))
    return variance


def bonds_of(
    starts: dict[str, int], parents: Sequence[tuple[int, Parent]], precision: FloatArray
) -> Bonds:
    """The bonds of all P parameters.

    Parameters
    ----------
    starts
        By the name of a level: index of its first parameter.
    parents
        The parents, each with the index of its first parameter.
    precision
        (P,) inverse variances of the differences.
    """
    count = len(precision)
    row, column, value = [np.arange(count)], [np.arange(count)], [np.ones(count)]
    for start, parent in parents:
        there: BoolArray = parent.unit >= 0
        child, carry = np.flatnonzero(there), parent.carry[there]
        p, q = carry.shape[1:]
        rows = starts[parent.child] + p * child[:, None, None] + np.arange(p)[:, None]
        columns = start + q * parent.unit[there][:, None, None] + np.arange(q)
        moved = carry != 0.0
        row.append(np.broadcast_to(rows, carry.shape)[moved])
        column.append(np.broadcast_to(columns, carry.shape)[moved])
        value.append(-carry[moved])
    entries = np.concatenate(value), (np.concatenate(row), np.concatenate(column))
    return Bonds(sparse.csr_matrix(entries, shape=(count, count)), precision)
