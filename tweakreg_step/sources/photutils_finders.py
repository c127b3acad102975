"""The finders iraf, dao and segmentation of photutils, with the parameters of stpipe's own step.

Apart from the others because importing photutils takes as long as finding the stars of two images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import photutils
from astropy.convolution import Gaussian2DKernel, convolve
from astropy.stats import SigmaClip, gaussian_fwhm_to_sigma
from astropy.utils import minversion
from astropy.utils.exceptions import AstropyUserWarning
from photutils.background import Background2D, MedianBackground
from photutils.detection import DAOStarFinder, IRAFStarFinder
from photutils.segmentation import SourceCatalog, SourceFinder
from photutils.utils import NoDetectionsWarning

from tweakreg_step.core.sources import Sources

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.parameters import FinderParameters, SegmentationParameters

__all__ = ["FINDERS", "Finder", "Search", "background"]

# Photutils 3.1 has no progress bar any more and deprecates the argument.
_QUIET = {} if minversion(photutils, "3.1") else {"progress_bar": False}


def background(data: NDArray[Any], mask: BoolArray, box: int) -> tuple[FloatArray, float]:
    """Background (ny, nx) and its median noise, as that step defines them."""
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
class Search:
    """Input of photutils' finders: image without background, noise, mask, FWHM [pixels]."""

    data: NDArray[Any]
    noise: float
    mask: BoolArray
    fwhm: float


Finder: TypeAlias = Callable[[Search, "FinderParameters", "SegmentationParameters"], Sources]
"""Function that finds the sources of an image."""


def _with_starfinder(kind: type) -> Finder:
    def find(
        search: Search, finder: FinderParameters, _segmentation: SegmentationParameters
    ) -> Sources:
        if not search.noise > 0:  # a constant image has no sources, and no threshold
            return _from_table(None, "flux")
        shape = {"ratio": finder.ratio, "theta": finder.theta} if kind is DAOStarFinder else {}
        star_finder = kind(
            finder.snr_threshold * _threshold_noise(search, finder),
            search.fwhm,
            **shape,
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


def _threshold_noise(search: Search, finder: FinderParameters) -> float:
    """The noise of which the threshold is a multiple: given, or measured."""
    return search.noise if finder.skysigma is None else finder.skysigma


def _with_segmentation(
    search: Search, finder: FinderParameters, segmentation: SegmentationParameters
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
        segments = source_finder(
            smooth, finder.snr_threshold * _threshold_noise(search, finder), mask=mask
        )
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


FINDERS: dict[str, Finder] = {
    "iraf": _with_starfinder(IRAFStarFinder),
    "dao": _with_starfinder(DAOStarFinder),
    "segmentation": _with_segmentation,
}
"""Finders by the values of the parameter ``starfinder``."""
