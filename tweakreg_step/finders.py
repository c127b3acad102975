"""Pixels -> an image without background and the sources in it, by one of four finders.

The finders iraf, dao and segmentation are those of photutils with the parameters of the JWST step;
sep is Source Extractor's algorithm (Bertin & Arnouts 1996, A&AS 117, 393).
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

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

from .centroid import MIN_WINDOW_FWHM
from .data import Sources
from .exceptions import InputError
from .stamps import Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .config import FinderParameters, SegmentationParameters
    from .data import BoolArray, FloatArray, Pixels

__all__ = ["bridged", "candidates"]

# Photutils 3.1 has no bar to hide any more and deprecates the question.
_QUIET = {} if minversion(photutils, "3.1") else {"progress_bar": False}
# Active pixels that sep may hold, in turn until they suffice; its own 300,000 are too few for a
# crowded 2048 x 2048 image. The last one holds every pixel of one.
PIXEL_STACKS = (1_000_000, 8_000_000)
# Least contrast of what is deblended: sep's default, then none, where too many parts overlap.
CONTRASTS = (0.005, 1.0)
# Rings of bad pixels that are bridged, so that a dead pixel does not cut a star in two
BRIDGES = 2


def candidates(
    pixels: Pixels,
    starfinder: str,
    fwhm: float,
    finder: FinderParameters,
    segmentation: SegmentationParameters,
) -> tuple[Plane, Sources]:
    """Find sources, and take the background off the image.

    Parameters
    ----------
    pixels
        The image; masked and non-finite pixels are not used.
    starfinder
        'sep', 'iraf', 'dao' or 'segmentation'.
    fwhm
        Width of a star [pixels].
    finder, segmentation
        Parameters of the finders.

    Returns
    -------
    Plane, Sources
        The latter with the positions that the finder measured, without errors. Empty where there
        is nothing, for instance where no pixel is good.

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
        level, noise = _background(pixels.data, ~good, finder.bkg_boxsize)
        data = pixels.data - level
        search = _Search(data, noise, ~good, fwhm)
        found = _PHOTUTILS[starfinder](search, finder, segmentation)
    return Plane(data, pixels.error, good, saturated, noise), _inside(found, good.shape)


def _inside(found: Sources, shape: tuple[int, ...]) -> Sources:
    finite = np.isfinite(found.x) & np.isfinite(found.y) & (found.flux > 0)
    ny, nx = shape
    inside = (found.x > -0.5) & (found.x < nx - 0.5) & (found.y > -0.5) & (found.y < ny - 0.5)
    return found[finite & inside]


def _with_sep(
    pixels: Pixels, good: BoolArray, fwhm: float, finder: FinderParameters
) -> tuple[NDArray[Any], float, Sources]:
    """The image without its background, the noise of that, and the sources."""
    data = np.where(good, pixels.data, 0.0).astype(np.float32)
    box = min(finder.bkg_boxsize, *data.shape)
    background = sep.Background(data, mask=~good, bw=box, bh=box)
    data -= background.back(dtype=np.float32)
    whole, unknown = bridged(data, good, BRIDGES)
    found = _extracted(whole, unknown, background.globalrms, fwhm, finder)
    if finder.peakmax is not None:
        found = found[found["peak"] < finder.peakmax]
    radius = 1.5 * max(fwhm, MIN_WINDOW_FWHM)
    flux, _, _ = sep.sum_circle(whole, found["x"], found["y"], radius, mask=unknown)
    return data, float(background.globalrms), Sources.at(found["x"], found["y"], flux=flux)


