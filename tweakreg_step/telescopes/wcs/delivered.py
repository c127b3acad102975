"""The WCS as delivered: a GWCS without the correction of an alignment."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from gwcs import WCS

from tweakreg_step.core.sphere import ARCSEC

from .tan_mosaic import correction_of, without_correction

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["CORRECTED", "delivered", "is_corrected", "present_correction"]

CORRECTED = "v2v3corr"
"""The frame that a correction inserts."""


def delivered(wcs: Any) -> Any:
    """A WCS without the correction of an alignment; the same object where it has none."""
    frames = list(wcs.available_frames)
    if CORRECTED not in frames:
        return without_correction(wcs)
    place = frames.index(CORRECTED)
    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    # the correction is the transform from the frame before; the one that follows is kept
    steps[place - 1 : place + 1] = [(steps[place - 1][0], steps[place][1])]
    result = WCS(copy.deepcopy(steps), name=wcs.name)
    result.bounding_box = wcs.bounding_box
    return result


def is_corrected(wcs: Any) -> bool:
    """Whether a GWCS has the correction of an alignment."""
    return CORRECTED in wcs.available_frames or correction_of(wcs) is not None


def present_correction(wcs: Any) -> tuple[FloatArray, FloatArray]:
    """Matrix (2, 2) and shift (2,) [arcsec] of the frame that a correction inserted in a WCS."""
    frames = list(getattr(wcs, "available_frames", ()))
    if CORRECTED not in frames:
        return np.eye(2), np.zeros(2)
    correction = wcs.pipeline[frames.index(CORRECTED) - 1].transform["tp_affine"]
    return np.asarray(correction.matrix.value), ARCSEC * np.asarray(correction.translation.value)
