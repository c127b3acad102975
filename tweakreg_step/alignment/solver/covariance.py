"""The covariance of all parameters: dense for a stack, the needed entries only for a mosaic.

Callers ask for blocks or for products with vectors, whichever form it has. The gauge of components
without reference stars (S-transformation, see `gauge`) subtracts a product of few columns, and the
inflation by chi2 / dof multiplies rows and columns; both are applied to the entries asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import selected_inverse
from tweakreg_step.alignment.matching import members

from .gauge import common_basis, projector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .hierarchy import Model


__all__ = ["Covariance", "DenseInverse", "Gauge", "covariance_of", "gauged"]


class Inverse(Protocol):
    """The inverse C = H^-1 of a reduced normal matrix, whatever its form."""

    @property
    def size(self) -> int:
        """Number P of parameters."""
        ...

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries of C at indices `row` and `column`, arrays of one shape."""
        ...

    def product(self, right: FloatArray) -> FloatArray:
        """Product of C with (P,) or (P, K)."""
        ...

    def within(self, label: IntArray, right: FloatArray) -> FloatArray:
        """Product (P, q) of C with `right` (P, q), only entries between equal labels (P,) taken."""
        ...


@dataclass(frozen=True, slots=True)
class DenseInverse:
    """An inverse in the form of a dense `matrix` (P, P)."""

    matrix: FloatArray

    @property
    def size(self) -> int:
        """Number P of parameters."""
        return len(self.matrix)

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries at indices `row` and `column`, arrays of one shape."""
        return np.asarray(self.matrix[row, column])

    def product(self, right: FloatArray) -> FloatArray:
        """The matrix times (P,) or (P, K)."""
        return np.asarray(self.matrix @ right)

    def within(self, label: IntArray, right: FloatArray) -> FloatArray:
        """Product (P, q) with `right` (P, q), only entries between equal labels (P,) taken."""
        out = np.zeros_like(right)
        for index in members(label):
            out[index] = self.matrix[np.ix_(index, index)] @ right[index]
        return out


@dataclass(frozen=True, slots=True)
class Gauge:
    """The S-transformation S = 1 - F K of each of A components without reference stars.

    Attributes
    ----------
    label
        (P,) number of each parameter's component, -1 for parameters that are not transformed.
    basis, projection
        (P, q) rows of the basis F of common motions and of K', K being the projection.
    cross
        (P, q) rows of C K', C being the block of the component.
    inner
        (A, q, q) K C K' of each component.
    """

    label: IntArray
    basis: FloatArray
    projection: FloatArray
    cross: FloatArray
    inner: FloatArray

    def reduction(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries of C - S C S' at indices `row` and `column`, arrays of one shape.

        Raises
        ------
        ValueError
            If a row and its column belong to different components.
        """
        label = self.label[row]
        if not np.array_equal(label, self.label[column]):
            raise ValueError(
                "Covariances of parameters of two components were asked for, but only those within "
                "one are kept. Apply the covariance to vectors instead."
            )
        basis, other = self.basis[row], self.basis[column]
        plain = np.sum(self.cross[row] * other + basis * self.cross[column], axis=-1)
        if len(self.inner) == 0:
            return np.asarray(plain)
        return np.asarray(
            plain - np.einsum("...i,...ij,...j->...", basis, self.inner[label], other)
        )

    def _spread(self, rows: FloatArray) -> Any:
        """Sparse matrix (P, A q) with each of the rows (P, q) in the columns of its component."""
        own, width = np.flatnonzero(self.label >= 0), rows.shape[1]
        column = self.label[own, None] * width + np.arange(width)
        entry = rows[own].ravel(), (np.repeat(own, width), column.ravel())
        return sparse.csr_matrix(entry, shape=(len(rows), len(self.inner) * width))

    def apply(self, inverse: Inverse, vector: FloatArray) -> FloatArray:
        """Product of S C S' with (P,) or (P, K)."""
        basis, projection = self._spread(self.basis), self._spread(self.projection)
        moved = inverse.product(vector - projection @ (basis.T @ vector))
        return np.asarray(moved - basis @ (projection.T @ moved))


