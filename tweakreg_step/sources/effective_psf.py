"""Positions with an effective PSF, fitted to the stars of all exposures of a detector and filter.

The effective PSF is the image of a star integrated over a pixel, as a function of the offset of the
pixel from the star (Anderson & King 2000, PASP 112, 1360); the stars sample it at all pixel phases.
Here it is a core and a wing, two concentric Gaussians with a fixed ratio of widths, integrated over
the pixel. Its two parameters minimise the residuals of all stars, each at its own best position.
A free grid of values does worse: errors of the positions and of the grid compensate each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from .centroid import RATIOS, centroids, window_of
from .cutouts import Stamps, cut
from .measure import floor
from .psf import FWHM_OF_SIGMA, Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import Sources

    from .centroid import Centroids
    from .cutouts import Plane

__all__ = ["EPSF_FLOOR", "StarSet", "effective_psf", "refined_with_epsf", "star_stamps"]

RATIO = 2.0
"""Width of the wing over that of the core; both together are close to Moffat profiles of any
index in the window of a star."""

HALF = 6
"""Half width of the stamps [pixels]: holds the windows of stars of up to `WIDEST`."""

LEAST_STARS = 30
"""Smallest number of stars to fit the two parameters to, for all pixel phases."""

MOST_STARS = 400
"""Largest number of stars in the fit, those with the smallest errors, to save time."""

PRECISE = 0.1
"""Largest position error of a star in the fit [pixels]."""

SCATTER = 0.003
"""Differences between stars in a pixel, relative to their flux, due to the variation of the PSF
over the field and to faint neighbours."""

CLIP = 50.0
"""Upper limit of the square of a standardised residual, against neighbours and artefacts."""

EVALUATIONS = 60
"""Largest number of evaluations of the sum of squares; more change positions by less than 1e-3
pixel."""

WIDEST = 1.7
"""FWHM [pixels] above which windowed positions already reach the photon-noise limit."""

EPSF_FLOOR = 0.004
"""Position error due to the pixel grid with an effective PSF [pixels], instead of `measure.floor`
where that is larger; measured by ``benchmarks/centroids.py`` for FWHM 1."""


@dataclass(frozen=True, slots=True)
class StarSet:
    """The sources of one image.

    Attributes
    ----------
    sources, stamps
        n sources with windowed positions, and their pixels.
    fwhm
        FWHM of stars [pixels].
    """

    sources: Sources
    stamps: Stamps
    fwhm: float


def star_stamps(plane: Plane, sources: Sources, fwhm: float) -> Stamps:
    """Cut-outs for the effective PSF; none where stars are too wide to gain from it."""
    if fwhm > WIDEST:
        sources = sources[:0]
    return cut(plane, sources.x, sources.y, HALF).compact()


def refined_with_epsf(images: Sequence[StarSet]) -> tuple[list[Sources] | None, str]:
    """Refine positions by the effective PSF of a detector and filter.

    Returns
    -------
    list of Sources or None, str
        Sources of each image, or None where windowed positions are as good or better; and a
        sentence for the log.
    """
    fwhm = float(np.median([image.fwhm for image in images]))
    if fwhm > WIDEST:
        return None, (
            f"stars are {fwhm:.2f} pixels wide, and above {WIDEST:g} an effective PSF gains "
            "nothing: positions are windowed. Set refine_centroids='window' to say so."
        )
    sources = reduce(type(images[0].sources).joined, (image.sources for image in images))
    clean = np.zeros(len(sources), bool) if sources.flags is None else sources.flags == 0
    stars = clean & (np.maximum(sources.x_err, sources.y_err) < PRECISE)
    count = int(np.sum(stars))
    if count < LEAST_STARS:
        return None, (
            f"an effective PSF needs {LEAST_STARS} clean stars, and there are {count} in "
            f"{len(images)} images: positions are windowed. Raise 'brightest' or lower "
            "'snr_threshold' for more."
        )
    stamps = Stamps.joined([image.stamps for image in images])
    best = np.argsort(sources.x_err + np.where(stars, 0.0, np.inf), kind="stable")
    best = best[: min(count, MOST_STARS)]
    profile = effective_psf(stamps[best], sources[best], fwhm)
    window = window_of(np.full(len(sources), fwhm / FWHM_OF_SIGMA), max(RATIOS))
    found = centroids(stamps[clean], sources.x[clean], sources.y[clean], profile, window[clean])
    refined = _with_positions(sources, np.flatnonzero(clean)[found.solved], found, floor(fwhm))
    ends = np.cumsum([len(image.sources) for image in images])
    parts = [refined[slice(end - len(i.sources), end)] for i, end in zip(images, ends, strict=True)]
    return parts, f"positions are refined with an effective PSF of {count} stars."


def _with_positions(
    sources: Sources, rows: NDArray[np.int64], found: Centroids, window_floor: float
) -> Sources:
    """The sources with the positions and errors of the solved centroids in some rows."""
    columns = {name: getattr(sources, name).copy() for name in ("x", "y", "x_err", "y_err")}
    least = min(EPSF_FLOOR, window_floor)
    error = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2) + least**2)[found.solved]
    columns["x"][rows], columns["y"][rows] = found.x[found.solved], found.y[found.solved]
    columns["x_err"][rows], columns["y_err"][rows] = error.T
    return replace(sources, **columns)


def effective_psf(stamps: Stamps, stars: Sources, fwhm: float) -> Profile:
    """The effective PSF of n stars.

    Parameters
    ----------
    stamps, stars
        The stars.
    fwhm
        Initial FWHM of stars [pixels].
    """
    window = window_of(np.full(len(stars), fwhm / FWHM_OF_SIGMA), max(RATIOS))

    def left(numbers: FloatArray) -> float:
        profile = core_and_wing(*_meaning(numbers))
        found = centroids(stamps, stars.x, stars.y, profile, window)
        return _mean_square(stamps, found, profile, window)

    start = np.array([np.log(0.9 * fwhm / FWHM_OF_SIGMA), -1.0])
    options = {"xatol": 5e-3, "fatol": 1e-3, "maxfev": EVALUATIONS}
    best = minimize(left, start, method="Nelder-Mead", options=options)
    return core_and_wing(*_meaning(best.x))


def _meaning(numbers: FloatArray) -> tuple[float, float]:
    """Sigma of the core [pixels] and share of the flux in the wing, from two free parameters."""
    return float(np.exp(numbers[0])), float(1.0 / (1.0 + np.exp(-numbers[1])))


def core_and_wing(sigma: float, wing: float) -> Profile:
    """Model PSF with a core of ``sigma`` [pixels] and a share ``wing`` of the flux in the wing."""
    return Profile(np.array([1.0 - wing, wing]), np.array([[sigma], [RATIO * sigma]]))


def _mean_square(stamps: Stamps, found: Centroids, profile: Profile, window: FloatArray) -> float:
    """Windowed mean square of the standardised residuals of n stars."""
    dx, dy = stamps.offsets(found.x, found.y)
    distance2 = dx[:, None, :] ** 2 + dy[:, :, None] ** 2
    weight = np.where(stamps.good, np.exp(-0.5 * distance2 / window[:, None, None] ** 2), 0.0)
    unit = np.where(found.flux > 0, found.flux, np.inf)[:, None, None]
    rest = stamps.data / unit - profile(dx, dy)
    squares = rest**2 / (stamps.variance / unit**2 + SCATTER**2)
    return float(np.sum(weight * np.minimum(squares, CLIP)) / np.sum(weight))
