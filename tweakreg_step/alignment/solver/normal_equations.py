"""Normal equations of the corrections: one linear step of the simultaneous solution.

The residual of detection i of source s, in group g and by a detector with a motion of its own, is

    r_i = x_i + B_i delta_g + A_i delta_unit - u_s

in the plane tangent to the sphere at the source, so that RA = 0, the poles and mosaics of degrees
are no special case. The unknown source positions u_s are eliminated exactly (Schur complement;
Bernstein et al. 2017, PASP 129, 074503). With W_i the inverse covariance times the robust weight,
D_s the sum of W_i and m_s that of W_i x_i over a source (see `latents` for sources that move), Pi
the prior's inverse variances:

    H = A' W A + Pi - (A' W)_s D_s^-1 (W A)_s,   H delta = -A' W (x - D_s^-1 m_s) - Pi theta

Where units have parents, Pi is R' Pi R, see `parents`; parents come last among the parameters, move
no detection themselves, and have no part in the sums. A reference star is a detection without a
motion (group -1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import Factor, factorise
from tweakreg_step.core.memory import require_dense

from .images.own_columns import may_allow, with_own_columns, without_own_columns
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

_MANY = 3_000
"""Detections above which those of an image are put together."""

_FEW = 100_000
"""Entries of the rows of sources, of each coordinate, that are made at once, to stay in a cache."""

_SOME, _MOST, _PARTS = 10_000, 100_000, 16
"""Sources whose rows of a sparse matrix are made at once, at least and at most, and parts of them.

Rows take ten times the memory of the detections; adding up the products of the parts takes time."""

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
    position
        (N, 2) x_i + B delta [arcsec].
    factor
        Factor of the reduced normal matrix H.
    latent
        (S, k) unknowns of the sources: positions [arcsec], and where epochs differ motions.
    model
        With the prior in it.
    allowing
        Whether H allows for own motions of images.
    """

    delta: FloatArray
    residual: FloatArray
    position: FloatArray
    factor: Factor
    latent: FloatArray
    model: Model
    allowing: bool = False


def _is_dense(links: Links, width: int, total: int) -> bool:
    """Whether the reduced matrix is made as a dense one: not that of a mosaic of many groups."""
    if total <= _DENSE:
        return True
    # A sparse product spends some 5 ns per term, a dense one 0.1 ns.
    per_row = np.minimum(np.bincount(links.source) * float(width), total)
    return bool(50.0 * np.sum(per_row**2) > links.source_count * float(total) ** 2)


def _products(
    linear: Linear, links: Links, weighted: FloatArray, *, together: bool
) -> tuple[FloatArray, IntArray]:
    """Products A' W A (K, k, k) of parts of the detections, and the parameters (K, k) of each.

    Parts are single detections, or `together` those of an image, which the same parameters move:
    one product then stands for thousands, which would fill the memory.
    """
    columns, index = linear.columns, linear.index
    label = _images(links, index) if together else None
    if label is None:
        return np.einsum("nik,nil->nkl", weighted, columns), index
    order = np.argsort(label, kind="stable")
    first = np.flatnonzero(np.diff(label[order], prepend=-1))
    width, ends = index.shape[1], [*(2 * first[1:]).tolist(), 2 * len(order)]
    left, right = (each[order].reshape(-1, width) for each in (weighted, columns))
    rows = zip((2 * first).tolist(), ends, strict=True)
    products = [left[start:end].T @ right[start:end] for start, end in rows]
    return np.stack(products), index[order[first]]


def _images(links: Links, index: IntArray) -> IntArray | None:
    """The image (N,) of each detection, stars counting as one; None if parameters differ in one."""
    label = links.image + 1
    last = int(label.max())
    first = np.zeros(last + 1, np.int64)
    first[label] = np.arange(len(label))
    if not np.array_equal(index[first[label]], index):
        return None
    return label.astype(np.int16) if last < np.iinfo(np.int16).max else label  # sorts faster


