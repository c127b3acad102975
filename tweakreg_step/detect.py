"""Pixels -> Sources: background, finder, selection.

The finders iraf, dao and segmentation are those of photutils with the parameters of the JWST step;
sep is Source Extractor's algorithm (Bertin & Arnouts 1996, A&AS 117, 393) with windowed
positions.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import photutils
import sep
from astropy.convolution import Gaussian2DKernel, convolve
from astropy.stats import SigmaClip, gaussian_fwhm_to_sigma
from astropy.utils import minversion
from astropy.utils.exceptions import AstropyUserWarning
from photutils.background import Background2D, MedianBackground
from photutils.detection import DAOStarFinder, IRAFStarFinder
from photutils.segmentation import SourceCatalog, SourceFinder
from photutils.utils import NoDetectionsWarning

from .data import Sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .config import FinderParameters, SegmentationParameters
    from .data import FloatArray, Pixels

__all__ = ["find_sources"]

# The Gaussian window of a position must not be narrower than this, or the pixel grid biases it.
MIN_WINDOW_FWHM = 2.0  # pixels
# Photutils 3.1 has no bar to hide any more and deprecates the question.
_QUIET = {} if minversion(photutils, "3.1") else {"progress_bar": False}
# Part of the flux in the brightest pixel: 0.58 at most for a star of FWHM 1 px, 1 for a hot pixel.
SHARPEST = 0.8
# More sources than this are only deblending noise; sep's default of 300,000 pixels is too few for
# a crowded 2048 x 2048 image.
SEP_PIXEL_STACK = 2_000_000


def find_sources(
    pixels: Pixels,
    starfinder: str,
    finder: FinderParameters,
    segmentation: SegmentationParameters,
) -> Sources:
    """Find the sources of an image.

    Parameters
    ----------
    pixels
        The image; masked and non-finite pixels are not used.
    starfinder
        'sep', 'iraf', 'dao' or 'segmentation'.
    finder, segmentation
        Parameters of the finders.

    Returns
    -------
    Sources
        At most ``finder.brightest`` sources, brightest first. Empty where there is nothing, for
        instance where no pixel is good.
    """
    mask = pixels.mask | ~np.isfinite(pixels.data)
    if mask.all():
        return Sources.at(np.empty(0), np.empty(0))
    if starfinder == "sep":
        found = _with_sep(pixels, mask, finder)
    else:
        level, noise = _background(pixels.data, mask, finder.bkg_boxsize)
        find = _PHOTUTILS[starfinder]
        found = find(pixels.data - level, noise, mask, finder, segmentation)
    return _brightest(_inside(found, pixels.data.shape), finder.brightest)


def _inside(found: Sources, shape: tuple[int, ...]) -> Sources:
    finite = np.isfinite(found.x) & np.isfinite(found.y) & (found.flux > 0)
    ny, nx = shape
    inside = (found.x > -0.5) & (found.x < nx - 0.5) & (found.y > -0.5) & (found.y < ny - 0.5)
    return found[finite & inside]


def _brightest(found: Sources, number: int) -> Sources:
    order = np.argsort(-found.flux, kind="stable")
    return found[order[:number]]


def _with_sep(pixels: Pixels, mask: NDArray[np.bool_], finder: FinderParameters) -> Sources:
    data = np.where(mask, 0.0, pixels.data).astype(np.float32)
    box = min(finder.bkg_boxsize, *data.shape)
    background = sep.Background(data, mask=mask, bw=box, bh=box)
    data -= background.back(dtype=np.float32)
    data[mask] = 0.0
    sep.set_extract_pixstack(SEP_PIXEL_STACK)
    found = sep.extract(
        data,
        finder.snr_threshold,
        err=background.globalrms,
        mask=mask,
        minarea=3,
        filter_kernel=_kernel(finder.kernel_fwhm),
    )
    if finder.peakmax is not None:
        found = found[found["peak"] < finder.peakmax]
    sigma = max(finder.kernel_fwhm, MIN_WINDOW_FWHM) * gaussian_fwhm_to_sigma
    x, y, _ = sep.winpos(data, found["x"], found["y"], sigma, mask=mask)
    radius = 1.5 * max(finder.kernel_fwhm, MIN_WINDOW_FWHM)
    error = np.where(mask | ~np.isfinite(pixels.error), 0.0, pixels.error).astype(np.float32)
    flux, flux_error, _ = sep.sum_circle(data, x, y, radius, err=error, mask=mask)
    centroid_error = _centroid_error(flux, flux_error, sigma)
    sources = Sources.at(x, y, flux=flux, x_err=centroid_error, y_err=centroid_error)
    return sources[found["peak"] < SHARPEST * flux]


def _kernel(fwhm: float) -> FloatArray:
    """A Gaussian matched filter (K, K), K odd, normalised to sum 1."""
    kernel: FloatArray = Gaussian2DKernel(fwhm * gaussian_fwhm_to_sigma).array
    centre, half = kernel.shape[0] // 2, max(1, round(fwhm))
    window = slice(centre - half, centre + half + 1)
    return np.asarray(kernel[window, window] / kernel[window, window].sum(), order="C")


def _centroid_error(flux: FloatArray, flux_error: FloatArray, sigma: float) -> FloatArray:
    """One standard deviation [pixels] of a star's centroid per axis, sigma / SNR.

    King 1983, PASP 95, 163: between 1 and sqrt 2 times this, from photon to background noise; the
    larger is taken where the background dominates, as it does near the threshold.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.where(flux_error > 0, flux / flux_error, np.nan)
        return np.asarray(np.sqrt(2.0) * sigma / snr)


