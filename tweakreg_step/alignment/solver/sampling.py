"""A part of the sources from which motions are found first, where there are many of them.

A fit begins far off and needs many rounds of association and reweighting to come near; the last
ones decide. A hundred sources an image bring it as near as thousands, to a fraction of the
error of one detection, which is what the last rounds begin with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import chord

from .hierarchy import moved_directions
from .iteration import identified, unassociated_links
from .links import image_size

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .hierarchy import Motions
    from .iteration import Problem

__all__ = ["sample"]

_MANY = 30_000
"""Detections below which all rounds are cheap."""

_ENOUGH = 100
"""Sources that are taken of an image, if it has so many that others or a star share."""

_ACROSS = 12
"""Cells of the sky across the mean distance of an image's detections from their middle: some
hundreds on an image."""

_WIDE = 20.0
"""Smallest side of a cell in match radii: what is at its edge may lose a partner."""

_PART = 0.25
"""Share of the cells above which all detections are as well associated."""


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
    source = _of_cells(problem, start, radius)
    if source is not None:
        return _thinned(source, detections.image)
    source = identified(problem, start, radius)
    some = _thinned(source, detections.image)
    return some if 2 * some.sum() < np.count_nonzero(source >= 0) else every


def _thinned(source: IntArray, image: IntArray) -> BoolArray:
    """Mask (N,) of the detections of a part of the sources (N,), as many of each image (N,)."""
    own = source >= 0
    if own.any():
        own[own] = _spread_evenly(source[own], image[own])[source[own]]
    return own


def _of_cells(problem: Problem, start: Motions, radius: float) -> IntArray | None:
    """Source (N,) of each detection in some small cells of the sky, -1 elsewhere.

    None where they do not hold enough sources of each image: it may be small, or share few of its
    detections with others.
    """
    detections = problem.detections
    size = np.bincount(detections.image)
    share = 1.5 * _ENOUGH / float(size[size > 0].min())
    links = unassociated_links(detections)
    side = float(chord(image_size(links))) / _ACROSS
    if share > _PART or side < _WIDE * float(chord(radius)):
        return None
    taken = _cells(moved_directions(links, problem.model, start), side, share)
    some = identified(replace(problem, detections=detections.take(taken)), start, radius)
    source = np.full(len(taken), -1)
    source[taken] = some
    moves = problem.component[detections.group] >= 0
    needed = np.bincount(detections.image[moves], minlength=len(size)) > 0
    found = np.bincount(detections.image[source >= 0], minlength=len(size))
    return source if needed.any() and (found[needed] >= _ENOUGH).all() else None


def _cells(vectors: FloatArray, side: float, share: float) -> BoolArray:
    """Mask (N,) of the directions (N, 3) in a `share` of the cubes that space is cut into.

    Cubes are chosen by the digits of a number that the golden ratio makes of their place, so that
    the choice is the same in each run, and neighbours have nothing to do with each other.
    """
    cell = np.floor(vectors / side).astype(np.int64)
    number = (cell[:, 0] * 0x9E3779B1 + cell[:, 1]) * 0x85EBCA77 + cell[:, 2]
    number = (number ^ (number >> 29)) * 0x9E3779B97F4A7C1  # of 64 bits, the rest falls off
    return np.asarray((number >> 32) % 65536 < share * 65536)


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
