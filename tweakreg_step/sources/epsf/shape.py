"""The profile of an image's stars, from all of their pixels at once.

Three concentric Gaussians, integrated over the pixel, whose widths have fixed ratios: close to
Moffat profiles. Their common width and two shares minimise the residuals of all stars, standardised
by noise and the profile's own error, while each star has its best position and flux (variable
projection: Golub & Pereyra 1973, SIAM J. Num. Anal. 10, 413).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from tweakreg_step.sources.psf import FWHM_OF_SIGMA, Profile

from .fit import free_residuals

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.sources.cutouts import Stamps

__all__ = ["best_shape", "of_width", "three_gaussians"]

RATIOS = (1.0, 1.7, 3.4)
"""Widths of the three, relative to the first."""

CORE = 0.92
"""Width of the first of them to begin with, relative to a Gaussian of the stars' FWHM."""

SHARES = (-0.05, -2.1)
"""Logarithms of the others' shares to begin with, relative to that of the first: with them and that
width the profile is within 1 % of its peak from a Moffat profile of index 3.5."""

LARGE = 2.0
"""Standardised residual from which on residuals count less than by their square."""

STEPS = 12
"""Largest number of steps."""

FARTHEST = 3.0
"""Largest change of a number: shares may come to nothing, but don't vanish."""


def of_width(fwhm: float) -> FloatArray:
    """The numbers of a profile of a FWHM [pixels]."""
    return np.array([np.log(CORE * fwhm / FWHM_OF_SIGMA), *SHARES])


def three_gaussians(numbers: FloatArray) -> Profile:
    """The profile of three numbers: logarithms of a width [pixels] and of two ratios of shares."""
    share = np.exp(np.array([0.0, *numbers[1:]]))
    return Profile(share / share.sum(), np.exp(numbers[0]) * np.array(RATIOS)[:, None])


def best_shape(
    stamps: Stamps, x: FloatArray, y: FloatArray, start: FloatArray, mismatch: float
) -> FloatArray:
    """The numbers of the profile of n stars.

    Parameters
    ----------
    stamps
        Their pixels; those that count are good.
    x, y
        (n,) their positions, nearly [pixels].
    start
        Numbers to begin with.
    mismatch
        Error of the profile in a pixel to begin with, relative to it.
    """
    left = free_residuals(stamps, np.stack([x, y], 1), three_gaussians(start), mismatch)
    best = least_squares(
        lambda numbers: left(three_gaussians(numbers)),
        start,
        loss="soft_l1",
        f_scale=LARGE,
        max_nfev=STEPS,
        bounds=(start - FARTHEST, start + FARTHEST),
    )
    return np.asarray(best.x)
