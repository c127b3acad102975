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

__all__ = ["bridged", "candidates"]

# Sizes of sep's buffer of active pixels, tried in turn; its default of 300,000 is too small for a
# crowded 2048 x 2048 image. The last one holds all pixels of such an image.
PIXEL_STACKS = (100_000, 1_000_000, 8_000_000)
# Smallest contrast for deblending, tried in turn: sep's default, then no deblending, where too many
# parts overlap.
CONTRASTS = (0.005, 1.0)
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
    box = min(finder.bkg_boxsize, *data.shape)
    background = sep.Background(data, mask=~good, bw=box, bh=box)
    data -= background.back(dtype=np.float32)
    whole, unknown = bridged(data, good, BRIDGES)
    noise = background.globalrms if finder.skysigma is None else finder.skysigma
    found = _extracted(whole, unknown, noise, fwhm, finder)
    if finder.peakmax is not None:
        found = found[found["peak"] < finder.peakmax]
    radius = 1.5 * max(fwhm, MIN_WINDOW_FWHM)
    flux, _, _ = sep.sum_circle(whole, found["x"], found["y"], radius, mask=unknown)
    return data, float(background.globalrms), Sources.at(found["x"], found["y"], flux=flux)


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


def bridged(data: NDArray[Any], good: BoolArray, rounds: int) -> tuple[NDArray[Any], BoolArray]:
    """An image (ny, nx) with narrow gaps filled, and the mask of the pixels that are still bad.

    Each bad pixel gets the mean of its good neighbours in 3 x 3 pixels, gaps from their rims
    inwards. This is for finding alone: positions are measured on good pixels.
    """
    data, known = data.copy(), good.copy()
    ny, nx = data.shape
    left = np.flatnonzero(~good)
    values, is_known = data.ravel(), known.ravel()  # views: both are contiguous
    values[left] = 0.0
    for _ in range(rounds):
        row, column = np.divmod(left, nx)
        rows = [np.clip(row + down, 0, ny - 1) * nx for down in (-1, 0, 1)]
        columns = [np.clip(column + right, 0, nx - 1) for right in (-1, 0, 1)]
        total, count = np.zeros(len(left)), np.zeros(len(left))
        for start, right in itertools.product(rows, columns):
            there = start + right
            total += values.take(there)
            count += is_known.take(there)
        some = count >= 3  # fewer would extrapolate the image beyond its edge
        values[left[some]] = total[some] / count[some]
        is_known[left[some]] = True
        left = left[~some]
    return data, ~known


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
