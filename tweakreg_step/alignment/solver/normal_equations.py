"""Normal equations of the corrections: one linear step of the simultaneous solution.

The residual of detection i of source s, in group g and by a detector with a motion of its own, is

    r_i = x_i + B_i delta_g + A_i delta_unit - u_s

in the plane tangent to the sphere at the source, so that RA = 0, the poles and mosaics of degrees
are no special case. The unknown source positions u_s are eliminated exactly (Schur complement;
Bernstein et al. 2017, PASP 129, 074503). With W_i the inverse covariance times the robust weight,
D_s the sum of W_i and m_s that of W_i x_i over a source (see `latents` for sources that move), Pi
the prior's inverse variances:

    H = A' W A + Pi - (A' W)_s D_s^-1 (W A)_s,   H delta = -A' W (x - D_s^-1 m_s) - Pi theta

Where units have parents, Pi is R' Pi R, see `parents`. A reference star is a detection without a
motion (group -1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import Factor, factorise
from tweakreg_step.core.memory import require_dense

from .latents import latents, raised, seen, source_spread

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .hierarchy import Linear, Model, Motions
    from .links import Links


__all__ = ["Step", "factor_with_prior", "normal_equations", "solve_step"]

DENSE_LIMIT = 6000
"""Unknowns up to which dense matrices (288 MB each) are made without checking the memory."""

_DENSE = 300
"""Unknowns up to which matrices are dense: sparse ones cost more to build than they save."""

_MANY = 30_000
"""Detections above which those of an image are put together."""

_FEW = 2_000_000
"""Entries up to which rows are made dense at once (16 MB)."""

_FULL = 0.3
"""Share of non-zero entries above which a dense factorisation is faster than a sparse one."""


@dataclass(frozen=True, slots=True)
class Step:
    """The solution of the linearised problem.

    Attributes
    ----------
    delta
        (P,) change of the parameters.
    residual
        (N, 2) x_i + B delta - u_s [arcsec], in the plane tangent at the source.
    factor
        Factor of the reduced normal matrix H.
    latent
        (S, k) unknowns of the sources: positions [arcsec], and where epochs differ motions.
    model
        With the prior in it.
    """

    delta: FloatArray
    residual: FloatArray
    factor: Factor
    latent: FloatArray
    model: Model


def _square(rows: Any, count: int) -> Any:
    """Product rows' rows (count, count).

    Dense for a stack, in which all groups share sources, sparse for a mosaic.
    """
    per_row = np.diff(rows.indptr).astype(float)
    # A sparse product spends some 5 ns per term, a dense one 0.1 ns.
    dense = count <= _DENSE or 50.0 * np.sum(per_row**2) > rows.shape[0] * float(count) ** 2
    if not dense:
        product = (rows.T @ rows).tocsc()
        if count > DENSE_LIMIT and product.nnz > _FULL * float(count) ** 2:
            require_dense(count)
            return product.toarray()
        return product
    if count > DENSE_LIMIT:
        require_dense(count)
    total = np.zeros((count, count))
    chunk = max(1, 20_000_000 // count)
    for start in range(0, rows.shape[0], chunk):
        part = rows[start : start + chunk].toarray()
        total += part.T @ part
    return total


def _rows(data: FloatArray, index: IntArray, pointer: IntArray, count: int) -> Any:
    matrix = sparse.csr_matrix(
        (data.ravel(), index.ravel(), pointer), shape=(len(pointer) - 1, count)
    )
    matrix.sum_duplicates()
    return matrix


def _products(linear: Linear, links: Links, weighted: FloatArray) -> tuple[FloatArray, IntArray]:
    """Products A' W A (K, k, k) of parts of the detections, and the parameters (K, k) of each.

    Parts are single detections, or where these are many those of an image, which the same
    parameters move: one product then stands for thousands, which would fill the memory.
    """
    columns, index = linear.columns, linear.index
    label = _images(links, index) if len(index) > _MANY else None
    if label is None:
        return np.einsum("nik,nil->nkl", weighted, columns), index
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    width = index.shape[1]
    products = [
        weighted[part].reshape(-1, width).T @ columns[part].reshape(-1, width) for part in parts
    ]
    return np.stack(products), index[[part[0] for part in parts]]


def _images(links: Links, index: IntArray) -> IntArray | None:
    """The image (N,) of each detection, stars counting as one; None if parameters differ in one."""
    label = links.image + 1
    first = np.zeros(int(label.max()) + 1, np.int64)
    first[label] = np.arange(len(label))
    return label if np.array_equal(index[first[label]], index) else None


def _shared(rows: FloatArray, index: IntArray, source: IntArray, shape: tuple[int, int]) -> Any:
    """Product Y' Y (P, P) of the rows (k, L, p) of links, summed over those of each source.

    `index` (L, p) are their columns, `source` (L,) their sources, in ascending order.
    """
    count, total = shape
    if total <= min(_DENSE, DENSE_LIMIT) and len(rows) * count * total <= _FEW:
        place = ((total * source)[:, None] + index).ravel()
        sums = [np.bincount(place, part.ravel(), minlength=count * total) for part in rows]
        dense = np.concatenate(sums).reshape(-1, total)
        return dense.T @ dense
    width = index.shape[1]
    pointer = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=count))]) * width
    both = [_rows(part, index, pointer, total) for part in rows]
    return _square(sparse.vstack(both, format="csr"), total)


def normal_equations(
    linear: Linear, links: Links, weight: FloatArray
) -> tuple[Any, FloatArray, FloatArray]:
    """Reduced normal matrix and right side without the prior, and the sources' covariances.

    Parameters
    ----------
    linear, links
        The linearised problem and its detections.
    weight
        (N, 2, 2) inverse covariances times robust weights.

    Returns
    -------
    matrix, right, source_covariance
        (P, P) dense or sparse, (P,), and (S, k, k) D_s^-1, zero where a source has no weight.
    """
    source, count = links.source, links.source_count
    width, total = linear.index.shape[1], linear.parameter_count
    spread = source_spread(links, weight)
    weighted_sources = spread[:, 0, 0] > 0.0
    half = np.zeros_like(spread)
    half[weighted_sources] = np.linalg.cholesky(spread[weighted_sources])
    weighted = weight @ linear.columns
    mean = latents(links, spread, weight, linear.position)
    difference = linear.position - seen(links, mean)
    gradient = -np.einsum("nik,ni->nk", weighted, difference)
    right = np.bincount(linear.index.ravel(), gradient.ravel(), minlength=total).astype(float)
    # Y = half' W B, one block of rows per unknown, so that detections need no reordering
    shared = np.einsum("nji,njk->ink", half[source], raised(links, weighted))
    reduced = _shared(shared, linear.index, source, (count, total))
    own, index = _products(linear, links, weighted)
    row = np.repeat(index, width, axis=1).ravel()
    column = np.tile(index, (1, width)).ravel()
    if isinstance(reduced, np.ndarray) and total <= _DENSE:
        # summed here, as a sparse matrix sorts its entries before it sums them
        direct = np.bincount(row * total + column, own.ravel(), minlength=total**2)
        return direct.reshape(total, total) - reduced, right, spread
    direct = sparse.coo_matrix((own.ravel(), (row, column)), shape=(total, total)).tocsc()
    if isinstance(reduced, np.ndarray):
        direct = direct.tocoo()  # each entry once
        np.negative(reduced, out=reduced)
        reduced[direct.row, direct.col] += direct.data
        return reduced, right, spread
    return direct - reduced, right, spread


def factor_with_prior(matrix: Any, model: Model, motions: Motions) -> tuple[Factor, FloatArray]:
    """Factor of the normal matrix (P, P) with the prior, and the prior's pull (P,) on motions."""
    if not model.parents:
        return factorise(matrix, model.precision), model.precision * motions.flat
    bonds = model.bonds
    prior = bonds.matrix()
    return factorise(matrix, prior.diagonal(), prior), bonds.pull(motions.flat)


def solve_step(
    linear: Linear, links: Links, model: Model, motions: Motions, weight: FloatArray
) -> Step:
    """The least-squares solution of the linearised problem with its prior.

    Parameters
    ----------
    linear, links, model, motions
        The linearised problem, its detections, priors, and the motions it was linearised at.
    weight
        (N, 2, 2) inverse covariances times robust weights.
    """
    matrix, right, spread = normal_equations(linear, links, weight)
    factor, pull = factor_with_prior(matrix, model, motions)
    delta = factor.solve(right - pull)
    after = linear.position + np.einsum("nik,nk->ni", linear.columns, delta[linear.index])
    latent = latents(links, spread, weight, after)
    return Step(delta, after - seen(links, latent), factor, latent, model)
