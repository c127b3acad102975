"""The WCS without distortion around chips of HST, in which TweakReg works; made by stwcs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from astropy.wcs import WCS

from tweakreg_step.files.open_fits import open_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exposure import HstExposure

__all__ = ["undistorted_wcs"]

SQUARE = 50.0 * float(np.finfo(np.float32).eps)

_UNUSABLE = (AttributeError, KeyError, TypeError, ValueError, OSError, RuntimeError)
"""What stwcs raises on headers without the keywords that it needs."""


def undistorted_wcs(exposures: Sequence[HstExposure], *, one: bool = False) -> WCS | None:
    """The WCS that ``stwcs.distortion.utils.output_wcs`` makes, oriented as the first chip.

    Parameters
    ----------
    exposures
        Open files.
    one
        Only of the first image of the first of them; without distortion this is its own WCS.

    Returns
    -------
    WCS or None
        With a ``pixel_shape``; None if stwcs can't make it of these headers.
    """
    from stwcs.distortion.utils import output_wcs  # noqa: PLC0415 - an extra
    from stwcs.wcsutil import HSTWCS  # noqa: PLC0415 - an extra

    chips = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dates, and of IDCSCALE where there is none
            for exposure in exposures:
                if exposure.path is None:
                    return None
                with open_fits(exposure.path) as hdus:
                    places = [chip.science for chip in exposure.chips]
                    chips += [HSTWCS(hdus, ext=place) for place in places]
            distorted = chips[0].has_distortion or not _is_square(chips[0])
            if one and not distorted:
                return _plain(chips[0])
            made = output_wcs(chips[:1] if one else chips, undistort=distorted)
    except _UNUSABLE:
        return None
    return _plain(made)


def _is_square(wcs: WCS) -> bool:
    """Whether its pixels are squares, to the limit that TweakReg has."""
    matrix = wcs.pixel_scale_matrix
    square = matrix @ matrix.T / abs(np.linalg.det(matrix))
    return bool(np.abs(square - np.eye(2)).max() <= SQUARE)


def _plain(wcs: WCS) -> WCS:
    """The linear part of a WCS."""
    made = WCS(naxis=2)
    made.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    made.wcs.crval, made.wcs.crpix = np.array(wcs.wcs.crval), np.array(wcs.wcs.crpix)
    made.wcs.cd = np.array(wcs.pixel_scale_matrix)
    made.pixel_shape = wcs.pixel_shape
    made.wcs.set()
    return made
