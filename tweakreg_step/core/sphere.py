"""Directions on the sphere and the planes tangent to it.

Positions leave and enter this module in degrees ICRS and in arcsec in a tangent plane; radians
occur nowhere else in the package. A frame is a (3, 3) matrix with the rows east, north and
direction; tangent planes are gnomonic (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .arrays import FloatArray, IntArray


__all__ = [
    "ARCSEC",
    "angular_distance",
    "carried",
    "chord",
    "chord_angle",
    "directions",
    "frames_at",
    "frames_of",
    "from_plane",
    "mean_frames",
    "plane_jacobian",
    "ra_dec",
    "rotation_matrices",
    "rotation_vectors",
    "to_plane",
    "turn",
]

ARCSEC = 180.0 * 3600.0 / np.pi
"""Arcsec in a radian."""


def directions(ra: ArrayLike, dec: ArrayLike) -> FloatArray:
    """Unit vectors of positions.

    Parameters
    ----------
    ra, dec
        (...,) in degrees.

    Returns
    -------
    FloatArray
        (..., 3).
    """
    longitude, latitude = np.deg2rad(np.asarray(ra, float)), np.deg2rad(np.asarray(dec, float))
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    cosine, out = np.cos(latitude), np.empty((*latitude.shape, 3))
    out[..., 0], out[..., 1] = cosine * np.cos(longitude), cosine * np.sin(longitude)
    out[..., 2] = np.sin(latitude)
    return out


def ra_dec(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Positions in degrees, 0 <= ra < 360, of vectors (..., 3) of any length but zero."""
    ra = np.rad2deg(np.arctan2(vectors[..., 1], vectors[..., 0])) % 360.0
    dec = np.rad2deg(np.arctan2(vectors[..., 2], np.hypot(vectors[..., 0], vectors[..., 1])))
    return np.where(ra >= 360.0, 0.0, ra), dec


def frames_at(ra: ArrayLike, dec: ArrayLike) -> FloatArray:
    """Frames (..., 3, 3) with the rows east, north and direction; defined at the poles, too.

    Parameters
    ----------
    ra, dec
        (...,) in degrees. At a pole `ra` says where east is.
    """
    longitude, latitude = np.deg2rad(np.asarray(ra, float)), np.deg2rad(np.asarray(dec, float))
    cos_ra, sin_ra = np.cos(longitude), np.sin(longitude)
    cos_dec, sin_dec = np.cos(latitude), np.sin(latitude)
    east = np.stack([-sin_ra, cos_ra, np.zeros_like(cos_ra)], axis=-1)
    north = np.stack([-sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec], axis=-1)
    out = np.stack([cos_dec * cos_ra, cos_dec * sin_ra, sin_dec], axis=-1)
    return np.stack([east, north, out], axis=-2)


def frames_of(vectors: FloatArray) -> FloatArray:
    """Frames (..., 3, 3) at vectors (..., 3) of any length; where that is zero, at RA = Dec = 0."""
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    across = np.hypot(x, y)
    length = np.hypot(across, z)
    if np.any(length == 0.0):
        return frames_of(np.where((length == 0.0)[..., None], [1.0, 0.0, 0.0], vectors))
    pole = across == 0.0
    cos_ra = np.where(pole, 1.0, x) / np.where(pole, 1.0, across)
    sin_ra = y / np.where(pole, 1.0, across)
    cos_dec, sin_dec = across / length, z / length
    out = np.zeros((*x.shape, 3, 3))
    out[..., 0, 0], out[..., 0, 1] = -sin_ra, cos_ra
    out[..., 1, 0], out[..., 1, 1], out[..., 1, 2] = -sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 2] = cos_dec * cos_ra, cos_dec * sin_ra, sin_dec
    return out


def mean_frames(vectors: FloatArray, label: IntArray, count: int) -> FloatArray:
    """Frames (count, 3, 3) at the mean direction of the vectors of each label.

    Parameters
    ----------
    vectors, label
        (N, 3) and (N,), 0 to `count` - 1. A label without vectors gets an arbitrary frame.
    """
    sums = [np.bincount(label, axis, minlength=count) for axis in vectors.T]
    middle = np.stack(sums, axis=1).astype(float)
    middle[~np.any(middle, axis=1)] = (1.0, 0.0, 0.0)
    return frames_of(middle)


def to_plane(vectors: FloatArray, frames: FloatArray) -> FloatArray:
    """Gnomonic projection xi = (v . east) / (v . direction), eta = (v . north) / (v . direction).

    Parameters
    ----------
    vectors
        (N, 3), of any length.
    frames
        (3, 3) or (N, 3, 3).

    Returns
    -------
    FloatArray
        (N, 2) in arcsec.
    """
    # written out: einsum takes twice as long for three coordinates
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    east, north, depth = (
        frames[..., i, 0] * x + frames[..., i, 1] * y + frames[..., i, 2] * z for i in range(3)
    )
    out = np.empty((*depth.shape, 2))
    out[..., 0], out[..., 1] = ARCSEC * east / depth, ARCSEC * north / depth
    return out


