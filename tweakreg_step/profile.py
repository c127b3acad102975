"""What a star looks like on pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import erf

if TYPE_CHECKING:
    from .data import FloatArray

__all__ = ["FWHM_OF_SIGMA", "PIXEL_VARIANCE", "Profile", "gaussian"]

FWHM_OF_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Full width at half maximum of a Gaussian of unit sigma."""

PIXEL_VARIANCE = 1.0 / 12.0
"""What the extent of a pixel adds to the second moment of what falls onto it [pixels^2]."""

Profile: TypeAlias = Callable[["FloatArray", "FloatArray"], "FloatArray"]
"""Part of the flux (n, k, k) of n stars in the pixels at offsets (n, k) along x and along y."""


def gaussian(sigma: FloatArray) -> Profile:
    """A Gaussian of standard deviation ``sigma`` (n,) [pixels], integrated over each pixel."""
    scale = 1.0 / (np.sqrt(2.0) * sigma)[:, None]

    def along(offset: FloatArray) -> FloatArray:
        return np.asarray(
            0.5 * (erf((offset + 0.5) * scale) - erf((offset - 0.5) * scale)), np.float64
        )

    def profile(dx: FloatArray, dy: FloatArray) -> FloatArray:
        return np.asarray(along(dy)[:, :, None] * along(dx)[:, None, :], np.float64)

    return profile
