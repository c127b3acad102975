"""The Cramer-Rao bound: the least covariance that any unbiased alignment can have.

It holds for a known association of detections to sources and for the catalogs' own errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import factorise, inverse_2x2
from tweakreg_step.core.correction import design, parameter_count, prior_precision
from tweakreg_step.core.sphere import directions, frames_at, frames_of, plane_jacobian, to_plane

from .covariance import covariance_of, gauged
from .field_motion import field_motion
from .gauge import common_basis
from .hierarchy import Model, Motions, linearise
from .links import link
from .normal_equations import normal_equations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.solution import Solution

    from .covariance import Covariance
    from .field_motion import FieldMotion

__all__ = ["Bound", "achieved_and_achievable", "bound", "displacement_covariance", "without_common"]


def achieved_and_achievable(
    solution: Solution, detections: Detections, reference: Reference | None
) -> tuple[FloatArray, FloatArray]:
    """Standard deviation (G,) of each group's positions: that of the solution, and the bound [mas].

    Per axis, rms over the group's detections. The bound is for the association that was found, the
    catalogs' errors and no detector motion. NaN for groups that are not aligned. Where groups were
    moved onto the reference as one body, both are of their alignment to each other.

    Parameters
    ----------
    solution
        The solution.
    detections, reference
        The catalogs it was made from.
    """
    if (solution.detections.source < 0).all():
        unknown = np.full(len(solution.groups.ra), np.nan)
        return unknown, unknown
    stars = None if reference is None else (reference, solution.reference_star)
    centres = solution.groups.ra, solution.groups.dec
    source, field = solution.detections.source, None
    if solution.levels.field is not None:
        field = field_motion(detections, solution.groups.component >= 0)
        spread = max(1e-3 * solution.levels.field.scatter_mas, 1e-6) ** 2
        field = field and replace(field, spread=spread)
    limit = bound(detections, source, centres, solution.geometry, stars, field=field)
    starred = bool((solution.reference_star >= 0).any())
    ties = solution.groups.component, solution.groups.anchored & starred
    weight = solution.groups.gauge
    theta = np.nan_to_num(solution.groups.parameters)
    every = np.arange(len(theta))
    blocks = gauged(limit.parameter_covariance, limit.model, ties, weight, theta).blocks(
        every, every
    )
    aligned = solution.groups.component >= 0
    return (
        _displacement(limit.model, detections, solution.groups.covariance, aligned),
        _displacement(limit.model, detections, blocks, aligned),
    )


def _displacement(
    model: Model, detections: Detections, covariance: FloatArray, aligned: NDArray[np.bool_]
) -> FloatArray:
    group, count = detections.group, len(covariance)
    local = to_plane(directions(detections.ra, detections.dec), model.frames[group])
    slope = design(model.geometry, np.zeros((len(group), covariance.shape[1])), local)
    safe = np.where(aligned[:, None, None], covariance, 0.0)
    variance = np.einsum("nik,nkl,nil->n", slope, safe[group], slope) / 2.0
    size = np.bincount(group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, variance, minlength=count) / size
    return np.asarray(np.where(aligned, 1e3 * np.sqrt(np.maximum(mean, 0.0)), np.nan))


@dataclass(frozen=True, slots=True)
class Bound:
    """The Cramer-Rao bound of the groups' parameters.

    Attributes
    ----------
    model
        The groups' tangent planes and the geometry.
    parameter_covariance
        Bound of their covariance; common motions have the variance of the prior.
    """

    model: Model
    parameter_covariance: Covariance

    @property
    def covariance(self) -> FloatArray:
        """The whole matrix (G p, G p), for scenes in which it fits into memory."""
        return self.parameter_covariance.dense()


def bound(  # noqa: PLR0913 - the detections, what is known of them, and what is expected
    detections: Detections,
    source: IntArray,
    centres: tuple[FloatArray, FloatArray],
    geometry: str,
    reference: tuple[Reference, IntArray] | None = None,
    prior: tuple[float, float, float] = (0.3, 100.0, 1e-4),
    *,
    field: FieldMotion | None = None,
) -> Bound:
    """The Cramer-Rao bound for a known association of detections to sources.

    Parameters
    ----------
    detections, source
        N detections and their true sources (N,), -1 for those of none.
    centres
        Right ascension and declination (G,) of the groups' tangent points [degrees].
    geometry
        Fit geometry of the corrections.
    reference
        The reference catalog, and the star (S,) of each source, -1 where none.
    prior
        Standard deviations of the pointing, see `tweakreg_step.core.correction.prior_precision`.
    field
        The motion of the sources, None where they stand still.
    """
    count = len(centres[0])
    catalog, star = reference or (None, np.full(int(source.max()) + 1, -1))
    links, _ = link(detections, source, catalog, star, field)
    width = parameter_count(geometry)
    precision = np.broadcast_to(prior_precision(geometry, prior), (count, width))
    levels = () if field is None else (field,)
    model = Model(frames_at(*centres), geometry, precision, levels)
    motions = Motions(np.zeros((count, width)), tuple(np.zeros(one.prior.shape) for one in levels))
    linear = linearise(links, model, motions)
    turned = linear.transform @ links.covariance @ np.swapaxes(linear.transform, 1, 2)
    matrix, _, _ = normal_equations(linear, links, inverse_2x2(turned))
    return Bound(model, covariance_of(factorise(matrix, model.precision), width))


def _displacements(model: Model, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Derivative (K, 2, p) of positions (east, north) with respect to their group's parameters."""
    frames = model.frames[group]
    local = to_plane(vectors, frames)
    zero = np.zeros((len(group), parameter_count(model.geometry)))
    outward = plane_jacobian(local, frames, frames_of(vectors))
    return np.asarray(outward @ design(model.geometry, zero, local))


def displacement_covariance(limit: Bound, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Covariance (2 K, 2 K) [arcsec^2] of the positions of K points, east and north alternating.

    Parameters
    ----------
    limit
        The bound of the parameters.
    group, vectors
        (K,) groups of the points, and their directions (K, 3).
    """
    slope = _displacements(limit.model, group, vectors)
    width = slope.shape[2]
    column = np.repeat(group[:, None] * width + np.arange(width), 2, axis=0)
    pointer = width * np.arange(len(column) + 1)
    flat = sparse.csr_matrix(
        (slope.ravel(), column.ravel(), pointer),
        shape=(len(column), limit.parameter_covariance.size),
    )
    return np.asarray(flat @ limit.parameter_covariance.product(flat.T.toarray()))


def without_common(model: Model, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Projection (2 K, 2 K) of displacements of K points that removes any common motion."""
    basis = common_basis(model.frames, model.geometry)[group]
    flat = (_displacements(model, group, vectors) @ basis).reshape(2 * len(group), -1)
    column, _ = np.linalg.qr(flat / np.linalg.norm(flat, axis=0))
    return np.asarray(np.eye(len(column)) - column @ column.T)
