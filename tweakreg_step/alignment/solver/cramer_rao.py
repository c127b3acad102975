"""The Cramer-Rao bound: the least covariance that any unbiased alignment can have.

It holds for a known association of detections to sources and for the catalogs' own errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import factorise, inverse_2x2
from tweakreg_step.core.correction import design, parameter_count, prior_precision
from tweakreg_step.core.image_errors import displacement_terms
from tweakreg_step.core.sphere import directions, frames_at, frames_of, plane_jacobian, to_plane

from .covariance import covariance_of
from .gauge import common_basis
from .hierarchy import Model, Motions, linearise
from .images.errors import image_errors
from .links import link
from .motions.field_motion import field_motion
from .normal_equations import normal_equations

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.image_errors import ImageErrors
    from tweakreg_step.core.solution import Solution

    from .covariance import Covariance
    from .motions.field_motion import FieldMotion

__all__ = ["Bound", "achieved_and_achievable", "bound", "displacement_covariance", "without_common"]


def achieved_and_achievable(
    solution: Solution, detections: Detections, reference: Reference | None
) -> tuple[FloatArray, FloatArray]:
    """Standard deviation (G,) of each group's positions: that of the solution, and the bound [mas].

    Per axis, rms over the group's detections, of the images' errors that are claimed. The bound is
    for the association that was found, the errors of the catalogs, or smaller ones if they were
    found to be, and no detector motion. NaN for groups that are not aligned. Where groups were
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
    seen = _at_best(detections, solution.detections.inflation)
    stars = None
    if reference is not None:
        stars = _at_best(reference, solution.star_inflation), solution.reference_star
    centres = solution.groups.ra, solution.groups.dec
    source, field = solution.detections.source, None
    if solution.levels.field is not None:
        field = field_motion(detections, solution.groups.component >= 0)
        spread = max(1e-3 * solution.levels.field.scatter_mas, 1e-6) ** 2
        field = field and replace(field, spread=spread)
    limit = bound(seen, source, centres, solution.geometry, stars, field=field)
    anchored = solution.groups.anchored & bool((solution.reference_star >= 0).any())
    still = tuple(np.zeros(level.prior.shape) for level in limit.model.levels)
    theta = Motions(np.nan_to_num(solution.groups.parameters), still)
    solved = limit.model, theta, limit.parameter_covariance
    ties = solution.groups.component, anchored
    best = image_errors(detections, solved, ties, solution.groups.gauge)
    tied = np.zeros(len(best), bool)
    tied[detections.image] = anchored[detections.group]
    found = (
        np.where(tied[:, None, None], errors.absolute, errors.relative)
        for errors in (solution.images, best)
    )
    achieved, achievable = (
        _rms(detections, best, covariance, len(centres[0])) for covariance in found
    )
    return achieved, achievable


Catalog = TypeVar("Catalog", "Detections", "Reference")


def _at_best(catalog: Catalog, ratio: FloatArray) -> Catalog:
    """A catalog with its covariances times a ratio (N,), where that is below one."""
    return replace(catalog, covariance=catalog.covariance * np.minimum(ratio, 1.0)[:, None, None])


def _rms(
    detections: Detections, images: ImageErrors, covariance: FloatArray, count: int
) -> FloatArray:
    """Rms error (G,) per axis of groups at their detections [mas], of images' errors (I, 6, 6)."""
    image = detections.image
    frames = frames_at(np.nan_to_num(images.ra), np.nan_to_num(images.dec))
    place = to_plane(directions(detections.ra, detections.dec), frames[image])
    slope = displacement_terms(place)
    variance = 0.5 * np.einsum("nik,nkl,nil->n", slope, covariance[image], slope)
    number = np.bincount(detections.group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(detections.group, variance, minlength=count) / number
        return np.asarray(1e3 * np.sqrt(np.maximum(mean, 0.0)))


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
