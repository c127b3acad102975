"""Which of the sources of an image are kept: the brightest, spread evenly over the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .data import FloatArray

__all__ = ["brightest_evenly"]

PER_CELL = 5
"""Sources of a cell of the detector that a share is made for: few enough to spread them, and enough
that a cell of one bright galaxy's parts is not all that is seen there."""


def brightest_evenly(
    x: FloatArray, y: FloatArray, flux: FloatArray, shape: tuple[int, int], number: int
) -> NDArray[np.int64]:
    """Indices of at most ``number`` sources, brightest first.

    The detector is divided into equal cells, of which each gives its brightest in equal shares;
    what crowded cells can't give and empty ones don't have is filled up by the brightest of the
    rest. If there are no more than ``number`` sources, all are kept.

    Parameters
    ----------
    x, y, flux
        (n,) positions [pixels] and fluxes. Sources of the same flux keep their order.
    shape
        (ny, nx) of the image.
    """
    order = np.argsort(-flux, kind="stable")
    if len(order) <= number:
        return order
    side = max(1, int(np.sqrt(number / PER_CELL)))
    column, row = (
        np.clip(((position[order] + 0.5) * side / size).astype(int), 0, side - 1)
        for position, size in ((x, shape[1]), (y, shape[0]))
    )
    cell = row * side + column
    by_cell = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[by_cell], cell[by_cell], side="left")
    rank = np.empty(len(order), int)
    rank[by_cell] = np.arange(len(order)) - first
    # the shares first, then everyone, both brightest first
    queue = np.argsort(np.where(rank < number // side**2, 0, 1), kind="stable")
    return np.asarray(order[np.sort(queue[:number])])
