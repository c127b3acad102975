"""Pixels -> Sources: find, choose, measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .finders import candidates
from .measure import GALAXIES, measured
from .selection import brightest_evenly, brightest_of

if TYPE_CHECKING:
    from tweakreg_step.core.sources import Pixels, Sources
    from tweakreg_step.parameters import FinderParameters, SegmentationParameters

    from .cutouts import Plane
    from .measure import Measured

__all__ = ["DEFAULT_FWHM", "Finding", "find_sources"]

DEFAULT_FWHM = 2.5
"""Width of a star where neither the user nor the telescope knows it [pixels]."""

LEAST_FWHM = 1.0
"""Least width that is believed of a table [pixels]: charge diffuses between pixels, and positions
suffer by a width that is too small and hardly by one that is too large."""

DISAGREES = 0.15
"""Relative difference of the stars' width from the expected one that counts: windows and errors
change by less than a tenth within it."""

SPARE = 2
"""Sources that are measured for each one that is wanted: the brightest may be cosmic rays."""


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
        Width of a star that was used [pixels].
    expected_fwhm
        What was expected of the instrument, or given.
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
        Width of a star [pixels], used where ``finder.kernel_fwhm`` is None, unless the stars
        themselves are of another width.

    Returns
    -------
    Finding
        At most ``finder.brightest`` sources that can be aligned, and the sources brighter than
        the faintest of these that can't. Empty where there is nothing, for instance where no pixel
        is good.

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
    return Finding(_chosen(found, plane, finder.brightest), plane, used, expected)


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
    plane, everyone = candidates(pixels, starfinder, fwhm, finder, segmentation)
    some = _evenly(everyone, plane, SPARE * finder.brightest)
    return plane, measured(plane, some, everyone, fwhm, refined=finder.refine_centroids != "none")


def _evenly(sources: Sources, plane: Plane, number: int) -> Sources:
    ny, nx = plane.good.shape
    return sources[brightest_evenly(sources.x, sources.y, sources.flux, (ny, nx), number)]


def _chosen(found: Measured, plane: Plane, number: int) -> Sources:
    """The sources that are kept, brightest first."""
    ny, nx = plane.good.shape
    kept = brightest_of(found.sources, number, ((-0.5, nx - 0.5), (-0.5, ny - 0.5)))
    return kept[np.argsort(-kept.flux, kind="stable")]
