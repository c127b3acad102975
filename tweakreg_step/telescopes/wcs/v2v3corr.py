"""Correction of an image's WCS from the motion of its group; a GWCS gets the frame ``v2v3corr``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import move

from .fits_plane import FitsPlane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Plane

    Affine = tuple[FloatArray, FloatArray]

__all__ = ["correct", "put"]

# Points along each axis of the image at which the motion is evaluated. An affine transformation in
# the image's own tangent plane represents a rigid motion of the sky to better than 0.001 mas.
GRID = 5


def correct(
    plane: Plane,
    centre: tuple[float, float],
    motion: Affine,
    detector_motion: Affine | None,
) -> None:
    """Correct an image's WCS by the motion of its detector, followed by that of its group.

    The affine transformation in the image's own tangent plane is fitted to the motion on the sky
    over the whole image. Converting it from the plane of the group with the derivative at one point
    would turn a common motion into a slightly different one for each detector.

    Parameters
    ----------
    plane
        Plane of the image; the WCS in its corrector is replaced.
    centre
        Tangent point of the group, RA and DEC [deg].
    motion
        Matrix (2, 2) and shift (2,) [arcsec] in the plane tangent there, axes east and north.
    detector_motion
        Matrix and shift in the detector's own V2-V3 plane, or None.
    """
    (xmin, xmax), (ymin, ymax) = plane.limits
    x, y = np.meshgrid(np.linspace(xmin, xmax, GRID), np.linspace(ymin, ymax, GRID))
    before = plane.from_pixels(x.ravel(), y.ravel())
    inner = before
    if detector_motion is not None:
        turn, origin = plane.to_detector()
        matrix, shift = detector_motion
        inner = ((before - origin) @ turn.T @ matrix.T + shift) @ turn + origin
    ra, dec = move(*plane.to_sky(inner), centre, *motion)
    put(plane, x.ravel(), y.ravel(), ra, dec)


def put(plane: Plane, x: FloatArray, y: FloatArray, ra: FloatArray, dec: FloatArray) -> None:
    """Correct an image's WCS so that pixels lie where they are wanted, by least squares.

    Parameters
    ----------
    plane
        Plane of the image; the WCS in its corrector is replaced.
    x, y
        (N,) pixels, not on one line.
    ra, dec
        (N,) where they shall lie [deg].
    """
    if isinstance(plane, FitsPlane):
        plane.put(x, y, ra, dec)
        return
    matrix, shift = _affine(plane.from_pixels(x, y), plane.from_sky(ra, dec))
    plane.corrector.set_correction(matrix=matrix, shift=shift)


def _affine(before: FloatArray, after: FloatArray) -> Affine:
    """Matrix and shift of the least-squares affine from positions (N, 2) to positions (N, 2)."""
    mean = before.mean(axis=0)
    slopes = np.linalg.lstsq(before - mean, after - after.mean(axis=0), rcond=None)[0].T
    return slopes, after.mean(axis=0) - slopes @ mean
