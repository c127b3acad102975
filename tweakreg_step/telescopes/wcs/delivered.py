"""The WCS as delivered: a GWCS without the correction of an alignment."""

from __future__ import annotations

import copy
from typing import Any

from gwcs import WCS

__all__ = ["CORRECTED", "delivered"]

CORRECTED = "v2v3corr"
"""The frame that a correction inserts."""


def delivered(wcs: Any) -> Any:
    """A WCS without the correction of an alignment; the same object where it has none."""
    frames = list(wcs.available_frames)
    if CORRECTED not in frames:
        return wcs
    place = frames.index(CORRECTED)
    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    # the correction is the transform from the frame before; the one that follows is kept
    steps[place - 1 : place + 1] = [(steps[place - 1][0], steps[place][1])]
    result = WCS(copy.deepcopy(steps), name=wcs.name)
    result.bounding_box = wcs.bounding_box
    return result
