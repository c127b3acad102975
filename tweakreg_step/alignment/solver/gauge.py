"""The gauge: how the common motion of a component without reference stars is fixed.

The data do not determine the motion of such a component of the overlap graph as a whole. Its
corrections are solved with the pointing prior and then re-gauged (S-transformation; Baarda 1973): a
common motion g, chosen so that the weighted mean of all corrections, or the correction of one
group, is zero, is applied to every group; the covariance becomes S C S', with S = 1 - G K and
K = (G' P G)^-1 G' P.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine, parameter_count, parameters_of
from tweakreg_step.core.sphere import (
    ARCSEC,
    frames_of,
    from_plane,
    plane_jacobian,
    rotation_matrices,
    to_plane,
)

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray


__all__ = ["apply_common", "common_basis", "projector", "regauge"]


def _centre_frame(frames: FloatArray) -> FloatArray:
    return frames_of(frames[:, 2].mean(axis=0))


def _linear_part(generator: FloatArray, count: int) -> FloatArray:
    """Roll, scale, stretch and shear of matrices (..., 2, 2): the first `count - 2` of them."""
    a, b = generator[..., 0, 0], generator[..., 0, 1]
    c, d = generator[..., 1, 0], generator[..., 1, 1]
    parts = np.stack([c - b, a + d, a - d, b + c], axis=-1) / 2.0
    return np.asarray(parts[..., : count - 2])


def common_basis(frames: FloatArray, geometry: str, theta: FloatArray | None = None) -> FloatArray:
    """Derivative (G, p, q) of the groups' parameters with respect to a common motion of the sky.

    The first three motions are rotations of the sphere, which are exact at any distance: about
    north (moves east) and about -east (moves north) by 1 arcsec, about the centre by 1 radian.
    Scale, stretch and shear act in the plane tangent at the component's centre.

    Parameters
    ----------
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    geometry
        Fit geometry of the corrections.
    theta
        (G, p) parameters at which the derivative is taken; None: zero. Taken at zero, a roll that
        is known to 100 arcsec only and a shift of 0.3 arcsec would leave 0.15 mas of the prior in
        the covariance.
    """
    count = parameter_count(geometry)
    centre = _centre_frame(frames)
    axes = np.stack([centre[1] / ARCSEC, -centre[0] / ARCSEC, centre[2]])
    start = np.zeros((len(frames), count)) if theta is None else theta
    matrix, shift = affine(geometry, start)
    where = from_plane(shift, frames)
    path = ARCSEC * np.cross(axes[:, None, :], where[None, :, :])
    basis = np.zeros((len(frames), count, max(count, 3)))
    basis[:, :2, :3] = np.einsum("kgj,gij->gik", path, frames[:, :2])
    turn = frames[:, 2] @ axes.T
    if count == 6:
        spin = affine("general", np.eye(6)[2])[0] - np.eye(2)
        basis[:, 2:, :3] = _linear_part(spin @ matrix, 6)[:, :, None] * turn[:, None, :]
    elif count > 2:
        basis[:, 2, :3] = turn
    there = to_plane(where, centre)
    outward = plane_jacobian(there, centre, frames)
    for extra in range(3, count):
        generator = affine("general", np.eye(6)[extra])[0] - np.eye(2)
        basis[:, :2, extra] = np.einsum("gij,gj->gi", outward, there @ generator.T)
        local = outward @ generator @ np.linalg.inv(outward)
        local = local @ matrix if count == 6 else local
        basis[:, 2:, extra] = _linear_part(local, count)
    return basis[:, :, :count]


def projector(basis: FloatArray, precision: FloatArray) -> FloatArray:
    """Projection K (q, G p) of the S-transformation, for a basis (G, p, q) and weights (G, p)."""
    flat = basis.reshape(-1, basis.shape[2])
    weighted = flat * precision.reshape(-1, 1)
    # Where the weights do not determine the common motion, the pseudo-inverse gives the smallest.
    scale = np.sqrt(np.maximum(np.einsum("ij,ij->j", flat, weighted), 1e-300))
    normal = (flat / scale).T @ (weighted / scale)
    return np.asarray((np.linalg.pinv(normal, rcond=1e-12) @ (weighted / scale).T) / scale[:, None])


def apply_common(
    frames: FloatArray, theta: FloatArray, geometry: str, common: FloatArray
) -> FloatArray:
    """Parameters (G, p) of the groups' motions followed by a common motion with parameters (q,)."""
    centre = _centre_frame(frames)
    full = np.zeros(6)
    full[: len(common)] = common
    vector = full[0] * centre[1] - full[1] * centre[0] + ARCSEC * full[2] * centre[2]
    turn = rotation_matrices(vector)
    matrix, shift = affine(geometry, theta)
    before = from_plane(shift, frames) @ turn.T
    # the plane that is tangent at the turned point, its axes turned along
    turned = frames @ turn.T
    stretch, _ = affine("general", np.concatenate([np.zeros(3), full[3:]]))
    middle = to_plane(before, centre)
    after = middle @ stretch.T
    inward = plane_jacobian(shift, turned, centre)
    outward = plane_jacobian(after, centre, frames)
    return parameters_of(
        geometry, outward @ stretch @ inward @ matrix, to_plane(from_plane(after, centre), frames)
    )


def regauge(
    frames: FloatArray, theta: FloatArray, geometry: str, precision: FloatArray
) -> FloatArray:
    """Parameters (G, p) of one component after the common motion that makes their mean zero.

    The mean is weighted with `precision` (G, p); a group whose weights are many orders above all
    others gets no correction.
    """
    for _ in range(4):  # the composition is exact, the projection linear: two rounds suffice
        projection = projector(common_basis(frames, geometry, theta), precision)
        theta = apply_common(frames, theta, geometry, -projection @ theta.ravel())
    return theta
