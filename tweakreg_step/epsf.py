"""Positions with an effective PSF made of the stars of all exposures of a detector and filter.

The effective PSF is what a star looks like after the pixels have integrated it, as a function of
the offset of a pixel from the star (Anderson & King 2000, PASP 112, 1360). The stars sample it at
all pixel phases. Here it is a Gaussian of the stars' width, integrated over the pixel, plus the mean
of what that leaves on a grid of a quarter of a pixel; positions and effective PSF are found in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from .centroid import RATIOS, centroids, window_of
from .measure import floor
from .profile import FWHM_OF_SIGMA, gaussian
from .stamps import Stamps, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .centroid import Centroids
    from .data import FloatArray, Sources
    from .profile import Profile
    from .stamps import Plane

__all__ = ["EPSF_FLOOR", "StarSet", "effective_psf", "refined_with_epsf", "star_stamps"]

OVERSAMPLING = 4
"""Grid points per pixel: the pixel itself smooths what is finer."""

REACH = 4
"""Half width of the grid [pixels]; beyond, the Gaussian alone is taken."""

ROUNDS = 5
"""Of effective PSF and positions; the last one changes positions by less than 1e-3 pixel."""

LEAST_STARS = 60
"""Two samples in each cell of the grid, where it has the size of a core."""

PRECISE = 0.1
"""Error [pixels] of the position of a star that helps: a worse one smears the core."""

SCATTER = 0.01
"""Part of the flux in one pixel by which stars differ from each other, over the field and by what
is in a pixel besides."""

SMOOTHING = 0.7
"""Sigma of the smoothing of the grid [cells]: it closes gaps and does not reach a pixel."""

CLIP = 4.0
"""Standard deviations of the samples of a cell beyond which one is a cosmic ray or a neighbour."""

WIDEST = 2.5
"""FWHM [pixels] above which windowed positions are at the photon bound as they are."""

EPSF_FLOOR = 0.004
"""What the pixel grid leaves of an error with an effective PSF [pixels], as measured by
``benchmarks/centroids.py`` for FWHM 1; in place of `measure.floor`."""


@dataclass(frozen=True, slots=True)
class StarSet:
    """The sources of one image.

    Attributes
    ----------
    sources, stamps
        n of them, measured with windows.
    fwhm
        Width of a star [pixels].
    """

    sources: Sources
    stamps: Stamps
    fwhm: float


def star_stamps(plane: Plane, sources: Sources, fwhm: float) -> Stamps:
    """The cut-outs that an effective PSF needs; none where stars are too wide to gain by one."""
    if fwhm > WIDEST:
        sources = sources[:0]
    return cut(plane, sources.x, sources.y, REACH + 2).compact()


def refined_with_epsf(images: Sequence[StarSet]) -> tuple[list[Sources] | None, str]:
    """Refine positions by the effective PSF of a detector and filter.

    Returns
    -------
    list of Sources or None, str
        One for each image, or None where windowed positions are better or as good; and a sentence
        for people that says why.
    """
    fwhm = float(np.median([image.fwhm for image in images]))
    if fwhm > WIDEST:
        return None, (
            f"stars are {fwhm:.2f} pixels wide, and above {WIDEST} an effective PSF gains nothing: "
            "positions are windowed. Set refine_centroids='window' to say so."
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
    profile = effective_psf(stamps[stars], sources[stars], fwhm)
    window = window_of(np.full(len(sources), fwhm / FWHM_OF_SIGMA), max(RATIOS))
    found = centroids(stamps[clean], sources.x[clean], sources.y[clean], profile, window[clean])
    refined = _with_positions(sources, np.flatnonzero(clean)[found.solved], found, floor(fwhm))
    ends = np.cumsum([len(image.sources) for image in images])
    parts = [refined[slice(end - len(i.sources), end)] for i, end in zip(images, ends, strict=True)]
    return parts, f"positions are refined with an effective PSF of {count} stars."


def _with_positions(
    sources: Sources, rows: NDArray[np.int64], found: Centroids, window_floor: float
) -> Sources:
    """The sources with new positions and errors in some rows, those of solved centroids."""
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
        Width of a star [pixels].

    Returns
    -------
    Profile
        It has its centre where the windowed positions of the stars have it on average, so that a
        detector as a whole does not move.
    """
    sigma = np.full(len(stars), fwhm / FWHM_OF_SIGMA)
    profile, window = gaussian(sigma), window_of(sigma, max(RATIOS))
    weight = 1.0 / (stars.x_err**2 + stars.y_err**2)
    x, y = stars.x, stars.y
    for _ in range(ROUNDS):
        found = centroids(stamps, x, y, profile, window)
        drift = [np.average(a - b, weights=weight) for a, b in ((found.x, x), (found.y, y))]
        x, y = found.x - drift[0], found.y - drift[1]
        profile = _profile(_grid(stamps, x, y, found.flux, sigma), fwhm)
    return profile


def _profile(grid: FloatArray, fwhm: float) -> Profile:
    """A Gaussian plus a grid (g, g) of differences from it, interpolated by cubic splines."""
    coefficients = spline_filter(grid, order=3, mode="nearest")
    middle = grid.shape[0] // 2

    def profile(dx: FloatArray, dy: FloatArray) -> FloatArray:
        shape = (len(dx), dy.shape[1], dx.shape[1])
        points = [
            np.broadcast_to(d, shape) * OVERSAMPLING + middle
            for d in (dy[:, :, None], dx[:, None, :])
        ]
        rest = map_coordinates(
            coefficients, points, order=3, prefilter=False, mode="constant", cval=0.0
        )
        sigma = np.full(len(dx), fwhm / FWHM_OF_SIGMA)
        return np.asarray(gaussian(sigma)(dx, dy) + rest)

    return profile


def _grid(
    stamps: Stamps, x: FloatArray, y: FloatArray, flux: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Mean (g, g) of what the Gaussian leaves of the stars, in cells of a part of a pixel."""
    dx, dy = stamps.offsets(x, y)
    shape = stamps.data.shape
    unit = np.where(flux > 0, flux, np.inf)[:, None, None]
    rest = stamps.data / unit - gaussian(sigma)(dx, dy)
    size = 2 * REACH * OVERSAMPLING + 1
    column, row = (
        np.rint(np.broadcast_to(d, shape) * OVERSAMPLING).astype(int) + size // 2
        for d in (dx[:, None, :], dy[:, :, None])
    )
    known = stamps.good & (flux > 0)[:, None, None]
    known &= (column >= 0) & (column < size) & (row >= 0) & (row < size)
    cell, values = (row * size + column)[known], rest[known]
    # a floor on the variance keeps a few bright stars from deciding alone
    variance = (stamps.variance / unit**2)[known] + SCATTER**2
    for _ in range(2):
        mean, _ = _means(cell, values, 1.0 / variance, size)
        far = np.abs(values - mean.ravel()[cell]) > CLIP * np.sqrt(variance)
        variance = np.where(far, np.inf, variance)
    mean, total = _means(cell, values, 1.0 / variance, size)
    return mean * total / (total + 1.0 / SCATTER**2)


def _means(
    cell: NDArray[np.int64], values: FloatArray, weights: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Weighted means and weights (size, size) of values in cells, those of neighbours shared."""
    total, product = (
        gaussian_filter(
            np.bincount(cell, weights=w, minlength=size * size).reshape(size, size), SMOOTHING
        )
        for w in (weights, weights * values)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, product / total, 0.0), total
