"""Value of the brightest pixel of each source."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import Pixels, Sources

__all__ = ["RING", "around", "median_of_rows", "with_peaks"]

RING = 10
"""Half the side [pixels] of the square ring whose median is a source's background: larger than the
core of a star, smaller than the scale on which nebulae vary."""

AT_ONCE = 20_000  # sources; 80 pixels of the ring for each are 13 MB


def with_peaks(sources: Sources, pixels: Pixels) -> Sources:
    """The sources with their ``peak``, where they have none.

    Parameters
    ----------
    sources
        Sources of the image.
    pixels
        The image; masked and non-finite pixels do not count.

    Returns
    -------
    Sources
        ``peak`` is the largest of the 3 x 3 pixels around a source less the median of the ring of
        pixels 10 away; NaN where none of the nine is good.
    """
    if sources.peak is not None:
        return sources
    data = np.where(pixels.mask, np.nan, pixels.data).astype(float)
    parts = [
        _peaks(data, sources.x[k : k + AT_ONCE], sources.y[k : k + AT_ONCE])
        for k in range(0, len(sources), AT_ONCE)
    ]
    return replace(sources, peak=np.concatenate([np.empty(0), *parts]))


def _peaks(data: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    core = around(data, x, y, np.indices((3, 3)).reshape(2, -1) - 1)
    side = np.indices((2 * RING + 1, 2 * RING + 1)).reshape(2, -1) - RING
    ring = around(data, x, y, side[:, np.abs(side).max(axis=0) == RING])
    peak = np.where(np.isfinite(core), core, -np.inf).max(axis=1)
    return np.where(np.isfinite(peak), peak, np.nan) - median_of_rows(ring)


def around(
    data: FloatArray, x: FloatArray, y: FloatArray, offsets: NDArray[np.int64]
) -> FloatArray:
    """Pixels (N, K) at the offsets (2, K) from each source; NaN off the image."""
    rows = np.rint(y).astype(int)[:, None] + offsets[0]
    columns = np.rint(x).astype(int)[:, None] + offsets[1]
    ny, nx = data.shape
    there = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    return np.where(there, data[np.clip(rows, 0, ny - 1), np.clip(columns, 0, nx - 1)], np.nan)


def median_of_rows(values: FloatArray) -> FloatArray:
    """Median (N,) of the finite values of each row (N, K), 0 where there are none.

    By sorting, NaN last: numpy's nanmedian goes through the rows one by one.
    """
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    row = np.arange(len(values))
    middle = 0.5 * (ordered[row, low] + ordered[row, np.minimum(high, values.shape[1] - 1)])
    return np.where(count > 0, middle, 0.0)
