"""What no alignment can beat: the Cramer-Rao bound of a scene with known identifications.

With the true sources and the true errors the inverse of the reduced normal matrix is the least
covariance of any unbiased estimate; of an estimable combination J theta it is J H^+ J'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from tweakreg_step.associate import link
from tweakreg_step.covariance import covariance_of
from tweakreg_step.factor import factorise
from tweakreg_step.gauge import common_basis
from tweakreg_step.solve import (
    Model,
    Motions,
    inverse_2x2,
    linearise,
    normal_equations,
)

from .core.correction import design, parameter_count, prior_precision
from .core.sphere import frames_at, frames_of, plane_jacobian, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.covariance import Covariance

    from .core.detections import Detections, Reference


__all__ = ["Bound", "bound", "displacement_covariance", "without_common"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The least covariance.

    Attributes
    ----------
    model
        The groups' tangent planes and the geometry.
    known
        Covariance of all groups' parameters, common motions included at the prior's width.
    """

    model: Model
    known: Covariance

    @property
    def covariance(self) -> FloatArray:
        """All of it (G p, G p), of a scene that is small enough."""
        return self.known.whole()


def bound(
    detections: Detections,
    source: IntArray,
    centres: tuple[FloatArray, FloatArray],
    geometry: str,
    reference: tuple[Reference, IntArray] | None = None,
    prior: tuple[float, float, float] = (0.3, 100.0, 1e-4),
) -> Bound:
    """The Cramer-Rao bound for known identifications.

    Parameters
    ----------
    detections, source
        N detections and their true sources (N,), -1 for those of none.
    centres
        Right ascension and declination (G,) of the groups' tangent points [degrees].
    geometry
        Of the corrections.
    reference
        The catalog, and the star (S,) of each source, -1 where none.
    prior
        Standard deviations of the pointing, see `tweakreg_step.core.correction.prior_precision`.
    """
    count = len(centres[0])
    catalog, star = reference or (None, np.full(int(source.max()) + 1, -1))
    links, _ = link(detections, source, catalog, star)
    width = parameter_count(geometry)
    precision = np.broadcast_to(prior_precision(geometry, prior), (count, width))
    model = Model(frames_at(*centres), geometry, "none", precision, np.zeros((0, 0)))
    motions = Motions(np.zeros((count, width)), np.zeros((0, 0)))
    linear = linearise(links, model, motions)
    turned = linear.transform @ links.covariance @ np.swapaxes(linear.transform, 1, 2)
    matrix, _, _ = normal_equations(linear, links, inverse_2x2(turned))
    return Bound(model, covariance_of(factorise(matrix, model.precision), width))


def _displacements(model: Model, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Derivative (K, 2, p) of positions, east and north there, by the parameters of their group."""
    frames = model.frames[group]
    local = to_plane(vectors, frames)
    zero = np.zeros((len(group), parameter_count(model.geometry)))
    outward = plane_jacobian(local, frames, frames_of(vectors))
    return np.asarray(outward @ design(model.geometry, zero, local))


def displacement_covariance(limit: Bound, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Covariance (2 K, 2 K) [arcsec^2] of the positions of K points, east and north in turn.

    Parameters
    ----------
    limit
        Of the parameters.
    group, vectors
        (K,), (K, 3): the points and the groups they move with.
    """
    slope = _displacements(limit.model, group, vectors)
    width = slope.shape[2]
    column = np.repeat(group[:, None] * width + np.arange(width), 2, axis=0)
    pointer = width * np.arange(len(column) + 1)
    flat = sparse.csr_matrix(
        (slope.ravel(), column.ravel(), pointer), shape=(len(column), limit.known.size)
    )
    return np.asarray(flat @ limit.known.product(flat.T.toarray()))


def without_common(model: Model, group: IntArray, vectors: FloatArray) -> FloatArray:
    """Projection (2 K, 2 K) of displacements of K points that removes any common motion."""
    basis = common_basis(model.frames, model.geometry)[group]
    flat = (_displacements(model, group, vectors) @ basis).reshape(2 * len(group), -1)
    column, _ = np.linalg.qr(flat / np.linalg.norm(flat, axis=0))
    return np.asarray(np.eye(len(column)) - column @ column.T)
