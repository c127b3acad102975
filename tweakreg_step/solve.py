"""Sources to corrections: the linear algebra of one step of the simultaneous solution.

Detection i of source s in group g, by a detector that has a motion of its own, obeys

    r_i = x_i + B_i delta_g + A_i delta_unit - u_s

in the plane tangent to the sphere at the source, so that RA = 0, the poles and mosaics of degrees
are no special case. The latent positions u_s are eliminated exactly (Schur complement; Bernstein
et al. 2017, PASP 129, 074503; with W_i the inverse covariance times the robust weight, D_s the
sum of W_i over a source):

    H = A' W A + Pi - (A' W)_s D_s^-1 (W A)_s,   H delta = -A' W (x - D_s^-1 m_s) - Pi theta

A reference star is a detection that nothing moves (group -1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.factor import Factor, factorise

from .core.correction import affine, design
from .core.memory import require_dense
from .core.sphere import ARCSEC, frames_of, from_plane, plane_jacobian, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = [
    "Linear",
    "Links",
    "Model",
    "Motions",
    "Step",
    "inverse_2x2",
    "linearise",
    "moved_directions",
    "normal_equations",
    "solve_step",
    "source_sums",
]

DENSE_LIMIT = 6000
"""Unknowns up to which dense matrices (288 MB each) are affordable without asking."""

_FULL = 0.3
"""Share of entries above which a sparse factor has all of them, and is the slower one."""


@dataclass(frozen=True, slots=True)
class Links:
    """Detections that belong to sources; reference stars are among them.

    Attributes
    ----------
    vectors
        (N, 3) directions through the input WCS, for a reference star at its own epoch.
    covariance
        (N, 2, 2), east and north at the star.
    group, image, unit
        (N,), -1 for a reference star, unit also where there is none.
    unit_xy, unit_to_sky
        (N, 2), (N, 2, 2), see `tweakreg_step.core.solution.Detections`.
    drift
        (N, 2) path of the star from the reference's epoch to that of the detection, east and north
        [arcsec].
    source
        (N,) ascending, 0 <= source < source_count.
    source_count
        S.
    """

    vectors: FloatArray
    covariance: FloatArray
    group: IntArray
    image: IntArray
    unit: IntArray
    unit_xy: FloatArray
    unit_to_sky: FloatArray
    drift: FloatArray
    source: IntArray
    source_count: int


@dataclass(frozen=True, slots=True)
class Model:
    """What moves, and how much of it is expected.

    Attributes
    ----------
    frames
        (G, 3, 3) of the groups' tangent planes.
    geometry, motion
        Of the groups and of the units.
    prior, motion_prior
        (G, p) and (U, q), inverse variances of the parameters.
    """

    frames: FloatArray
    geometry: str
    motion: str
    prior: FloatArray
    motion_prior: FloatArray

    @property
    def precision(self) -> FloatArray:
        """(P,) of all parameters in one line."""
        return np.concatenate([self.prior.ravel(), self.motion_prior.ravel()])


@dataclass(frozen=True, slots=True)
class Motions:
    """Parameters of the groups (G, p) and of the units (U, q)."""

    theta: FloatArray
    phi: FloatArray

    @property
    def flat(self) -> FloatArray:
        """(P,) all parameters in one line."""
        return np.concatenate([self.theta.ravel(), self.phi.ravel()])

    def plus(self, delta: FloatArray) -> Motions:
        """The motions with (P,) added."""
        count = self.theta.size
        return Motions(
            self.theta + delta[:count].reshape(self.theta.shape),
            self.phi + delta[count:].reshape(self.phi.shape),
        )


@dataclass(frozen=True, slots=True)
class Linear:
    """The problem linearised at given motions.

    Attributes
    ----------
    position
        (N, 2) x_i [arcsec] in the plane tangent at the source.
    transform
        (N, 2, 2) derivative of x_i by (east, north) at the detection.
    columns
        (N, 2, p + q) derivative of x_i by the parameters that move it.
    index
        (N, p + q) of those parameters; 0 with a derivative of 0 where there is none.
    parameter_count
        P.
    frames
        (S, 3, 3) of the sources' tangent planes.
    """

    position: FloatArray
    transform: FloatArray
    columns: FloatArray
    index: IntArray
    parameter_count: int
    frames: FloatArray


@dataclass(frozen=True, slots=True)
class Step:
    """One linear solution.

    Attributes
    ----------
    delta
        (P,) change of the parameters.
    residual
        (N, 2) x_i + B delta - u_s [arcsec], in the plane tangent at the source.
    factor
        Of the reduced matrix.
    """

    delta: FloatArray
    residual: FloatArray
    factor: Factor


def inverse_2x2(matrix: FloatArray) -> FloatArray:
    """Inverses of (N, 2, 2)."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    determinant = a * d - b * c
    out = np.empty_like(matrix)
    out[:, 0, 0], out[:, 1, 1] = d / determinant, a / determinant
    out[:, 0, 1], out[:, 1, 0] = -b / determinant, -c / determinant
    return out