def _extracted(
    data: NDArray[Any], mask: BoolArray, noise: float, fwhm: float, finder: FinderParameters
) -> Any:
    """The table of sep, with as much memory and as little deblending as the image needs."""
    if not noise > 0:  # a constant image has no sources, and no threshold
        return np.zeros(0, [("x", float), ("y", float), ("peak", float)])
    for stack, contrast in itertools.product(PIXEL_STACKS, CONTRASTS):
        sep.set_extract_pixstack(stack)
        try:
            return sep.extract(
                data,
                finder.snr_threshold,
                err=noise,
                mask=mask,
                minarea=3,
                filter_kernel=_kernel(fwhm),
                deblend_cont=contrast,
                clean=False,  # it compares each source with all others: minutes for 100,000
            )
        except Exception as error:  # noqa: BLE001 - sep raises this very class
            reason = str(error)
    raise InputError(
        f"The finder gave up on an image of {data.shape[1]} x {data.shape[0]} pixels: {reason}. "
        f"Its sources above {finder.snr_threshold:g} times the noise must fit into memory. Raise "
        "'snr_threshold', lower 'bkg_boxsize', or choose another 'starfinder'."
    )


def bridged(data: NDArray[Any], good: BoolArray, rounds: int) -> tuple[NDArray[Any], BoolArray]:
    """An image (ny, nx) with narrow gaps filled, and the mask of what is still unknown.

    Each bad pixel gets the mean of its good neighbours in 3 x 3 pixels, gaps from their rims
    inwards. This is for finding alone: positions are measured on good pixels.
    """
    data, known = data.copy(), good.copy()
    ny, nx = data.shape
    for _ in range(rounds):
        row, column = np.nonzero(~known)
        total, count = np.zeros(len(row)), np.zeros(len(row))
        for down, right in itertools.product((-1, 0, 1), repeat=2):
            there = (np.clip(row + down, 0, ny - 1), np.clip(column + right, 0, nx - 1))
            total += np.where(known[there], data[there], 0.0)
            count += known[there]
        some = count >= 3  # fewer would carry the image over its own edge
        data[row[some], column[some]] = total[some] / count[some]
        known[row[some], column[some]] = True
    data[~known] = 0.0
    return data, ~known


def _kernel(fwhm: float) -> FloatArray:
    """A Gaussian matched filter (K, K), K odd, normalised to sum 1."""
    kernel: FloatArray = Gaussian2DKernel(fwhm * gaussian_fwhm_to_sigma).array
    centre, half = kernel.shape[0] // 2, max(1, round(fwhm))
    window = slice(centre - half, centre + half + 1)
    return np.asarray(kernel[window, window] / kernel[window, window].sum(), order="C")


def _background(data: NDArray[Any], mask: BoolArray, box: int) -> tuple[FloatArray, float]:
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


@dataclass(frozen=True, slots=True)
class _Search:
    """What photutils' finders are given: image without background, noise, mask, FWHM [pixels]."""

    data: NDArray[Any]
    noise: float
    mask: BoolArray
    fwhm: float


_Finder: TypeAlias = Callable[[_Search, "FinderParameters", "SegmentationParameters"], Sources]


def _with_starfinder(kind: type) -> _Finder:
    def find(
        search: _Search, finder: FinderParameters, _segmentation: SegmentationParameters
    ) -> Sources:
        if not search.noise > 0:  # a constant image has no sources, and no threshold
            return _from_table(None, "flux")
        star_finder = kind(
            finder.snr_threshold * search.noise,
            search.fwhm,
            sigma_radius=finder.sigma_radius,
            min_separation=max(2, int(finder.minsep_fwhm * search.fwhm + 0.5)),
            sharpness_range=(finder.sharplo, finder.sharphi),
            roundness_range=(finder.roundlo, finder.roundhi),
            peak_max=finder.peakmax,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoDetectionsWarning)  # an empty catalog says it
            table = star_finder(search.data, mask=search.mask)
        return _from_table(table, "flux")

    return find


def _with_segmentation(
    search: _Search, finder: FinderParameters, segmentation: SegmentationParameters
) -> Sources:
    data, mask = search.data, search.mask
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # NaN pixels are masked on purpose
        warnings.simplefilter("ignore", NoDetectionsWarning)  # an empty catalog says it
        kernel = Gaussian2DKernel(search.fwhm * gaussian_fwhm_to_sigma)
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
        segments = source_finder(smooth, finder.snr_threshold * search.noise, mask=mask)
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


_PHOTUTILS: dict[str, _Finder] = {
    "iraf": _with_starfinder(IRAFStarFinder),
    "dao": _with_starfinder(DAOStarFinder),
    "segmentation": _with_segmentation,
}
