"""Footprints and epochs of images, for the selection of reference stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.groups import group_names, indices

from .tangent_plane import limits, sky_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray


__all__ = ["corners_of", "epoch_of", "group_epochs"]


def corners_of(correctors: Sequence[Any]) -> list[FloatArray]:
    """The corners (4, 2) of each image through its current WCS, RA and DEC [deg], in order.

    Where the WCS has no bounding box, that of the catalog is used; (0, 2) if it is empty.
    """
    return [_corners(corrector) for corrector in correctors]


def _corners(corrector: Any) -> FloatArray:
    if corrector.bounding_box is None and len(corrector.meta["catalog"]) == 0:
        return np.empty((0, 2))
    (x0, x1), (y0, y1) = limits(corrector)
    x, y = np.array([x0, x1, x1, x0]), np.array([y0, y0, y1, y1])
    return np.stack(sky_of(corrector, x, y), axis=-1)


def epoch_of(correctors: Sequence[Any], otherwise: Any = None) -> float | None:
    """The mean time of all images [Julian year]; None if none is known.

    Parameters
    ----------
    correctors
        ``meta['epoch']`` may hold the time of each.
    otherwise
        A time for all images if none has one: Julian years, or an astropy Time.
    """
    known = [corrector.meta.get("epoch") for corrector in correctors]
    times = sorted(float(epoch) for epoch in known if epoch is not None)
    if times:
        return float(np.mean(times))
    if otherwise is None:
        return None
    return float(getattr(otherwise, "jyear", otherwise))


def group_epochs(correctors: Sequence[Any]) -> FloatArray:
    """The mean time (G,) of the images of each group [Julian year]; NaN where it is not known."""
    groups = indices(group_names(correctors))
    known = [corrector.meta.get("epoch") for corrector in correctors]
    times = np.array([np.nan if epoch is None else float(epoch) for epoch in known])
    result = np.full(int(groups.max(initial=-1)) + 1, np.nan)
    for group in range(len(result)):
        members = np.sort(times[(groups == group) & np.isfinite(times)])
        if len(members):
            result[group] = members.mean()
    return result