def from_plane(positions: FloatArray, frames: FloatArray) -> FloatArray:
    """Unit vectors (N, 3) of positions (N, 2) [arcsec] in the tangent planes of the frames."""
    xi, eta = positions[..., 0] / ARCSEC, positions[..., 1] / ARCSEC
    x, y, z = (
        xi * frames[..., 0, i] + eta * frames[..., 1, i] + frames[..., 2, i] for i in range(3)
    )
    length = np.sqrt(x * x + y * y + z * z)
    out = np.empty((*length.shape, 3))
    out[..., 0], out[..., 1], out[..., 2] = x / length, y / length, z / length
    return out


def carried(frames: FloatArray, shifts: FloatArray) -> FloatArray:
    """Frames turned with the sphere so that their tangent points move along great circles.

    Parameters
    ----------
    frames
        (..., 3, 3).
    shifts
        (..., 2) where the tangent points go, in their planes [arcsec].

    Returns
    -------
    FloatArray
        (..., 3, 3); directions across the way keep theirs.
    """
    length = np.linalg.norm(shifts, axis=-1, keepdims=True)
    way = np.divide(shifts, length, out=np.zeros_like(shifts, dtype=float), where=length > 0.0)
    angle = np.arctan(length / ARCSEC)
    along = np.einsum("...i,...ij->...j", way, frames[..., :2, :])
    centre = frames[..., 2, :]
    turned = np.cos(angle) * along - np.sin(angle) * centre
    axes = frames[..., :2, :] + way[..., :, None] * (turned - along)[..., None, :]
    there = np.cos(angle) * centre + np.sin(angle) * along
    return np.concatenate([axes, there[..., None, :]], axis=-2)


def plane_jacobian(positions: FloatArray, origin: FloatArray, target: FloatArray) -> FloatArray:
    """Derivative of positions in one tangent plane with respect to positions in another.

    With q = direction + (xi east + eta north) of the origin's frame and x = (q . e) / (q . u) in
    the target's, dx/dxi = (east . e - x east . u) / (q . u).

    Parameters
    ----------
    positions
        (N, 2) in the plane of `origin` [arcsec].
    origin, target
        (3, 3) or (N, 3, 3), frames.

    Returns
    -------
    FloatArray
        (N, 2, 2), dimensionless: row = coordinate of the target, column = of the origin.
    """
    # written out: products of 3 x 3 matrices take twice as long
    xi, eta = positions[..., 0] / ARCSEC, positions[..., 1] / ARCSEC
    east, north, out = ([origin[..., i, j] for j in range(3)] for i in range(3))
    place = [xi * a + eta * b + c for a, b, c in zip(east, north, out, strict=True)]
    axes = [[target[..., i, j] for j in range(3)] for i in range(3)]
    there = [_product(axis, place) for axis in axes]
    inverse = 1.0 / there[2]
    slope = np.empty((*inverse.shape, 2, 2))
    for k, side in enumerate((east, north)):
        depth = _product(axes[2], side) * inverse
        for i in range(2):
            slope[..., i, k] = (_product(axes[i], side) - there[i] * depth) * inverse
    return slope


def _product(one: list[FloatArray], other: list[FloatArray]) -> FloatArray:
    """Scalar product of vectors given by their three coordinates."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def chord(angle: ArrayLike) -> FloatArray:
    """Distance of two unit vectors that are `angle` [arcsec] apart."""
    return np.asarray(2.0 * np.sin(0.5 * np.asarray(angle, float) / ARCSEC))


def chord_angle(length: float) -> float:
    """Angle [arcsec] between unit vectors `length` apart, infinite for a length of 2 or more."""
    return float(np.rad2deg(2.0 * np.arcsin(0.5 * length)) * 3600.0) if length < 2.0 else np.inf


def angular_distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """Angles (...,) in arcsec between vectors (..., 3), exact for small and large ones."""
    cross = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(ARCSEC * np.arctan2(cross, np.sum(first * second, axis=-1)))


def rotation_matrices(vectors: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3) by vectors (..., 3): axis times angle [arcsec] (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True) / ARCSEC
    x, y, z = np.moveaxis(vectors / ARCSEC, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    cross = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    half = np.sinc(angle / (2.0 * np.pi))[..., None]
    full = np.sinc(angle / np.pi)[..., None]
    return np.asarray(np.eye(3) + full * cross + 0.5 * half**2 * (cross @ cross))


def rotation_vectors(matrices: FloatArray) -> FloatArray:
    """Axis times angle (..., 3) [arcsec] of rotations (..., 3, 3), angles below 90 degrees."""
    skew = 0.5 * (matrices - np.swapaxes(matrices, -1, -2))
    vectors = np.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], axis=-1)
    sine = np.clip(np.linalg.norm(vectors, axis=-1, keepdims=True), 0.0, 1.0)
    return np.asarray(ARCSEC * vectors / np.sinc(np.arcsin(sine) / np.pi))


def turn(angle: float) -> FloatArray:
    """Rotation (2, 2) of a plane by an angle [deg], counter-clockwise."""
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([[cosine, -sine], [sine, cosine]])
