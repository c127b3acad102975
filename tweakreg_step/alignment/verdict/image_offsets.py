"""Does each image agree with what it was aligned to? Looked at image by image, and at all pairs.

A fit keeps what agrees with it: an image whose stars were all rejected shows no large residuals.
So the differences of all its detections from all their possible partners are compared, kept or
not: where more of them agree on another offset than on none, the image is off by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import source_sums
from tweakreg_step.alignment.matching import log_chance, members
from tweakreg_step.alignment.solver import (
    MATCHED_WEIGHT,
    common_directions,
)
from tweakreg_step.core.sphere import ARCSEC, chord, directions, frames_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

__all__ = ["ImageOffsets", "image_offsets"]

_WINDOW = 4.0
"""Radius of what agrees, in errors of a difference per axis: all but 3e-4 of true pairs."""

_SIGNIFICANT = float(np.log(1e-6))
"""Logarithm of the probability of chance below which another offset is believed."""

_SHARE = 0.75
"""Partners that agree on another offset over those that agree on none, from which on an image may
be there as well as here: the two halves of a group that was torn have 1, and one bad image among
four dithers leaves the three good ones at 0.5."""

_WIDEST = 1.0
"""Largest offset that is looked for [arcsec]; beyond, the search of offsets has seen it."""


@dataclass(frozen=True, slots=True)
class ImageOffsets:
    """Evidence for other offsets of the I images.

    Attributes
    ----------
    kept
        (I,) partners, each counted as often as it was seen, that agree with the image as it is.
    other
        (I,) those that agree on another offset; 0 where none is significant.
    offset
        (I, 2) that offset, east and north [arcsec]; 0 where there is none.
    """

    kept: IntArray
    other: IntArray
    offset: FloatArray

    @property
    def disagree(self) -> BoolArray:
        """(I,) whether the other offset is as good as none, or better."""
        return np.asarray(self.other > np.maximum(_SHARE * self.kept, 1))


@dataclass(frozen=True, slots=True)
class _Partners:
    """What K things an image may be compared with, and which group sees each.

    Attributes
    ----------
    places
        (K, 3) directions.
    count
        (K,) how often each was seen.
    only
        (K,) the group that alone has seen it, -1 where several have, or where it is a star.
    """

    places: FloatArray
    count: IntArray
    only: IntArray


def image_offsets(problem: Problem, associated: AssociatedFit, *, absolute: bool) -> ImageOffsets:
    """How well each image agrees with the others, or with the reference stars.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    absolute
        Whether the partners are the reference stars.
    """
    detections = problem.detections
    moved = common_directions(problem, associated)
    count = int(detections.image.max(initial=-1)) + 1
    found = ImageOffsets(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, 2)))
    active = problem.component[detections.group] >= 0
    if absolute:
        active &= problem.anchored[detections.group]
    partners = _partners(problem, associated, moved, active, absolute=absolute)
    if len(partners.places) == 0:
        return found
    tree = cKDTree(partners.places)
    reach = min(problem.options.searchrad, _WIDEST)
    sigma = _sigmas(associated, count, absolute=absolute)
    for own in members(np.where(active, detections.image, -1)):
        image, group = int(detections.image[own[0]]), int(detections.group[own[0]])
        difference, weight = _differences(moved[own], group, tree, partners, reach)
        kept, other, offset = _another(difference, weight, _WINDOW * sigma[image], reach)
        found.kept[image], found.other[image], found.offset[image] = kept, other, offset
    return found


def _partners(
    problem: Problem,
    associated: AssociatedFit,
    moved: FloatArray,
    active: BoolArray,
    *,
    absolute: bool,
) -> _Partners:
    if absolute:
        stars = problem.reference
        places = np.zeros((0, 3)) if stars is None else directions(stars.ra, stars.dec)
        return _Partners(places, np.ones(len(places), np.int64), np.full(len(places), -1))
    links = associated.links
    own = (links.group >= 0) & (associated.fit.weight > MATCHED_WEIGHT)
    source, group, index = links.source[own], links.group[own], associated.index[own]
    size = np.bincount(source, minlength=links.source_count)
    sums = source_sums(moved[index], source, links.source_count)
    high = np.full(links.source_count, -1)
    low = np.full(links.source_count, len(problem.component))
    np.maximum.at(high, source, group)
    np.minimum.at(low, source, group)
    seen = size > 0
    free = active.copy()
    free[index] = False
    places = np.concatenate([sums[seen] / size[seen, None], moved[free]])
    return _Partners(
        places / np.linalg.norm(places, axis=1, keepdims=True),
        np.concatenate([size[seen], np.ones(int(free.sum()), np.int64)]),
        np.concatenate(
            [np.where(high == low, high, -1)[seen], problem.detections.group[free]]
        ).astype(np.int64),
    )


def _sigmas(associated: AssociatedFit, count: int, *, absolute: bool) -> FloatArray:
    """Error (I,) of a difference per axis [arcsec], as the catalogs have it.

    The floors that the fit adds would hide what is looked for here.
    """
    links = associated.links
    variance = 0.5 * np.trace(links.covariance, axis1=1, axis2=2)
    own, stars = links.image >= 0, links.group < 0
    usual = float(np.median(variance[own])) if own.any() else 0.0
    size = np.bincount(links.image[own], minlength=count)
    total = np.bincount(links.image[own], variance[own], minlength=count)
    mean = np.where(size > 0, total / np.maximum(size, 1), usual)
    partner = float(np.median(variance[stars])) if absolute and stars.any() else usual
    return np.sqrt(mean + partner)


def _differences(
    vectors: FloatArray, group: int, tree: cKDTree, partners: _Partners, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Differences (K, 2) from all partners within reach, east and north [arcsec], and weights."""
    near = tree.query_ball_point(vectors, float(chord(reach)))
    size = np.array([len(one) for one in near], np.int64)
    other = np.concatenate([np.asarray(one, np.int64) for one in near] or [np.zeros(0, np.int64)])
    own = np.repeat(np.arange(len(vectors)), size)
    good = partners.only[other] != group
    own, other = own[good], other[good]
    axes = frames_of(vectors)[own, :2]
    step = ARCSEC * (vectors[own] - partners.places[other])
    return np.einsum("nij,nj->ni", axes, step), partners.count[other].astype(float)


def _another(
    difference: FloatArray, weight: FloatArray, radius: float, reach: float
) -> tuple[int, int, FloatArray]:
    """Weights that agree on no offset and on the best other one, and that offset [arcsec].

    The weight of another offset is 0 where chance could have brought it about.
    """
    none = 0, 0, np.zeros(2)
    if len(difference) < 3 or radius <= 0.0 or radius > 0.25 * reach:
        return none
    here = np.hypot(*difference.T) < radius
    away = difference[np.hypot(*difference.T) > 2.0 * radius]
    kept = int(weight[here].sum())
    if len(away) < 3:
        return kept, 0, np.zeros(2)
    tree = cKDTree(away)
    number = tree.query_ball_point(away, radius, return_length=True)
    best = int(np.argmax(number))
    clump = np.hypot(*(difference - away[best]).T) < radius
    # as a chance clump has it: the others spread evenly, every radius a trial
    rest = max(len(difference) - int(clump.sum()) - int(here.sum()), 1)
    share = (radius / reach) ** 2
    chance = log_chance(np.array([float(clump.sum())]), np.array([rest * share]))[0]
    if chance - np.log(share) > _SIGNIFICANT:
        return kept, 0, np.zeros(2)
    middle = np.median(difference[clump], axis=0)
    return kept, int(weight[clump].sum()), middle
