"""The plane tangent to the sky in which an image's correction is defined.

It is the plane of tweakwcs's correctors [arcsec, axes turned to the image's roll], with one
difference: once an image has a correction, their ``det_to_tanp`` and ``world_to_tanp`` apply it a
second time, while ``set_correction`` composes with it once. Motions fitted in their plane then have
the error of the commutator of the two corrections, 0.1 mas for 0.3" and 90". Here the second
application is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import directions, frames_of, to_plane, turn

from .delivered import present_correction

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["CorrectorPlane", "box_of", "sky_of"]


@dataclass(frozen=True, slots=True)
class CorrectorPlane:
    """The present WCS of an image in its corrector, and the plane of its correction.

    Attributes
    ----------
    corrector
        Its WCS is replaced where the image is corrected.
    box
        Limits of the image in pixels, None where nothing tells them.
    """

    corrector: Any
    box: BoundingBox | None

    @property
    def limits(self) -> BoundingBox:
        """Limits of the image in pixels.

        Raises
        ------
        ValueError
            If they are not known.
        """
        if self.box is None:
            raise ValueError("The image has neither a bounding box nor sources, but needs limits.")
        return self.box

    @property
    def bounding_box(self) -> BoundingBox | None:
        """Limits of the image in pixels as its WCS has them, None where it has none."""
        box: BoundingBox | None = self.corrector.bounding_box
        return box

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel in the middle of the image [arcsec], NaN where unknown."""
        if self.box is None:
            return float("nan")
        (xmin, xmax), (ymin, ymax) = self.box
        x, y = 0.5 * (xmin + xmax), 0.5 * (ymin + ymax)
        ra, dec = self.sky(np.array([x, x + 1.0, x]), np.array([y, y, y + 1.0]))
        vectors = directions(ra, dec)
        steps = to_plane(vectors[1:], np.broadcast_to(frames_of(vectors[:1]), (2, 3, 3)))
        return float(np.sqrt(np.abs(np.linalg.det(steps))))

    def corners(self) -> FloatArray:
        """RA, DEC (4, 2) [deg] of the corners, in order around the image; (0, 2) if unknown."""
        if self.box is None:
            return np.empty((0, 2))
        (x0, x1), (y0, y1) = self.box
        x, y = np.array([x0, x1, x1, x0]), np.array([y0, y0, y1, y1])
        return np.stack(self.sky(x, y), axis=-1)

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, also outside the bounding box."""
        return sky_of(self.corrector, x, y)

    def from_pixels(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of pixels x, y (N,)."""
        return self._without(np.stack(self.corrector.det_to_tanp(x, y), axis=-1))

    def from_sky(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of RA and DEC (N,) [deg]."""
        return self._without(np.stack(self.corrector.world_to_tanp(ra, dec), axis=-1))

    def to_sky(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC (N,) [deg] of positions (N, 2) [arcsec] in the plane."""
        matrix, shift = present_correction(self.corrector.wcs)
        ra, dec = self.corrector.tanp_to_world(*(positions @ matrix.T + shift).T)
        return np.asarray(ra), np.asarray(dec)

    def to_detector(self) -> tuple[FloatArray, FloatArray]:
        """Transformation u = matrix (t - centre) from the plane to the detector's own V2-V3 plane.

        Returns
        -------
        matrix
            (2, 2), a rotation: the image's plane is turned by the roll.
        centre
            (2,) of the image, in its plane [arcsec].
        """
        (xmin, xmax), (ymin, ymax) = self.limits
        middle = np.array([0.5 * (xmin + xmax)]), np.array([0.5 * (ymin + ymax)])
        return turn(self.corrector.ref_angles["roll_ref"]), self.from_pixels(*middle)[0]

    def _without(self, positions: FloatArray) -> FloatArray:
        matrix, shift = present_correction(self.corrector.wcs)
        return np.asarray(np.linalg.solve(matrix, (positions - shift).T).T)


def box_of(corrector: Any, x: FloatArray, y: FloatArray) -> BoundingBox | None:
    """Limits of an image in pixels; those of its sources x, y (N,) where its WCS has none."""
    box: BoundingBox | None = corrector.bounding_box
    if box is not None or len(x) == 0:
        return box
    return ((np.nanmin(x), np.nanmax(x)), (np.nanmin(y), np.nanmax(y)))


def sky_of(corrector: Any, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """RA and DEC [deg] of pixels, also outside the bounding box."""
    forward = getattr(corrector.wcs, "forward_transform", corrector.det_to_world)
    if x.size == 0:
        return x, y
    ra, dec = forward(x.ravel(), y.ravel())
    return np.asarray(ra, float).reshape(x.shape), np.asarray(dec, float).reshape(x.shape)