def _raised_rows(
    links: Links, weighted: FloatArray, half: FloatArray, place: tuple[IntArray, int]
) -> FloatArray:
    """Rows Y (k S, P) of sources whose product Y' Y is subtracted, half' of the sums of W B."""
    index, total = place
    count = links.source_count
    column = ((total * links.source)[:, None] + index).ravel()
    summed: list[FloatArray] = [
        np.bincount(column, axis.ravel(), count * total)
        .reshape(count, total)
        .astype(float, copy=False)
        for axis in np.moveaxis(raised(links, weighted), 1, 0)
    ]
    for i in range(len(summed)):  # half is a lower triangle: what is still needed is not changed
        summed[i] *= half[:, i, i, None]
        for j in range(i + 1, len(summed)):
            summed[i] += half[:, j, i, None] * summed[j]
    return np.concatenate(summed)


def _sparse_rows(
    links: Links, weighted: FloatArray, half: FloatArray, place: tuple[IntArray, int]
) -> Any:
    """The same rows as a sparse matrix; a column may occur in a row more than once."""
    index, total = place
    width, count = index.shape[1], links.source_count
    values = np.einsum("nji,njk->ink", half[links.source], raised(links, weighted))
    ends = np.cumsum(np.bincount(links.source, minlength=count)) * width
    every = ends[-1] * np.arange(len(values))[:, None] + ends
    pointer = np.concatenate([[0], every.ravel()])
    column = np.tile(index.ravel(), len(values))
    shape = len(values) * count, total
    return sparse.csr_matrix((values.ravel(), column, pointer), shape=shape)


@dataclass(slots=True)
class _Sums:
    """Sums over pieces of the sources.

    The matrix Y' Y (P, P), the right side (P,), and products A' W A with the parameters of each,
    those of an image `together` or of each detection apart.
    """

    reduced: Any
    right: FloatArray
    own: list[tuple[FloatArray, IntArray]]
    together: bool


def _add(sums: _Sums, linear: Linear, links: Links, weight: FloatArray) -> FloatArray:
    """Add what some sources have to the sums; covariances (S, k, k) of the sources."""
    total = linear.parameter_count
    spread = source_spread(links, weight)
    weighted_sources = spread[:, 0, 0] > 0.0
    half = np.zeros_like(spread)
    half[weighted_sources] = np.linalg.cholesky(spread[weighted_sources])
    weighted = weight @ linear.columns
    mean = latents(links, spread, weight, linear.position)
    difference = linear.position - seen(links, mean)
    gradient = np.einsum("nik,ni->nk", weighted, difference)
    sums.right -= np.bincount(linear.index.ravel(), gradient.ravel(), minlength=total)
    # Y = half' W B, one block of rows per unknown, so that detections need no reordering
    place = linear.index, total
    if isinstance(sums.reduced, np.ndarray):
        rows = _raised_rows(links, weighted, half, place)
        sums.reduced += rows.T @ rows
    else:
        sparse_rows = _sparse_rows(links, weighted, half, place)
        sums.reduced = sums.reduced + (sparse_rows.T @ sparse_rows).tocsc()
    sums.own.append(_products(linear, links, weighted, together=sums.together))
    return spread


