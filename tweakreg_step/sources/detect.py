"""Find the sources of an image, select the brightest, measure their positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .finders import candidates
from .measure import GALAXIES, as_stars, measured
from .selection import brightest_evenly, brightest_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.sources import Pixels, Sources
    from tweakreg_step.parameters import FinderParameters, SegmentationParameters

    from .cutouts import Plane
    from .measure import Measured

__all__ = ["DEFAULT_FWHM", "Finding", "find_sources"]

DEFAULT_FWHM = 2.5
"""FWHM of stars where neither the user nor the telescope gives it [pixels]."""

LEAST_FWHM = 1.0
"""Smallest expected FWHM [pixels]: charge diffuses between pixels, and a width that is too small
makes positions worse than one that is too large."""

DISAGREES = 0.15
"""Relative difference of the stars' FWHM from the expected one above which theirs is used; below
it, windows and errors change by less than a tenth."""

SPARE = 2
"""Number of sources measured, relative to the number wanted: the brightest may be cosmic rays."""

MORE = 4
"""How many times as many are measured where too few of these can be used: in a single exposure of a
CCD in orbit, nineteen of twenty sources may be cosmic rays."""

ALL = 10**12
"""More sources than any image has."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The sources of an image.

    Attributes
    ----------
    sources
        Brightest first, with flags.
    plane
        The image without its background.
    fwhm
        FWHM of stars that was used [pixels].
    expected_fwhm
        FWHM expected for the instrument, or given by the user [pixels].
    """

    sources: Sources
    plane: Plane
    fwhm: float
    expected_fwhm: float


def find_sources(
    pixels: Pixels,
    starfinder: str,
    finder: FinderParameters,
    segmentation: SegmentationParameters,
    expected_fwhm: float | None = None,
) -> Finding:
    """Find the sources of an image.

    Parameters
    ----------
    pixels
        The image; masked and non-finite pixels are not used.
    starfinder
        'sep', 'iraf', 'dao' or 'segmentation'.
    finder, segmentation
        Parameters of the finders.
    expected_fwhm
        FWHM of stars [pixels], used where ``finder.kernel_fwhm`` is None, unless the stars of the
        image have another width.

    Returns
    -------
    Finding
        At most ``finder.brightest`` sources that are usable for the alignment, and the unusable
        ones brighter than the faintest of these. Empty if there are none, as where no pixel is
        good.

    Raises
    ------
    InputError
        If the image has more overlapping sources than the finder can hold.
    """
    expected = finder.kernel_fwhm or max(expected_fwhm or DEFAULT_FWHM, LEAST_FWHM)
    plane, found = _with_width(pixels, starfinder, finder, segmentation, expected)
    used = expected
    known = finder.kernel_fwhm is not None
    if not known and _disagree(found.fwhm, expected, GALAXIES if expected_fwhm else np.inf):
        used = found.fwhm or expected
        plane, found = _with_width(pixels, starfinder, finder, segmentation, used)
    return Finding(_chosen(found, plane, finder.brightest or ALL), plane, used, expected)


def _disagree(measured_fwhm: float | None, expected: float, most: float) -> bool:
    if measured_fwhm is None:
        return False
    ratio = measured_fwhm / expected
    return abs(ratio - 1.0) > DISAGREES and ratio < most


def _with_width(
    pixels: Pixels,
    starfinder: str,
    finder: FinderParameters,
    segmentation: SegmentationParameters,
    fwhm: float,
) -> tuple[Plane, Measured]:
    plane, all_sources = candidates(pixels, starfinder, fwhm, finder, segmentation)
    wanted, refined = finder.brightest or ALL, finder.refine_centroids != "none"
    number, stars = SPARE * wanted, None
    while True:
        stars = as_stars(plane, _evenly(all_sources, plane, number), all_sources, fwhm, stars)
        if len(stars.rows) == len(all_sources) or stars.usable >= wanted:
            return plane, measured(plane, stars, all_sources, fwhm, refined=refined)
        number *= MORE


def _evenly(sources: Sources, plane: Plane, number: int) -> NDArray[np.int64]:
    return brightest_evenly(sources.x, sources.y, sources.flux, plane.good.shape, number)


def _chosen(found: Measured, plane: Plane, number: int) -> Sources:
    """The brightest sources, in order of descending flux."""
    ny, nx = plane.good.shape
    kept = brightest_of(found.sources, number, ((-0.5, nx - 0.5), (-0.5, ny - 0.5)))
    return kept[np.argsort(-kept.flux, kind="stable")]