def source_sums(values: FloatArray, source: IntArray, count: int) -> FloatArray:
    """Sums (S, ...) of values (N, ...) over the detections of each source."""
    flat = values.reshape(len(values), -1)
    sums = [np.bincount(source, column, minlength=count) for column in flat.T]
    return np.stack(sums, axis=-1).astype(float).reshape(count, *values.shape[1:])


def moved_directions(links: Links, model: Model, motions: Motions) -> FloatArray:
    """Directions (N, 3) after the motions of units and groups, at the reference's epoch."""
    directions, _, _ = _moved(links, model, motions)
    return directions


def _moved(
    links: Links, model: Model, motions: Motions
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Moved directions, and where they are in the groups' planes before and after."""
    local = frames_of(links.vectors)
    offset = -links.drift
    if motions.phi.size:
        matrix, shift = affine(model.motion, motions.phi)
        step = np.einsum("nij,nj->ni", matrix[links.unit], links.unit_xy) - links.unit_xy
        step = np.einsum("nij,nj->ni", links.unit_to_sky, step + shift[links.unit])
        offset = offset + np.where(links.unit[:, None] >= 0, step, 0.0)
    shifted = links.vectors + np.einsum("ni,nij->nj", offset / ARCSEC, local[:, :2])
    fixed = links.group < 0
    frames = model.frames[links.group]
    frames[fixed] = local[fixed]
    before = to_plane(shifted, frames)
    matrix, shift = affine(model.geometry, motions.theta)
    after = np.einsum("nij,nj->ni", matrix[links.group], before) + shift[links.group]
    after[fixed] = before[fixed]
    return from_plane(after, frames), before, after


def linearise(links: Links, model: Model, motions: Motions) -> Linear:
    """Positions and their derivatives at the given motions, in planes tangent at the sources."""
    directions, before, after = _moved(links, model, motions)
    source, fixed = links.source, links.group < 0
    centres = frames_of(source_sums(directions, source, links.source_count))
    local = frames_of(links.vectors)
    frames = model.frames[links.group]
    frames[fixed] = local[fixed]
    matrix, _ = affine(model.geometry, motions.theta)
    matrix = matrix[links.group]
    matrix[fixed] = np.eye(2)
    to_source = plane_jacobian(after, frames, centres[source])
    transform = to_source @ matrix @ plane_jacobian(np.zeros_like(before), local, frames)
    columns = to_source @ design(model.geometry, motions.theta[links.group], before)
    columns[fixed] = 0.0
    width = columns.shape[2]
    index = np.where(fixed, 0, links.group)[:, None] * width + np.arange(width)
    if motions.phi.size:
        unit, none = np.maximum(links.unit, 0), links.unit < 0
        extra = design(model.motion, motions.phi[unit], links.unit_xy)
        extra = transform @ links.unit_to_sky @ extra
        extra[none] = 0.0
        columns = np.concatenate([columns, extra], axis=2)
        size = motions.phi.shape[1]
        shared = motions.theta.size + unit[:, None] * size + np.arange(size)
        index = np.concatenate([index, np.where(none[:, None], 0, shared)], axis=1)
    position = to_plane(directions, centres[source])
    return Linear(position, transform, columns, index, motions.flat.size, centres)


def _square(rows: Any, count: int) -> Any:
    """Product of rows' and rows, dense where a stack fills it, sparse where a mosaic does not."""
    per_row = np.diff(rows.indptr).astype(float)
    # A sparse product spends some 5 ns per term, a dense one 0.1 ns.
    dense = count <= 300 or 50.0 * np.sum(per_row**2) > rows.shape[0] * float(count) ** 2
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


def normal_equations(
    linear: Linear, links: Links, weight: FloatArray
) -> tuple[Any, FloatArray, FloatArray]:
    """Reduced matrix and right side without prior, and the sources' covariances.

    Parameters
    ----------
    linear, links
        The problem.
    weight
        (N, 2, 2) inverse covariances times robust weights.

    Returns
    -------
    matrix, right, source_covariance
        (P, P) dense or sparse, (P,), and (S, 2, 2) D_s^-1, zero where a source has no weight.
    """
    source, count = links.source, links.source_count
    width, total = linear.index.shape[1], linear.parameter_count
    spread = np.zeros((count, 2, 2))
    sums = source_sums(weight, source, count)
    lit = sums[:, 0, 0] > 0.0
    spread[lit] = inverse_2x2(sums[lit])
    half = np.zeros_like(spread)
    half[lit] = np.linalg.cholesky(spread[lit])
    weighted = weight @ linear.columns
    moment = source_sums(np.einsum("nij,nj->ni", weight, linear.position), source, count)
    mean = np.einsum("sij,sj->si", spread, moment)
    difference = linear.position - mean[source]
    gradient = -np.einsum("nik,ni->nk", weighted, difference)
    right = np.bincount(linear.index.ravel(), gradient.ravel(), minlength=total).astype(float)
    # Y = half' W B, one block of rows per coordinate, so that detections need no reordering
    shared = np.einsum("nji,njk->ink", half[source], weighted)
    pointer = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=count))]) * width
    both = [_rows(shared[axis], linear.index, pointer, total) for axis in range(2)]
    reduced = _square(sparse.vstack(both, format="csr"), total)
    own = np.einsum("nik,nil->nkl", weighted, linear.columns)
    row = np.repeat(linear.index, width, axis=1).ravel()
    column = np.tile(linear.index, (1, width)).ravel()
    direct = sparse.coo_matrix((own.ravel(), (row, column)), shape=(total, total)).tocsc()
    if isinstance(reduced, np.ndarray):
        direct = direct.tocoo()  # each entry once
        np.negative(reduced, out=reduced)
        reduced[direct.row, direct.col] += direct.data
        return reduced, right, spread
    return direct - reduced, right, spread


def solve_step(
    linear: Linear, links: Links, model: Model, motions: Motions, weight: FloatArray
) -> Step:
    """The least-squares solution of the linearised problem with its prior.

    Parameters
    ----------
    linear, links, model, motions
        The problem, and the motions it was linearised at.
    weight
        (N, 2, 2) inverse covariances times robust weights.
    """
    matrix, right, spread = normal_equations(linear, links, weight)
    factor = factorise(matrix, model.precision)
    delta = factor.solve(right - model.precision * motions.flat)
    after = linear.position + np.einsum("nik,nk->ni", linear.columns, delta[linear.index])
    moment = np.einsum("nij,nj->ni", weight, after)
    mean = np.einsum("sij,sj->si", spread, source_sums(moment, links.source, links.source_count))
    return Step(delta, after - mean[links.source], factor)