def _background(data: NDArray[Any], mask: NDArray[np.bool_], box: int) -> tuple[FloatArray, float]:
    """Background (ny, nx) and its median noise, as the JWST step defines them."""
    common = {
        "filter_size": (3, 3),
        "coverage_mask": mask,
        "sigma_clip": SigmaClip(sigma=3.0),
        "bkg_estimator": MedianBackground(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # NaN pixels are masked on purpose
        try:
            background = Background2D(data, box, **common)
        except ValueError:  # no mesh has enough good pixels: take the image as one mesh
            background = Background2D(data, data.shape, exclude_percentile=100.0, **common)
        return background.background, float(np.median(background.background_rms))


def _with_starfinder(kind: type) -> Callable[..., Sources]:
    def find(
        data: FloatArray,
        noise: float,
        mask: NDArray[np.bool_],
        finder: FinderParameters,
        _segmentation: SegmentationParameters,
    ) -> Sources:
        star_finder = kind(
            finder.snr_threshold * noise,
            finder.kernel_fwhm,
            sigma_radius=finder.sigma_radius,
            min_separation=max(2, int(finder.minsep_fwhm * finder.kernel_fwhm + 0.5)),
            sharpness_range=(finder.sharplo, finder.sharphi),
            roundness_range=(finder.roundlo, finder.roundhi),
            peak_max=finder.peakmax,
            n_brightest=finder.brightest,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoDetectionsWarning)  # an empty catalog says it
            table = star_finder(data, mask=mask)
        return _from_table(table, "flux")

    return find


def _with_segmentation(
    data: FloatArray,
    noise: float,
    mask: NDArray[np.bool_],
    finder: FinderParameters,
    segmentation: SegmentationParameters,
) -> Sources:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # NaN pixels are masked on purpose
        warnings.simplefilter("ignore", NoDetectionsWarning)  # an empty catalog says it
        kernel = Gaussian2DKernel(finder.kernel_fwhm * gaussian_fwhm_to_sigma)
        smooth = convolve(data, kernel, mask=mask)
        source_finder = SourceFinder(
            n_pixels=segmentation.npixels,
            connectivity=segmentation.connectivity,
            deblend=segmentation.deblend,
            n_levels=segmentation.nlevels,
            contrast=segmentation.contrast,
            mode=segmentation.multithresh_mode,
            **_QUIET,
        )
        segments = source_finder(smooth, finder.snr_threshold * noise, mask=mask)
        if segments is None:
            return _from_table(None, "segment_flux")
        catalog = SourceCatalog(
            data,
            segments,
            mask=mask,
            convolved_data=smooth,
            local_bkg_width=segmentation.localbkg_width,
            aperture_mask_method=segmentation.apermask_method,
            kron_params=segmentation.kron_params or (2.5, 1.4, 0.0),
        )
        table = catalog.to_table(columns=["x_centroid", "y_centroid", "segment_flux", "max_value"])
    if finder.peakmax is not None:
        table = table[table["max_value"] < finder.peakmax]
    return _from_table(table, "segment_flux")


def _from_table(table: Any, flux: str) -> Sources:
    if table is None:
        return Sources.at(np.empty(0), np.empty(0))
    x, y, fluxes = (np.asarray(table[c], float) for c in (*_position_columns(table), flux))
    return Sources.at(x, y, flux=fluxes)


def _position_columns(table: Any) -> tuple[str, str]:
    """Photutils 3 calls them xcentroid or x_centroid, depending on a switch of its own."""
    return (
        ("x_centroid", "y_centroid")
        if "x_centroid" in table.colnames
        else ("xcentroid", "ycentroid")
    )


_PHOTUTILS: dict[str, Callable[..., Sources]] = {
    "iraf": _with_starfinder(IRAFStarFinder),
    "dao": _with_starfinder(DAOStarFinder),
    "segmentation": _with_segmentation,
}
