"""Background and source candidates of an image, by one of four finders.

sep is Source Extractor's algorithm (Bertin & Arnouts 1996, A&AS 117, 393); the others are in
``photutils_finders``.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sep
from astropy.convolution import Gaussian2DKernel
from astropy.stats import gaussian_fwhm_to_sigma

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Sources

from .centroid import MIN_WINDOW_FWHM
from .cutouts import Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.sources import Pixels
    from tweakreg_step.parameters import FinderParameters, SegmentationParameters

__all__ = ["bridge", "candidates", "subtract_background"]

# Sizes of sep's buffer of active pixels, tried in turn; its default of 300,000 is too small for a
# crowded 2048 x 2048 image. The last one holds all pixels of such an image.
PIXEL_STACKS = (100_000, 1_000_000, 8_000_000)
# Smallest contrast for deblending, tried in turn: sep's default, then no deblending, where too many
# parts overlap.
CONTRASTS = (0.005, 1.0)
# Of every which row the background is taken, and how many pixels of a box suffice for it
THIN, ENOUGH = 4, 10_000
# Width of gaps of bad pixels that are filled, in rings, so that no dead pixel cuts a star in two
BRIDGES = 2


def candidates(
    pixels: Pixels,
    starfinder: str,
    fwhm: float,
    finder: FinderParameters,
    segmentation: SegmentationParameters,
) -> tuple[Plane, Sources]:
    """Subtract the background of an image and find its sources.

    Parameters
    ----------
    pixels
        The image; masked and non-finite pixels are not used.
    starfinder
        'sep', 'iraf', 'dao' or 'segmentation'.
    fwhm
        FWHM of stars [pixels].
    finder, segmentation
        Parameters of the finders.

    Returns
    -------
    Plane, Sources
        The image, and sources with the finder's positions, without errors. Empty if there are none,
        as where no pixel is good.

    Raises
    ------
    InputError
        If the image has more overlapping sources than the finder can hold.
    """
    good = ~pixels.mask & np.isfinite(pixels.data)
    saturated = np.zeros(good.shape, bool) if pixels.saturated is None else pixels.saturated
    if not good.any():
        plane = Plane(pixels.data, pixels.error, good, saturated, 1.0)
        return plane, Sources.at(np.empty(0), np.empty(0))
    if starfinder == "sep":
        data, noise, found = _with_sep(pixels, good, fwhm, finder)
    else:
        from .photutils_finders import FINDERS, Search, background  # noqa: PLC0415 - a second to import

        level, noise = background(pixels.data, ~good, finder.bkg_boxsize)
        data = pixels.data - level
        found = FINDERS[starfinder](Search(data, noise, ~good, fwhm), finder, segmentation)
    return Plane(data, pixels.error, good, saturated, noise), _inside(found, good.shape)


def _inside(found: Sources, shape: tuple[int, ...]) -> Sources:
    finite = np.isfinite(found.x) & np.isfinite(found.y) & (found.flux > 0)
    ny, nx = shape
    inside = (found.x > -0.5) & (found.x < nx - 0.5) & (found.y > -0.5) & (found.y < ny - 0.5)
    return found[finite & inside]


def _with_sep(
    pixels: Pixels, good: BoolArray, fwhm: float, finder: FinderParameters
) -> tuple[NDArray[Any], float, Sources]:
    """The image without its background, the noise of the background, and the sources."""
    data = np.where(good, pixels.data, 0.0).astype(np.float32, copy=False)
    rms = subtract_background(data, good, finder.bkg_boxsize)
    unknown = bridge(data, good, BRIDGES)
    noise = rms if finder.skysigma is None else finder.skysigma
    found = _extracted(data, unknown, noise, fwhm, finder)
    if finder.peakmax is not None:
        found = found[found["peak"] < finder.peakmax]
    radius = 1.5 * max(fwhm, MIN_WINDOW_FWHM)
    flux, _, _ = sep.sum_circle(data, found["x"], found["y"], radius, mask=unknown)
    return data, rms, Sources.at(found["x"], found["y"], flux=flux)


def subtract_background(data: NDArray[np.float32], good: BoolArray, box: int) -> float:
    """Subtract the background of an image (ny, nx) from it; returns the noise of the background.

    It is sep's, in boxes of ``box`` pixels. Of large boxes every fourth row tells the same to some
    thousandths of the noise.
    """
    box = min(box, *data.shape)
    thin = THIN if box * box >= THIN * ENOUGH and _alike(good) else 1
    rows, mask = np.ascontiguousarray(data[::thin]), ~good[::thin]
    background = sep.Background(rows, mask=mask, bw=box, bh=max(1, box // thin))
    level = background.back(dtype=np.float32)
    step = np.diff(level, axis=0, append=level[-1:])
    for row in range(thin):
        part = data[row::thin]
        part -= level[: len(part)] + np.float32(row / thin) * step[: len(part)] if row else level
    return float(background.globalrms)


def _alike(good: BoolArray) -> bool:
    """Whether the rows that are taken have their share of the good pixels."""
    part = good[::THIN]
    share = np.count_nonzero(part) * good.size / max(part.size, 1)
    return bool(share > 0.9 * np.count_nonzero(good))


def _extracted(
    data: NDArray[Any], mask: BoolArray, noise: float, fwhm: float, finder: FinderParameters
) -> Any:
    """The table of sep, with a larger buffer or less deblending where the image needs it."""
    if not noise > 0:  # a constant image has no sources, and no threshold
        return np.zeros(0, [("x", float), ("y", float), ("peak", float)])
    stacks, contrasts, reason = list(PIXEL_STACKS), list(CONTRASTS), ""
    while stacks and contrasts:
        sep.set_extract_pixstack(stacks[0])
        try:
            return sep.extract(
                data,
                finder.snr_threshold,
                err=noise,
                mask=mask,
                minarea=finder.minarea,
                filter_kernel=_kernel(fwhm, finder.ratio, finder.theta),
                deblend_cont=contrasts[0],
                clean=False,  # it compares each source with all others: minutes for 100,000
            )
        except MemoryError:
            raise  # less deblending does not need less memory
        except Exception as error:  # noqa: BLE001 - sep raises this very class
            reason = str(error)
        short = stacks if "buffer" in reason else contrasts
        del short[0]
    raise InputError(
        f"The finder gave up on an image of {data.shape[1]} x {data.shape[0]} pixels: {reason}. "
        f"Its sources above {finder.snr_threshold:g} times the noise must fit into memory. Raise "
        "'snr_threshold', lower 'bkg_boxsize', or choose another 'starfinder'."
    )


def bridge(data: NDArray[Any], good: BoolArray, rounds: int) -> BoolArray:
    """Fill narrow gaps of an image (ny, nx); returns the mask of the pixels that are still bad.

    Each bad pixel gets the mean of its good neighbours in 3 x 3 pixels, gaps from their rims
    inwards. This is for finding alone: positions are measured on good pixels.
    """
    (ny, nx), unknown = data.shape, ~good
    left = np.flatnonzero(unknown)
    values, is_unknown = data.reshape(-1), unknown.reshape(-1)  # views: both are contiguous
    values[left] = 0.0
    for _ in range(rounds):
        row, column = np.divmod(left, nx)
        rows = [np.clip(row + down, 0, ny - 1) * nx for down in (-1, 0, 1)]
        columns = [np.clip(column + right, 0, nx - 1) for right in (-1, 0, 1)]
        total, count = np.zeros(len(left)), np.zeros(len(left))
        for start, right in itertools.product(rows, columns):
            there = start + right
            total += values.take(there)
            count += ~is_unknown.take(there)
        some = count >= 3  # fewer would extrapolate the image beyond its edge
        values[left[some]] = total[some] / count[some]
        is_unknown[left[some]] = False
        left = left[~some]
    return unknown


@lru_cache(16)
def _kernel(fwhm: float, ratio: float, theta: float) -> FloatArray:
    """A Gaussian matched filter (K, K), K odd, normalised to sum 1.

    Its minor axis is the part ``ratio`` of its major axis, which is at ``theta`` [deg] from x
    towards y.
    """
    sigma = fwhm * gaussian_fwhm_to_sigma
    kernel: FloatArray = Gaussian2DKernel(sigma, ratio * sigma, np.deg2rad(theta)).array
    centre, half = kernel.shape[0] // 2, max(1, round(fwhm))
    window = slice(centre - half, centre + half + 1)
    normalised = np.array(kernel[window, window] / kernel[window, window].sum(), order="C")
    normalised.flags.writeable = False  # all images share it
    return normalised
