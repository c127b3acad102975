"""The covariance of all parameters, whole for a stack, on the pattern of the factor for a mosaic.

Whoever reads it asks for blocks or applies it to vectors, and need not know which of both it is.
The gauge of free components (S-transformation, see `gauge`) takes a product of few columns off it
and the inflation by chi2 / dof multiplies rows and columns, so neither is carried out on all
entries.
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
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .hierarchy import Model


__all__ = ["Covariance", "Gauge", "Whole", "covariance_of", "gauged"]


class Inverse(Protocol):
    """What is asked of the inverse C = H^-1 of a reduced normal matrix."""

    @property
    def size(self) -> int:
        """Number P of parameters."""
        ...

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries of C at rows and columns of one shape."""
        ...

    def product(self, right: FloatArray) -> FloatArray:
        """C right, (P,) or (P, K)."""
        ...

    def within(self, label: IntArray, right: FloatArray) -> FloatArray:
        """Products (P, q) of the blocks of C that have one label (P,) with the rows of `right`."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """An inverse of which every entry is there: `matrix` (P, P)."""

    matrix: FloatArray

    @property
    def size(self) -> int:
        """Number P of parameters."""
        return len(self.matrix)

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries at rows and columns of one shape."""
        return np.asarray(self.matrix[row, column])

    def product(self, right: FloatArray) -> FloatArray:
        """The matrix times (P,) or (P, K)."""
        return np.asarray(self.matrix @ right)

    def within(self, label: IntArray, right: FloatArray) -> FloatArray:
        """Products (P, q) of the blocks that have one label (P,) with the same rows of `right`."""
        out = np.zeros_like(right)
        for index in members(label):
            out[index] = self.matrix[np.ix_(index, index)] @ right[index]
        return out


@dataclass(frozen=True, slots=True)
class Gauge:
    """The S-transformation 1 - F K of each free component, F its basis and K its projection.

    Attributes
    ----------
    label
        (P,) number of the component, -1 for parameters that stay as they are.
    basis, projection
        (P, q) rows of F and of K'.
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

    def taken(self, row: IntArray, column: IntArray) -> FloatArray:
        """What S C S' is less than C, at rows and columns of one shape.

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
        """Rows (P, q) as a sparse matrix (P, A q), each in the columns of its component."""
        own, width = np.flatnonzero(self.label >= 0), rows.shape[1]
        column = self.label[own, None] * width + np.arange(width)
        entry = rows[own].ravel(), (np.repeat(own, width), column.ravel())
        return sparse.csr_matrix(entry, shape=(len(rows), len(self.inner) * width))

    def apply(self, inverse: Inverse, vector: FloatArray) -> FloatArray:
        """S C S' times (P,) or (P, K)."""
        basis, projection = self._spread(self.basis), self._spread(self.projection)
        moved = inverse.product(vector - projection @ (basis.T @ vector))
        return np.asarray(moved - basis @ (projection.T @ moved))


@dataclass(frozen=True, slots=True)
class Covariance:
    """The covariance of all parameters, those of groups first, then those of units.

    Attributes
    ----------
    inverse
        Of the reduced normal matrix.
    width
        Number p of parameters of a group.
    factor
        (P,) what rows and columns are multiplied with, the root of the inflation.
    gauge
        Of the free components, or None.
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
        """Entries at rows and columns of one shape."""
        found = self.inverse.entries(row, column)
        if self.gauge is not None:
            found = found - self.gauge.taken(row, column)
        return np.asarray(found * self.factor[row] * self.factor[column])

    def diagonal(self) -> FloatArray:
        """Variances (P,)."""
        every = np.arange(self.size)
        return self.entries(every, every)

    def blocks(self, first: IntArray, second: IntArray) -> FloatArray:
        """Blocks (K, p, p) of pairs of groups (K,)."""
        return self._blocks(first * self.width, second * self.width, self.width)

    def unit_blocks(self, start: int, count: int, width: int) -> FloatArray:
        """Blocks (U, q, q) of `count` units of `width` parameters, the first of them at `start`."""
        unit = start + width * np.arange(count)
        return self._blocks(unit, unit, width)

    def _blocks(self, first: IntArray, second: IntArray, width: int) -> FloatArray:
        row, column = (start[:, None] + np.arange(width) for start in (first, second))
        shape = (len(first), width, width)
        return self.entries(
            np.broadcast_to(row[:, :, None], shape), np.broadcast_to(column[:, None, :], shape)
        )

    def product(self, vector: FloatArray) -> FloatArray:
        """The covariance times (P,) or (P, K)."""
        factor = self.factor if vector.ndim == 1 else self.factor[:, None]
        if self.gauge is None:
            return np.asarray(factor * self.inverse.product(factor * vector))
        return np.asarray(factor * self.gauge.apply(self.inverse, factor * vector))

    def whole(self) -> FloatArray:
        """All entries (P, P); what a mosaic of thousands of groups has no room for."""
        return self.product(np.eye(self.size))

    def inflated(self, factor: FloatArray) -> Covariance:
        """The same with rows and columns multiplied with (P,)."""
        return replace(self, factor=self.factor * factor)


def covariance_of(factor: Factor, width: int) -> Covariance:
    """The covariance that a factor of the reduced normal matrix stands for, without a gauge.

    Parameters
    ----------
    factor, width
        Of the matrix, and the number p of parameters of a group.
    """
    whole = factor.dense is not None
    inverse = Whole(factor.inverse()) if whole else selected_inverse(factor)
    return Covariance(inverse, width, np.ones(len(factor.scale)))


def gauged(
    covariance: Covariance,
    model: Model,
    ties: tuple[IntArray, BoolArray],
    weight: FloatArray,
    theta: FloatArray,
) -> Covariance:
    """The covariance after the gauge of the components that nothing ties to the reference.

    Parameters
    ----------
    covariance
        Of all parameters, as solved with the prior.
    model
        The groups.
    ties
        (G,) component and anchored.
    weight
        (G, p) of the gauge, see `tweakreg_step.alignment.solver.gauge`.
    theta
        (G, p) of the solution.
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