@dataclass(frozen=True, slots=True)
class Covariance:
    """The covariance of all P parameters, those of groups first, then those of units.

    Attributes
    ----------
    inverse
        Inverse of the reduced normal matrix.
    width
        Number p of parameters of a group.
    factor
        (P,) factors of rows and columns, the square root of the inflation by chi2 / dof.
    gauge
        S-transformation of the components without reference stars, or None.
    """

    inverse: Inverse
    width: int
    factor: FloatArray
    gauge: Gauge | None = None

    @property
    def size(self) -> int:
        """Number P of parameters."""
        return self.inverse.size

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries at indices `row` and `column`, arrays of one shape."""
        found = self.inverse.entries(row, column)
        if self.gauge is not None:
            found = found - self.gauge.reduction(row, column)
        return np.asarray(found * self.factor[row] * self.factor[column])

    def diagonal(self) -> FloatArray:
        """Variances (P,)."""
        every = np.arange(self.size)
        return self.entries(every, every)

    def blocks(self, first: IntArray, second: IntArray) -> FloatArray:
        """Blocks (K, p, p) between pairs of groups, each group an index (K,)."""
        return self._blocks(first * self.width, second * self.width, self.width)

    def summed_blocks(self, places: Sequence[IntArray]) -> FloatArray:
        """Covariances (U, q, q) of sums of parameters, `places` (U, q) being those of each term."""
        total = np.zeros(())
        for first in places:
            for second in places:
                shape = (*first.shape, second.shape[1])
                rows = np.broadcast_to(first[:, :, None], shape)
                columns = np.broadcast_to(second[:, None, :], shape)
                total = total + self.entries(rows, columns)
        return np.asarray(total)

    def _blocks(self, first: IntArray, second: IntArray, width: int) -> FloatArray:
        row, column = (start[:, None] + np.arange(width) for start in (first, second))
        shape = (len(first), width, width)
        return self.entries(
            np.broadcast_to(row[:, :, None], shape), np.broadcast_to(column[:, None, :], shape)
        )

    def product(self, vector: FloatArray) -> FloatArray:
        """Product of the covariance with (P,) or (P, K)."""
        factor = self.factor if vector.ndim == 1 else self.factor[:, None]
        if self.gauge is None:
            return np.asarray(factor * self.inverse.product(factor * vector))
        return np.asarray(factor * self.gauge.apply(self.inverse, factor * vector))

    def dense(self) -> FloatArray:
        """All entries (P, P); for a mosaic of thousands of groups they do not fit into memory."""
        return self.product(np.eye(self.size))

    def inflated(self, factor: FloatArray) -> Covariance:
        """The covariance with rows and columns multiplied by factors (P,)."""
        return replace(self, factor=self.factor * factor)


def covariance_of(factor: Factor, width: int) -> Covariance:
    """The covariance from a factor of the reduced normal matrix, before the gauge.

    Parameters
    ----------
    factor
        Factor of the matrix.
    width
        Number p of parameters of a group.
    """
    whole = factor.dense is not None
    inverse = DenseInverse(factor.inverse()) if whole else selected_inverse(factor)
    return Covariance(inverse, width, np.ones(len(factor.scale)))


def gauged(
    covariance: Covariance,
    model: Model,
    ties: tuple[IntArray, BoolArray],
    weight: FloatArray,
    theta: FloatArray,
) -> Covariance:
    """The covariance after the gauge of the components without reference stars.

    Parameters
    ----------
    covariance
        Covariance of all parameters, as solved with the prior.
    model
        Tangent planes and geometry of the groups.
    ties
        Component (G,) of each group, and whether it is anchored (G,), tied to the reference.
    weight
        (G, p) weights of the gauge, see `tweakreg_step.alignment.solver.gauge`.
    theta
        (G, p) parameters of the solution.
    """
    component, anchored = ties
    free = (component >= 0) & ~anchored
    if not free.any():
        return covariance
    width = covariance.width
    group = np.full(len(component), -1)
    group[free] = np.unique(component[free], return_inverse=True)[1]
    rows = np.zeros((covariance.size, width))
    basis, projection = rows, rows.copy()
    for member in members(group):
        motion = common_basis(model.frames[member], model.geometry, theta[member])
        index = (member[:, None] * width + np.arange(width)).ravel()
        basis[index] = motion.reshape(-1, width)
        projection[index] = projector(motion, weight[member]).T
    own = np.full(covariance.size, -1)
    own[: len(group) * width] = np.repeat(group, width)
    cross = covariance.inverse.within(own, projection)
    inner = np.stack([projection[index].T @ cross[index] for index in members(own)])
    return replace(covariance, gauge=Gauge(own, basis, projection, cross, inner))
