"""Which of the sources of an image are kept: the brightest, spread evenly over the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .flags import excluded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray

    from .core.sources import BoundingBox, Sources

__all__ = ["brightest_evenly", "brightest_of"]

PER_CELL = 5
"""Sources of a cell of the detector that a share is made for: few enough to spread them, and enough
that a cell of one bright galaxy's parts is not all that is seen there."""


def brightest_evenly(
    x: FloatArray, y: FloatArray, flux: FloatArray, shape: tuple[float, float], number: int
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


def brightest_of(sources: Sources, number: int, box: BoundingBox) -> Sources:
    """At most ``number`` sources that can be aligned, and those brighter than the faintest of them.

    The latter, which their flags exclude, cost the others no place. Brightest first where there
    were more than wanted, else as they came; all where no flux is known.

    Parameters
    ----------
    sources
        Of one image. Those of unknown flux come last, those of the same flux keep their order.
    number
        How many are wanted.
    box
        ((xmin, xmax), (ymin, ymax)) of the image [pixels].
    """
    out = np.zeros(len(sources), bool)
    if sources.flags is not None:
        out = excluded(sources.flags)
    usable = sources[~out]
    if len(usable) <= number or not np.isfinite(sources.flux).any():
        return sources
    (xmin, xmax), (ymin, ymax) = box
    size = ymax - ymin, xmax - xmin
    x, y = usable.x - xmin - 0.5, usable.y - ymin - 0.5
    kept = usable[brightest_evenly(x, y, usable.flux, size, number)]
    bright = out & (sources.flux >= np.nanmin(kept.flux, initial=np.inf))
    if not bright.any():
        return kept
    both = kept.joined(sources[bright])
    return both[np.argsort(-both.flux, kind="stable")]
