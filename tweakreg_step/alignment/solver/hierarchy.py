"""Nested motions: what moves each detection, and how its place on the sky depends on that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import source_sums
from tweakreg_step.core.correction import affine, design
from tweakreg_step.core.sphere import ARCSEC, frames_of, from_plane, plane_jacobian, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .links import Links

__all__ = ["Linear", "Model", "Motions", "linearise", "moved_directions"]


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
