"""A part of the sources from which motions are found first, where there are many of them.

A fit begins far off and needs many rounds of association and reweighting to come near; the last
ones decide. A hundred sources an image bring it as near as thousands, to a fraction of the
error of one detection, which is what the last rounds begin with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .iteration import identified

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, IntArray

    from .hierarchy import Motions
    from .iteration import Problem

__all__ = ["sample"]

_MANY = 30_000
"""Detections below which all rounds are cheap."""

_ENOUGH = 100
"""Sources that are taken of an image, if it has so many that others or a star share."""


def sample(problem: Problem, start: Motions, radius: float) -> BoolArray:
    """Mask (N,) of the detections of a part of the sources; of all detections where they are few.

    Parameters
    ----------
    problem, start, radius
        As for `converge`.
    """
    detections = problem.detections
    every = np.ones(len(detections), bool)
    # images with fewer keep all that they have: no association is needed to know it
    if len(detections) < _MANY or np.bincount(detections.image).max() < 2 * _ENOUGH:
        return every
    source = identified(problem, start, radius)
    own = source >= 0
    if not own.any():
        return every
    chosen = _spread_evenly(source[own], detections.image[own])
    some = own.copy()
    some[own] = chosen[source[own]]
    return some if 2 * some.sum() < own.sum() else every


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
