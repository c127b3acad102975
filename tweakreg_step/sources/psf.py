"""Model PSF: sums of Gaussians integrated over pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray


__all__ = ["FWHM_OF_SIGMA", "PIXEL_VARIANCE", "Profile", "gaussian"]

FWHM_OF_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Full width at half maximum of a Gaussian of unit sigma."""

PIXEL_VARIANCE = 1.0 / 12.0
"""Variance that the integration over a pixel adds to a second moment [pixels^2]."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The expected images of n stars: c concentric Gaussians each, integrated over each pixel.

    Attributes
    ----------
    amplitude
        (c,) share of the flux in each of them, the same for all stars.
    sigma
        (c, n) standard deviations [pixels], or (c, 1) where all stars have the same.
    """

    amplitude: FloatArray
    sigma: FloatArray

    def along(self, offset: FloatArray) -> FloatArray:
        """Share (c, n, k) of each Gaussian in pixels at offsets (n, k), one pixel apart."""
        below = erf(self._edges(offset))
        return np.asarray(0.5 * (below[:, :, 1:] - below[:, :, :-1]), np.float64)

    def slope(self, offset: FloatArray) -> FloatArray:
        """Derivative (c, n, k) of `along` with respect to the star's position [1 / pixel]."""
        peak = 1.0 / (np.sqrt(2.0 * np.pi) * self.sigma)[:, :, None]
        height = peak * np.exp(-(self._edges(offset) ** 2))
        return np.asarray(height[:, :, :-1] - height[:, :, 1:], np.float64)

    def _edges(self, offset: FloatArray) -> FloatArray:
        """Edges (c, n, k + 1) of pixels, in units of sqrt(2) sigma.

        The right edge of a pixel is the left edge of the next.
        """
        edges = np.concatenate([offset - 0.5, offset[:, -1:] + 0.5], axis=1)
        return np.asarray(edges / (np.sqrt(2.0) * self.sigma)[:, :, None])

    def __call__(self, dx: FloatArray, dy: FloatArray) -> FloatArray:
        """Share of the flux (n, k, k) in the pixels at offsets (n, k) along x and along y."""
        along_x, along_y = self.along(dx), self.along(dy)
        parts = along_y[:, :, :, None] * along_x[:, :, None, :]
        return np.asarray(np.einsum("c,cnij->nij", self.amplitude, parts), np.float64)

    def of(self, rows: NDArray[np.int64]) -> Profile:
        """The profile of some of the stars."""
        return self if self.sigma.shape[1] == 1 else Profile(self.amplitude, self.sigma[:, rows])


def gaussian(sigma: FloatArray) -> Profile:
    """Gaussians of standard deviation ``sigma`` (n,) [pixels], one for each star."""
    return Profile(np.ones(1), sigma[None, :])
