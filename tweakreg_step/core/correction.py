"""Corrections of groups: parameters, affine transformation, derivative, prior, effect on the sky.

A correction takes the position d [arcsec] in the plane tangent to the sphere at a centre, axes
east and north, to M d, and then turns the sphere so that the centre goes to s along a great circle.
In the plane this is M d + s but for terms of s d^2, 1 mas for 20 arcsec half a degree away: so a
rigid motion leaves all distances as they are in fields of any size. Its parameters are, in this
order,

    shift     s_east, s_north [arcsec]
    rshift    + roll a:                M = R(a)
    rscale    + scale k:               M = exp(k) R(a)
    general   + stretch b, shear c:    M = (1 + k) 1 + a J + b K + c L

with J = ((0, -1), (1, 0)), K = diag(1, -1), L = ((0, 1), (1, 0)). All but the shift are
dimensionless; a roll of 1 turns by one radian.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .sphere import carried, directions, frames_at, from_plane, ra_dec, to_plane

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .arrays import FloatArray


__all__ = [
    "GEOMETRIES",
    "affine",
    "design",
    "design_in",
    "move",
    "parameter_count",
    "parameters_of",
    "prior_precision",
]

GEOMETRIES = {"none": 0, "shift": 2, "rshift": 3, "rscale": 4, "general": 6}
"""Number of parameters of each geometry."""

_QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
_STRETCH = np.array([[1.0, 0.0], [0.0, -1.0]])
_SHEAR = np.array([[0.0, 1.0], [1.0, 0.0]])
_GENERAL = np.stack([_QUARTER_TURN, np.eye(2), _STRETCH, _SHEAR])


def parameter_count(geometry: str) -> int:
    """Number of parameters of a geometry.

    Raises
    ------
    ValueError
        If the geometry is none of `GEOMETRIES`.
    """
    if geometry not in GEOMETRIES:
        raise ValueError(f"The geometry is '{geometry}', but one of {list(GEOMETRIES)} is needed.")
    return GEOMETRIES[geometry]


def affine(geometry: str, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Matrices (..., 2, 2) and shifts (..., 2) [arcsec] from parameters (..., p)."""
    lead = theta.shape[:-1]
    if parameter_count(geometry) == 0:
        return np.broadcast_to(np.eye(2), (*lead, 2, 2)).copy(), np.zeros((*lead, 2))
    shift = theta[..., :2].copy()
    if geometry == "general":
        return np.eye(2) + np.einsum("...k,kij->...ij", theta[..., 2:], _GENERAL), shift
    roll = theta[..., 2] if theta.shape[-1] > 2 else np.zeros(lead)
    scale = np.exp(theta[..., 3]) if theta.shape[-1] > 3 else np.ones(lead)
    cosine, sine = scale * np.cos(roll), scale * np.sin(roll)
    rows = [np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)]
    return np.stack(rows, axis=-2), shift


def parameters_of(geometry: str, matrix: FloatArray, shift: FloatArray) -> FloatArray:
    """Parameters (..., p) of affines (..., 2, 2), (..., 2); the inverse of `affine`.

    Components that the geometry does not have are dropped.
    """
    if geometry == "general":
        rest = np.einsum("...ij,kij->...k", matrix - np.eye(2), _GENERAL) / 2.0
        return np.concatenate([shift, rest], axis=-1)
    cosine = matrix[..., 0, 0] + matrix[..., 1, 1]
    sine = matrix[..., 1, 0] - matrix[..., 0, 1]
    rest = np.stack([np.arctan2(sine, cosine), np.log(0.5 * np.hypot(sine, cosine))], axis=-1)
    return np.concatenate([shift, rest], axis=-1)[..., : parameter_count(geometry)]


def design(geometry: str, theta: FloatArray, positions: FloatArray) -> FloatArray:
    """Derivative (N, 2, p) of M d + s with respect to the parameters.

    In the plane tangent where the centre goes, the same but for d^2, 5e-5 at half a degree.

    Parameters
    ----------
    geometry
        One of `GEOMETRIES`.
    theta
        (N, p) parameters at which the derivative is taken, for each position.
    positions
        (N, 2) positions d [arcsec].
    """
    turned = np.einsum("nij,nj->ni", affine(geometry, theta)[0], positions)
    plane = np.broadcast_to(np.eye(2), (len(positions), 2, 2))
    return design_in(plane, geometry, turned, positions)


def design_in(
    plane: FloatArray, geometry: str, turned: FloatArray, positions: FloatArray
) -> FloatArray:
    """The derivative (N, 2, p) of positions in another plane.

    Parameters
    ----------
    plane
        (N, 2, 2) derivative of positions there with respect to positions M d + s.
    geometry
        One of `GEOMETRIES`.
    turned, positions
        (N, 2) M d and d [arcsec].
    """
    count = parameter_count(geometry)
    columns = np.empty((len(positions), 2, count))
    columns[:, :, :2] = plane[:, :, :count]
    if geometry == "general":
        columns[:, :, 2:] = plane @ np.einsum("kij,nj->nik", _GENERAL, positions)
    elif count > 2:
        x, y = turned[:, :1], turned[:, 1:]
        columns[:, :, 2] = plane[:, :, 1] * x - plane[:, :, 0] * y  # a quarter turn of M d
        if count > 3:
            columns[:, :, 3] = plane[:, :, 0] * x + plane[:, :, 1] * y
    return columns


def prior_precision(geometry: str, sigmas: tuple[float, float, float]) -> FloatArray:
    """Inverse prior variances (p,) of the parameters.

    Parameters
    ----------
    geometry
        One of `GEOMETRIES`.
    sigmas
        Prior standard deviations of the shift per axis [arcsec], of the roll [arcsec as angle]
        and of the scale; stretch and shear have the scale's.
    """
    shift, roll, scale = sigmas
    turn = np.deg2rad(roll / 3600.0)
    sigma = np.array([shift, shift, turn, scale, scale, scale])[: parameter_count(geometry)]
    return 1.0 / sigma**2


def move(
    ra: ArrayLike,
    dec: ArrayLike,
    centre: tuple[float, float],
    matrix: FloatArray,
    shift: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Positions on the sky after a correction about `centre`.

    Parameters
    ----------
    ra, dec
        (N,) before the correction [degrees].
    centre
        Right ascension and declination of the tangent point [degrees].
    matrix, shift
        (2, 2) and (2,) [arcsec] of the correction, axes east and north.

    Returns
    -------
    ra, dec
        (N,) after the correction [degrees].
    """
    frame = frames_at(*centre)
    positions = to_plane(np.atleast_2d(directions(ra, dec)), frame) @ np.asarray(matrix).T
    moved_ra, moved_dec = ra_dec(from_plane(positions, carried(frame, np.asarray(shift, float))))
    shape = np.shape(ra)
    return moved_ra.reshape(shape), moved_dec.reshape(shape)
