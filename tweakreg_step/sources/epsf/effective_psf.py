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

from tweakreg_step.core.sources import Sources
from tweakreg_step.sources.centroid import RATIOS, centroids, window_of
from tweakreg_step.sources.cutouts import Stamps, cut
from tweakreg_step.sources.flags import Flag, Flags
from tweakreg_step.sources.measure import floor
from tweakreg_step.sources.psf import FWHM_OF_SIGMA, Profile

from .fit import disagreement, fitted, inner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.sources.centroid import Centroids
    from tweakreg_step.sources.cutouts import Plane

    from .fit import Fits

__all__ = [
    "EPSF_FLOOR",
    "StarSet",
    "effective_psf",
    "holds",
    "like_stars",
    "refined_with_epsf",
    "star_stamps",
]

RATIO = 2.0
"""Width of the wing over that of the core; both together are close to Moffat profiles of any
index in the window of a star."""

HALF = 6
"""Half width of the stamps [pixels]: holds the windows of stars of up to `WIDEST`."""

LEAST_STARS = 30
"""Smallest number of stars to fit the two parameters to, for all pixel phases."""

MOST_STARS = 200
"""Largest number of stars in the fit, those with the smallest errors, to save time."""

PRECISE = 0.1
"""Largest position error of a star in the fit [pixels]."""

SCATTER = 0.003
"""Differences between stars in a pixel, relative to their flux, due to the variation of the PSF
over the field and to faint neighbours."""

CLIP = 50.0
"""Upper limit of the square of a standardised residual, against neighbours and artefacts."""

WINDOWS = 3.5
"""Half width of the pixels in the fit, in sigmas of the window."""

EVALUATIONS = 60
"""Largest number of evaluations of the sum of squares; more change positions by less than 1e-3
pixel."""

WIDEST = 2.3
"""FWHM [pixels] above which windowed positions already reach the photon-noise limit. From 1.7 on
they do where nothing has hit the star."""

NO_STAR = Flag.SHARP | Flag.SATURATED | Flag.EDGE
"""Sources that keep their windowed position."""

WIDTHS = (0.9, 1.0, 1.1, 1.2)
"""Widths of stars that are tried, relative to the expected one."""

ROUGHLY = (0.04, 0.03)
"""Relative errors of the profile in the first rounds of finding the stars."""

ALIKE, CLEAN = 2.0, 0.02
"""Largest mean square residual of a star, and share of its light on pixels that disagree."""

HOLDS, HALF_LOST = 2.0, 0.5
"""The same for a position to hold."""

