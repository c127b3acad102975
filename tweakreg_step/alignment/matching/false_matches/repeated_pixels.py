"""Detections at the pixel of one in an exposure shortly before, though the telescope moved.

Hot pixels are at the same pixels in all exposures. Persistence is what a source of the exposure
before leaves at its pixels: there the first of two is a star and the second none. Left out are the
later ones, so that the stars of the exposure before stay, and hot pixels are left in one exposure
alone, where they match nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching.offset_histogram import log_chance
from tweakreg_step.core.sphere import ARCSEC, directions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = ["repeated_pixels"]

_SIGNIFICANT = float(np.log(1e-6))
"""Logarithm of the probability of as many chance pairs at the same pixel of two exposures."""

_ERRORS = 6.0
"""Radius of 'the same pixel' in errors of a difference per axis; undersampled sources have larger
errors than their signal gives."""

_LIMITS = 0.01, 0.06
"""Limits of that radius [arcsec]."""

_RING = 5.0
"""Chance pairs are counted in a ring from the radius to this many radii."""

_CROWDED = 100
"""Pairs in the ring, in detections of the later exposure, from which on chance explains that all
of them repeat; they are not listed, since those of 20,000 detections in a point fill a memory."""

_LAGS = 3
"""Exposures of a detector after one that it is compared with: persistence fades, and a hot pixel
is in all of them."""


_FEW = 3
"""Pairs at the same pixel that may be by chance, even where none is in the ring: for them the
expectation is 1 / 24 then, and four have a probability of 1.2e-7."""


class _Part(NamedTuple):
    """The detections of a detector in an exposure.

    Attributes
    ----------
    rows
        Their indices.
    tree
        A tree of their places on the detector.
    variance
        The median of their variances per axis [arcsec^2].
    """

    rows: IntArray
    tree: cKDTree
    variance: float


def repeated_pixels(detections: Detections, order: FloatArray) -> tuple[BoolArray, BoolArray]:
    """The later, and the earlier, of detections at the same pixel of exposures that moved.

    Parameters
    ----------
    detections
        Detections through the input WCS. Without a detector's name they are compared as well: on
        another detector nothing repeats.
    order
        (G,) time of each group, in any unit.

    Returns
    -------
    later, earlier
        (N,) masks; none where no more of them repeat than by chance.
    """
    later, earlier = np.zeros(len(detections), bool), np.zeros(len(detections), bool)
    variance = mean_variance(detections.covariance)
    vectors = directions(detections.ra, detections.dec)
    known = np.isfinite(vectors).all(axis=1) & np.isfinite(detections.unit_xy).all(axis=1)
    known &= np.any(detections.unit_xy != 0.0, axis=1)
    for one, other in _pairs(detections, order, known, variance):
        (before, near), (after, there) = one[:2], other[:2]
        noise = one.variance + other.variance
        radius = float(np.clip(_ERRORS * np.sqrt(noise), *_LIMITS))
        if near.count_neighbors(there, radius) <= _FEW:
            continue
        if near.count_neighbors(there, _RING * radius) > _CROWDED * len(after):
            continue
        close = near.sparse_distance_matrix(there, _RING * radius, output_type="ndarray")
        first, second = before[close["i"]], after[close["j"]]
        step = ARCSEC * np.linalg.norm(vectors[first] - vectors[second], axis=1)
        moved = step > 2.0 * radius
        same = moved & (close["v"] <= radius)
        expected = (np.count_nonzero(moved & ~same) + 1.0) / (_RING**2 - 1.0)
        count = len(np.unique(second[same]))
        if log_chance(np.array([float(count)]), np.array([expected]))[0] < _SIGNIFICANT:
            later[second[same]], earlier[first[same]] = True, True
    return later, earlier


def _pairs(
    detections: Detections, order: FloatArray, known: BoolArray, variance: FloatArray
) -> Iterator[tuple[_Part, _Part]]:
    """The detections of a detector in an exposure, and in one shortly after it."""
    rows = np.flatnonzero(known)
    label, group = detections.detector[rows], detections.group[rows]
    rows = rows[np.lexsort((order[group], label))]
    label, group = detections.detector[rows], detections.group[rows]
    edges = np.flatnonzero((np.diff(label) != 0) | (np.diff(group) != 0)) + 1
    earlier: deque[_Part] = deque(maxlen=_LAGS)
    for after in np.split(rows, edges) if len(rows) else []:
        middle = float(np.median(variance[after]))
        # not balanced: a few places are asked for, and the tree is made in half the time
        tree = cKDTree(detections.unit_xy[after], balanced_tree=False)
        part = _Part(after, tree, middle)
        for before in earlier:
            if detections.detector[before.rows[0]] == detections.detector[after[0]]:
                yield before, part
        earlier.append(part)
