"""The plane of an image with a FITS WCS, and its correction.

A FITS WCS bends the pixels (SIP, lookup tables), multiplies by a matrix, and lays the plane so
reached on the sky at its reference position. A motion of the image on the sky is therefore another
reference position and another matrix; that is exact for rotations of the sky, however large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane, turn

from .tangent_plane import CorrectorPlane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["FitsPlane", "put_linear"]

ROUNDS = 4
"""Each makes the shift that is left smaller by the curvature of the sky over the last one."""


@dataclass(frozen=True, slots=True)
class FitsPlane(CorrectorPlane):
    """A FITS WCS in its tweakwcs corrector; the plane is tangent at its reference position.

    Axes east and north [arcsec].
    """

    def from_pixels(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of pixels x, y (N,)."""
        return self._undistorted(x, y) @ self._matrix.T

    def from_sky(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of RA and DEC (N,) [deg]."""
        return to_plane(directions(ra, dec), self._frame)

    def to_sky(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC (N,) [deg] of positions (N, 2) [arcsec] in the plane."""
        return ra_dec(from_plane(positions, self._frame))

    def to_detector(self) -> tuple[FloatArray, FloatArray]:
        """Transformation u = matrix (t - centre) from the plane to one that is fixed to the chip.

        Its second axis is along the chip's columns.

        Returns
        -------
        matrix
            (2, 2), a rotation.
        centre
            (2,) of the image, in its plane [arcsec].
        """
        (xmin, xmax), (ymin, ymax) = self.limits
        middle = np.array([0.5 * (xmin + xmax)]), np.array([0.5 * (ymin + ymax)])
        east, north = self._matrix[:, 1]
        return turn(np.rad2deg(np.arctan2(east, north))), self.from_pixels(*middle)[0]

    def put(self, x: FloatArray, y: FloatArray, ra: FloatArray, dec: FloatArray) -> None:
        """Correct the WCS so that pixels x, y (N,) lie at RA and DEC (N,) [deg]."""
        pixels, goal = self._undistorted(x, y), directions(ra, dec)
        matrix, crval = self._matrix, np.array(self.corrector.wcs.wcs.crval, float)
        design = np.column_stack([pixels, np.ones(len(pixels))])
        for _ in range(ROUNDS):
            frame = frames_at(*crval)
            solution = np.linalg.lstsq(design, to_plane(goal, frame), rcond=None)[0]
            matrix, shift = np.asarray(solution[:2].T), solution[2]
            crval = np.array(ra_dec(from_plane(shift, frame)))
        put_linear(self.corrector.wcs, crval, matrix / 3600.0)

    @property
    def _matrix(self) -> FloatArray:
        """(2, 2) [arcsec per pixel]."""
        return np.asarray(3600.0 * self.corrector.wcs.pixel_scale_matrix)

    @property
    def _frame(self) -> FloatArray:
        """(3, 3) at the reference position."""
        return frames_at(*self.corrector.wcs.wcs.crval)

    def _undistorted(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Pixels (N, 2) without distortion, from the reference pixel."""
        wcs = self.corrector.wcs
        return np.asarray(np.stack(wcs.pix2foc(x, y, 0), axis=-1) - (wcs.wcs.crpix - 1.0))


def put_linear(wcs: Any, crval: FloatArray, matrix: FloatArray) -> None:
    """Replace the reference position (2,) [deg] and the matrix (2, 2) [deg per pixel] of a WCS."""
    wcs.wcs.crval = crval
    if wcs.wcs.has_cd():
        wcs.wcs.cd = matrix
    else:
        wcs.wcs.pc = matrix / np.asarray(wcs.wcs.cdelt)[:, None]
    wcs.wcs.set()
