"""Factors of the reduced normal matrix, dense for a stack and sparse for a mosaic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray


__all__ = ["Factor", "factorise"]

_ROWS = 1000
"""Rows of an inverse that are copied across the diagonal at once."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A factored symmetric positive definite matrix, scaled to a unit diagonal.

    Attributes
    ----------
    scale
        (P,) 1 / sqrt of the diagonal.
    dense, sparse
        Cholesky factor, or that of `splu`; one of them is None.
    """

    scale: FloatArray
    dense: Any
    sparse: Any

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (P,) or (P, K) of H x = right."""
        scale = self.scale if right.ndim == 1 else self.scale[:, None]
        if self.dense is not None:
            solved = linalg.cho_solve(self.dense, scale * right, check_finite=False)
        else:
            solved = self.sparse.solve(np.ascontiguousarray(scale * right))
        return np.asarray(scale * solved)

    def drawn(self, normal: FloatArray) -> FloatArray:
        """Vectors (P, K) of covariance H^-1 from standard normal ones; of a dense factor alone."""
        lower = self.dense[0]
        turned = linalg.solve_triangular(lower, normal, trans=1, lower=True, check_finite=False)
        return np.asarray(self.scale[:, None] * turned)

    def log_determinant(self) -> float:
        """Log-determinant of the matrix, ln det H."""
        if self.dense is not None:
            half = float(np.sum(np.log(np.diag(self.dense[0]))))
        else:
            half = 0.5 * float(np.sum(np.log(np.abs(self.sparse.U.diagonal()))))
        return 2.0 * half - 2.0 * float(np.sum(np.log(self.scale)))

    def inverse(self) -> FloatArray:
        """H^-1 (P, P)."""
        if self.dense is None:
            return self.solve(np.eye(len(self.scale)))
        full, _ = linalg.lapack.dpotri(self.dense[0], lower=1)
        for start in range(0, len(full), _ROWS):  # in place: a copy takes gigabytes for a stack
            end = min(start + _ROWS, len(full))
            corner = np.tril(full[start:end, start:end])
            full[start:end, start:end] = corner + np.tril(corner, -1).T
            full[start:end, end:] = full[end:, start:end].T
        full *= self.scale
        full *= self.scale[:, None]
        return np.asarray(full)


def factorise(matrix: Any, precision: FloatArray, coupling: Any = None) -> Factor:
    """Factor of the matrix (P, P) with the prior's inverse variances (P,) added to its diagonal.

    Parameters
    ----------
    matrix
        Dense or sparse.
    precision
        (P,) to be added to the diagonal.
    coupling
        (P, P) sparse and symmetric, of which what is off the diagonal is added as well.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the sum is not positive definite; a positive precision makes it so.
    """
    diagonal = matrix.diagonal() + precision
    scale = 1.0 / np.sqrt(diagonal)
    if isinstance(matrix, np.ndarray):
        scaled = np.array(matrix, order="F")
        if coupling is not None:
            entries = coupling.tocoo()
            scaled[entries.row, entries.col] += entries.data
        scaled *= scale
        scaled *= scale[:, None]
        np.fill_diagonal(scaled, 1.0)
        lower = linalg.cho_factor(scaled, lower=True, overwrite_a=True, check_finite=False)
        return Factor(scale, lower, None)
    spread = sparse.diags(scale)
    whole = matrix + sparse.diags(precision)
    if coupling is not None:
        whole = whole + coupling - sparse.diags(coupling.diagonal())
    scaled = (spread @ whole @ spread).tocsc()
    options = {"SymmetricMode": True}
    lu = splu(scaled, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    return Factor(scale, None, lu)