def _piece(links: Links, total: int, *, dense: bool) -> int:
    """Number of detections that are worked on at once: rows of sources may be long."""
    few = min(max(links.source_count // _PARTS, _SOME), _MOST)
    sources = max(_FEW // total, 256) if dense else few
    return max(sources * len(links.source) // max(links.source_count, 1), 4096)


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
    total, width = linear.parameter_count, linear.index.shape[1]
    linear = replace(linear, parameter_count=int(linear.index.max(initial=0)) + 1)
    moving = linear.parameter_count
    dense = _is_dense(links, width, moving)
    if dense and total > DENSE_LIMIT:
        require_dense(total)
    empty = np.zeros((moving, moving)) if dense else sparse.csc_matrix((moving, moving))
    sums = _Sums(empty, np.zeros(moving), [], len(links.source) > _MANY)
    latent = 2 if links.tau is None else 4
    spread = np.empty((links.source_count, latent, latent))
    for rows, sources in links.pieces(_piece(links, moving, dense=dense)):
        some = linear.part(rows, sources), links.part(rows, sources), weight[rows]
        spread[sources] = _add(sums, *some)
    matrix = _with_still(_difference(sums, moving), total)
    return matrix, np.concatenate([sums.right, np.zeros(total - moving)]), spread


def _with_still(matrix: Any, total: int) -> Any:
    """The matrix of the parameters that move detections, with zeros for those after them (P, P)."""
    count = matrix.shape[0]
    if count == total:
        return matrix
    if not isinstance(matrix, np.ndarray):
        matrix.resize((total, total))
        return matrix
    whole = np.zeros((total, total))
    whole[:count, :count] = matrix
    return whole


def _difference(sums: _Sums, total: int) -> Any:
    """The matrix A' W A less Y' Y (P, P), dense where it is nearly full."""
    own, index = (np.concatenate(parts) for parts in zip(*sums.own, strict=True))
    width = index.shape[1]
    row = np.repeat(index, width, axis=1).ravel()
    column = np.tile(index, (1, width)).ravel()
    reduced = sums.reduced
    if total <= _DENSE:
        # summed here, as a sparse matrix sorts its entries before it sums them
        direct = np.bincount(row * total + column, own.ravel(), minlength=total**2)
        return direct.reshape(total, total) - reduced
    direct = sparse.coo_matrix((own.ravel(), (row, column)), shape=(total, total)).tocsc()
    if not isinstance(reduced, np.ndarray):
        if total <= DENSE_LIMIT or reduced.nnz <= _FULL * float(total) ** 2:
            return direct - reduced
        require_dense(total)
        reduced = reduced.toarray()
    direct = direct.tocoo()  # each entry once
    np.negative(reduced, out=reduced)
    reduced[direct.row, direct.col] += direct.data
    return reduced


def factor_with_prior(matrix: Any, model: Model, motions: Motions) -> tuple[Factor, FloatArray]:
    """Factor of the normal matrix (P, P) with the prior, and the prior's pull (P,) on motions."""
    if not model.parents:
        return factorise(matrix, model.precision), model.precision * motions.flat
    bonds = model.bonds
    prior = bonds.matrix()
    return factorise(matrix, prior.diagonal(), prior), bonds.pull(motions.flat)


def _allowing(
    linear: Linear, links: Links, weight: FloatArray, own: float
) -> tuple[Any, FloatArray, FloatArray, bool]:
    """Normal equations that allow for own motions of images, of variance `own` [arcsec^2].

    With the sources' covariances, and whether they do: the matrix of a mosaic, which is sparse,
    and that of sources that move stay as they are.
    """
    if own > 0.0 and may_allow(links, int(links.image.max(initial=-1)) + 1):
        whole = with_own_columns(linear, links)
        matrix, right, spread = normal_equations(whole, links, weight)
        if isinstance(matrix, np.ndarray):
            total, images = linear.parameter_count, int(links.image.max()) + 1
            moving = whole.parameter_count - 2 * images
            matrix, right, *_ = without_own_columns(matrix, right, moving, own)
            right = np.concatenate([right, np.zeros(total - moving)])
            return _with_still(matrix, total), right, spread, True
    return *normal_equations(linear, links, weight), False


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
    matrix, right, spread, allowing = _allowing(linear, links, weight, model.own)
    factor, pull = factor_with_prior(matrix, model, motions)
    delta = factor.solve(right - pull)
    after = np.empty_like(linear.position)
    for rows, sources in links.pieces():
        part = linear.part(rows, sources)
        after[rows] = part.position
        after[rows] += np.einsum("nik,nk->ni", part.columns, delta[part.index])
    latent = latents(links, spread, weight, after)
    residual = after - seen(links, latent)
    return Step(delta, residual, after, factor, latent, model, allowing)
