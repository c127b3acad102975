"""Which cells of the sky are searched, where groups have many thousands of detections.

The same cells are taken of all catalogs, so that a star that is taken of one is taken of the
others: a part of the sky has that part of the true pairs and of those by chance. Of single
detections, the same part would have but the square of it in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import chord

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

__all__ = ["searched_cells"]

ENOUGH = 8000
"""Detections of a group that are searched, if it has twice as many: hundreds of each image."""

SIDE = 20.0
"""Of a cell [arcsec], at least: offsets of some arcsec lead out of few of them."""

OFFSETS = 10.0
"""The same in units of the largest offset that is searched."""

MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""Odd numbers whose multiples are spread evenly over all of 64 bits (those of xxHash)."""


def searched_cells(vectors: FloatArray, group: IntArray, offset: float) -> BoolArray:
    """Mask (N,) of the detections in the cells to search; of all where groups have few.

    Parameters
    ----------
    vectors, group
        (N, 3) directions and (N,) groups of the detections.
    offset
        The largest offset that is searched [arcsec].
    """
    every = np.ones(len(group), bool)
    size = np.bincount(group)
    share = ENOUGH / max(float(np.median(size[size > 0])), 1.0) if len(group) else 1.0
    if share > 0.5:
        return every
    cell = np.floor(vectors / float(chord(max(SIDE, OFFSETS * offset)))).astype(np.int64)
    mixed = np.sum(cell.astype(np.uint64) * MIX, axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= MIX[0]
    taken = (mixed >> np.uint64(11)).astype(float) < share * 2.0**53
    # a small group, or one in few cells, keeps all that it has
    kept = np.bincount(group, taken, minlength=len(size))
    few = kept < 0.5 * share * np.minimum(size, ENOUGH / share)
    return np.asarray(taken | few[group] | (size < ENOUGH)[group])
