"""Positions with an effective PSF, fitted to the stars of all exposures of a detector and filter.

The effective PSF is the image of a star integrated over a pixel, as a function of the offset of the
pixel from the star (Anderson & King 2000, PASP 112, 1360); the stars sample it at all pixel phases.
Here it is a sum of three Gaussians (`shape`). A free grid of values does worse: errors of the
positions and of the grid compensate each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sources import Sources
from tweakreg_step.sources.cutouts import Stamps, cut
from tweakreg_step.sources.flags import Flag, Flags
from tweakreg_step.sources.measure import floor

from .fit import disagreement, fitted
from .shape import best_shape, of_width, three_gaussians

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.sources.cutouts import Plane
    from tweakreg_step.sources.psf import Profile

    from .fit import Fits

__all__ = [
    "EPSF_FLOOR",
    "StarSet",
    "holds",
    "like_stars",
    "refined_with_epsf",
    "star_stamps",
]

HALF = 6
"""Half width of the stamps [pixels]: holds the windows of stars of up to `WIDEST`."""

LEAST_STARS = 30
"""Smallest number of stars to fit the profile to, for all pixel phases."""

MOST_STARS = 200
"""Largest number of stars in the fit, those with the smallest errors, to save time."""

PRECISE = 0.1
"""Largest position error of a star in the fit [pixels]."""

WIDEST = 2.3
"""FWHM [pixels] above which windowed positions already reach the photon-noise limit. From 1.7 on
they do where nothing has hit the star."""

NO_STAR = Flag.SHARP | Flag.SATURATED | Flag.EDGE
"""Sources that keep their windowed position."""

WIDTHS = (0.72, 0.8, 0.9, 1.0, 1.1, 1.2)
"""Widths of stars that are tried, relative to the expected one, which may be that of stars with the
pixel they are integrated over, and so too large."""

ROUGHLY = (0.04, 0.03)
"""Relative errors of the profile in the first rounds of finding the stars."""

ROUNDS = 2
"""Rounds that follow, with the error of the profile as its stars have it: the smaller that is, the
fainter are the hits that are seen."""

ALIKE, CLEAN = 2.0, 0.02
"""Largest mean square residual of a star, and share of its light on pixels that disagree."""

HOLDS, HALF_LOST = 2.0, 0.5
"""The same for a position to hold."""

LOST = 0.05
"""Error of a position [pixels], for each part of the light that is on pixels taken out."""

EPSF_FLOOR = 0.002
"""Position error due to the pixel grid with an effective PSF [pixels], instead of `measure.floor`
where that is larger. For round stars ``benchmarks/centroids.py`` has 0.001 at most, where the FWHM
is 1; others are allowed twice that."""


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
    widths = [of_width(part * fwhm) for part in WIDTHS]
    clearest = np.argsort(some.x_err, kind="stable")[:MOST_STARS]
    few = stamps[clearest], some.x[clearest], some.y[clearest]
    numbers = max(widths, key=lambda one: _light(*_alike(*few, one, fwhm, ROUGHLY[0])))
    for mismatch in rounds:
        found, stars = _alike(stamps, some.x, some.y, numbers, fwhm, mismatch)
        if len(stars) < LEAST_STARS:
            return None, mismatch, len(stars)
        best = stars[np.argsort(some.x_err[stars], kind="stable")][:MOST_STARS]
        few = stamps[best], found.x[best], found.y[best]
        numbers = best_shape(found.kept_of(stamps, best), *few[1:], numbers, mismatch)
    for _ in range(ROUNDS):
        found = fitted(*few, three_gaussians(numbers), fwhm, mismatch)
        kept = found.kept_of(few[0], np.arange(len(best)))
        mismatch = disagreement(kept, found.x, found.y, three_gaussians(numbers), fwhm)
        numbers = best_shape(kept, found.x, found.y, numbers, mismatch)
    profile = three_gaussians(numbers)
    found = fitted(*few, profile, fwhm, mismatch)
    kept = found.kept_of(few[0], np.arange(len(best)))
    return profile, disagreement(kept, found.x, found.y, profile, fwhm), len(stars)


def _alike(
    stamps: Stamps,
    x: FloatArray,
    y: FloatArray,
    numbers: FloatArray,
    fwhm: float,
    mismatch: float,
) -> tuple[Fits, NDArray[np.int64]]:
    """Fits of a profile to n sources, and which of them look like it."""
    found = fitted(stamps, x, y, three_gaussians(numbers), fwhm, mismatch)
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
