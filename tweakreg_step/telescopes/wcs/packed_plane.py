"""The plane of an image whose corrector is packed; see `PackedCorrector`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import directions, from_plane, ra_dec, to_plane

from .tangent_plane import CorrectorPlane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

    from .packed_corrector import PackedCorrector

__all__ = ["PackedPlane"]


@dataclass(frozen=True, slots=True)
class PackedPlane(CorrectorPlane):
    """The plane of tweakwcs's corrector, without making that."""

    corrector: PackedCorrector

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, also outside the bounding box."""
        ra, dec = self.to_sky(self.from_pixels(x.ravel(), y.ravel()))
        return ra.reshape(x.shape), dec.reshape(x.shape)

    def from_pixels(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of pixels x, y (N,)."""
        if x.size == 0:
            return np.empty((0, 2))
        return self.corrector.from_pixels(x, y)

    def from_sky(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the plane, of RA and DEC (N,) [deg]."""
        return to_plane(directions(ra, dec), self.corrector.sky_frame)

    def to_sky(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC (N,) [deg] of positions (N, 2) [arcsec] in the plane."""
        return ra_dec(from_plane(positions, self.corrector.sky_frame))
