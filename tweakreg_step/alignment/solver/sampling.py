"""A part of the sources from which motions are found first, where there are many of them.

A fit begins far off and needs many rounds of association and reweighting to come near; the last
ones decide. A hundred sources an image bring it as near as thousands, to a fraction of the
error of one detection, which is what the last rounds begin with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import chosen_cells

from .hierarchy import moved_directions
from .iteration import identified, unassociated_links

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, IntArray

    from .hierarchy import Motions
    from .iteration import Problem

__all__ = ["sample"]

_MANY = 30_000
"""Detections below which all rounds are cheap."""

_ENOUGH = 100
"""Sources that are taken of an image, if it has so many that others or a star share."""

_WORTH = 4.5
"""Detections of an image, in the median and in these, below which a third or more would be taken.
"""

_LOOKED_AT = 3
"""Detections of an image, in these, that they are chosen from: those in some cells of the sky."""

_SIDE = 30.0
"""Of such a cell, in match radii: errors are a small part of these, and few sources are cut."""


def sample(problem: Problem, start: Motions, radius: float) -> BoolArray:
    """Mask (N,) of the detections of a part of the sources; of all detections where they are few.

    Parameters
    ----------
    problem, start, radius
        As for `converge`.
    """
    detections = problem.detections
    every = np.ones(len(detections), bool)
    size = np.bincount(detections.image)
    if len(detections) < _MANY or np.median(size[size > 0]) < _WORTH * _ENOUGH:
        return every
    moved = moved_directions(unassociated_links(detections), problem.model, start)
    cells = chosen_cells(moved, detections.image, _SIDE * radius, _LOOKED_AT * _ENOUGH)
    rows = np.flatnonzero(cells)
    source = identified(problem, start, radius, rows)
    own = source >= 0
    if not own.any():
        return every
    chosen = _spread_evenly(source[own], detections.image[rows[own]])
    some = np.zeros(len(every), bool)
    some[rows[own]] = chosen[source[own]]
    return some if 2 * some.sum() < len(some) else every


def _spread_evenly(source: IntArray, image: IntArray) -> BoolArray:
    """Mask (S,) of sources such that each image keeps about `_ENOUGH`, all over its field.

    A source goes with that of its images that has fewest. Those of an image are numbered by their
    position, and every so many are taken.
    """
    size = np.bincount(image)
    scarce = np.full(int(source.max()) + 1, len(image))
    np.minimum.at(scarce, source, size[image])
    with_it = size[image] == scarce[source]
    home = np.zeros(len(scarce), np.int64)
    home[source[with_it]] = image[with_it]
    order = np.argsort(home, kind="stable")
    count = np.bincount(home, minlength=len(size))
    rank = np.empty(len(home), np.int64)
    rank[order] = np.arange(len(home)) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(rank % np.maximum(scarce // _ENOUGH, 1) == 0)