LOST = 0.05
"""Error of a position [pixels], for each part of the light that is on pixels taken out."""

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
        sentence for the log. Images whose own stars are too wide keep their positions.
    """
    fwhm = float(np.median([image.fwhm for image in images]))
    if fwhm > WIDEST:
        return None, (
            f"stars are {fwhm:.2f} pixels wide, and above {WIDEST:g} an effective PSF gains "
            "nothing: positions are windowed. Set refine_centroids='window' to say so."
        )
    fit = [image for image in images if len(image.stamps) == len(image.sources)]
    sources = reduce(Sources.joined, (image.sources for image in fit))
    stamps = Stamps.joined([image.stamps for image in fit])
    flags = np.zeros(len(sources), Flags) if sources.flags is None else sources.flags
    whole = flags & int(NO_STAR) == 0
    precise = whole & (np.maximum(sources.x_err, sources.y_err) < PRECISE)
    profile, mismatch, count = _profile_of(stamps[precise], sources[precise], fwhm)
    if profile is None:
        return None, (
            f"an effective PSF needs {LEAST_STARS} clean stars, and there are {count} in "
            f"{len(images)} images: positions are windowed. Raise 'brightest' or lower "
            "'snr_threshold' for more."
        )
    found = fitted(stamps[whole], sources.x[whole], sources.y[whole], profile, fwhm, mismatch)
    refined = _with_positions(sources, np.flatnonzero(whole), found, floor(fwhm))
    ends = np.cumsum([len(image.sources) for image in fit])
    parts = iter(refined[slice(e - len(i.sources), e)] for i, e in zip(fit, ends, strict=True))
    all_of_them = [next(parts) if any(i is one for one in fit) else i.sources for i in images]
    return all_of_them, f"positions are refined with an effective PSF of {count} stars."


def _profile_of(
    stamps: Stamps, some: Sources, fwhm: float, rounds: tuple[float, ...] = ROUGHLY
) -> tuple[Profile | None, float, int]:
    """The effective PSF of the stars among n sources, its error, and how many stars there are.

    None if they are too few. The error is that of a pixel, relative to it. Cosmic rays and galaxies
    may be more than the stars, which are those that look as a star of about the expected width,
    then those that look as the stars so found.
    """
    if len(some) < LEAST_STARS:
        return None, 0.0, len(some)
    tried = [core_and_wing(*_meaning(_start(part * fwhm))) for part in WIDTHS]
    clearest = np.argsort(some.x_err, kind="stable")[:MOST_STARS]
    few = stamps[clearest], some[clearest]
    profile = max(tried, key=lambda one: _light(*_alike(*few, one, fwhm, ROUGHLY[0])))
    count = 0
    for mismatch in rounds:
        found, stars = _alike(stamps, some, profile, fwhm, mismatch)
        count = len(stars)
        if count < LEAST_STARS:
            return None, mismatch, count
        best = stars[np.argsort(some.x_err[stars], kind="stable")][:MOST_STARS]
        profile = effective_psf(stamps[best], Sources.at(found.x[best], found.y[best]), fwhm)
    final = fitted(stamps[best], found.x[best], found.y[best], profile, fwhm, ROUGHLY[-1])
    return profile, disagreement(stamps[best], final.x, final.y, profile, fwhm), count


def _alike(
    stamps: Stamps, some: Sources, profile: Profile, fwhm: float, mismatch: float
) -> tuple[Fits, NDArray[np.int64]]:
    """Fits of a profile to n sources, and which of them look like it."""
    found = fitted(stamps, some.x, some.y, profile, fwhm, mismatch)
    return found, np.flatnonzero(found.solved & (found.square < ALIKE) & (found.lost < CLEAN))


def _light(found: Fits, stars: NDArray[np.int64]) -> float:
    """Sum of the signal to noise of some fits, as faint cosmic rays may be more than the stars."""
    variance = np.diagonal(found.covariance, axis1=1, axis2=2).sum(axis=1)
    return float((1.0 / np.sqrt(variance[stars])).sum())


def holds(found: Fits) -> BoolArray:
    """Which of n fits are those of stars, of which enough is left."""
    return np.asarray(found.solved & (found.square < HOLDS) & (found.lost < HALF_LOST))


def like_stars(plane: Plane, sources: Sources, fwhm: float) -> Fits | None:
    """Fits of the effective PSF of an image to its n sources; None if it has too few stars."""
    stamps = star_stamps(plane, sources, fwhm)
    if len(stamps) < len(sources):
        return None
    profile, mismatch, _ = _profile_of(stamps, sources, fwhm, ROUGHLY[:1])
    if profile is None:
        return None
    return fitted(stamps, sources.x, sources.y, profile, fwhm, mismatch)


def _with_positions(
    sources: Sources, rows: NDArray[np.int64], found: Fits, window_floor: float
) -> Sources:
    """The sources with the positions and errors of the fits that hold, in some rows."""
    columns = {name: getattr(sources, name).copy() for name in ("x", "y", "x_err", "y_err")}
    least = min(EPSF_FLOOR, window_floor)
    good = holds(found)
    noise = np.diagonal(found.covariance, axis1=1, axis2=2)
    noise = noise * np.maximum(found.square, 1.0)[:, None]
    error = np.sqrt(noise + least**2 + (LOST * found.lost[:, None]) ** 2)
    at = rows[good]
    columns["x"][at], columns["y"][at] = found.x[good], found.y[good]
    columns["x_err"][at], columns["y_err"][at] = error[good].T
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
    stamps = inner(stamps, int(np.ceil(WINDOWS * window.max(initial=1.0))))

    def left(numbers: FloatArray) -> float:
        profile = core_and_wing(*_meaning(numbers))
        found = centroids(stamps, stars.x, stars.y, profile, window)
        return _mean_square(stamps, found, profile, window)

    start = _start(fwhm)
    options = {"xatol": 5e-3, "fatol": 1e-3, "maxfev": EVALUATIONS}
    best = minimize(left, start, method="Nelder-Mead", options=options)
    return core_and_wing(*_meaning(best.x))


def _start(fwhm: float) -> FloatArray:
    """Free parameters to begin with, for stars of a FWHM [pixels]."""
    return np.array([np.log(0.9 * fwhm / FWHM_OF_SIGMA), -1.0])


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
