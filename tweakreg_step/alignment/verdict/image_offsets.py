"""Does each image agree with what it was aligned to? Looked at image by image, and at all pairs.

A fit keeps what agrees with it: an image whose stars were all rejected shows no large residuals.
So the differences of all its detections from all their possible partners are compared, kept or
not: where more of them agree on another offset than on none, the image is off by that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance, source_sums
from tweakreg_step.alignment.matching import log_chance, members, to_reference_epoch
from tweakreg_step.alignment.solver import (
    MATCHED_WEIGHT,
    moved_directions,
    unassociated_links,
)
from tweakreg_step.core.sphere import ARCSEC, chord, directions, frames_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Reference

__all__ = ["ImageOffsets", "Partners", "image_offsets", "stars_at_epochs"]

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

_MOST_PAIRS = 100_000
"""Pairs of an image's detections with partners that are compared: a few hundred detections show an
offset, and in crowds each has hundreds of partners."""

_MOST = 1000
"""Detections of an image that are compared, if a quarter as many of their partners are near."""


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
    roll
        (I,) roll about the image's own middle, from east to north [radians]; 0 where there is none.
    """

    kept: IntArray
    other: IntArray
    offset: FloatArray
    roll: FloatArray

    @property
    def disagree(self) -> BoolArray:
        """(I,) whether the other offset is as good as none, or better."""
        return np.asarray(self.other > np.maximum(_SHARE * self.kept, 1))


@dataclass(frozen=True, slots=True)
class Partners:
    """What K things an image may be compared with, and which group sees each.

    Attributes
    ----------
    places
        (K, 3) directions.
    count
        (K,) how often each was seen.
    only
        (K,) the group that alone has seen it, -1 where several have, or where it is a star.
    tree
        The places, for a search of the nearest.
    """

    places: FloatArray
    count: IntArray
    only: IntArray
    tree: cKDTree = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", cKDTree(self.places))  # of a frozen class


def image_offsets(
    problem: Problem, associated: AssociatedFit, common: FloatArray | None
) -> ImageOffsets:
    """How well each image agrees with the others, or with the reference stars.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    common
        (N, 3) corrected directions of all detections, see `common_directions`. None: the partners
        are the reference stars, at the epoch of each image's group.
    """
    detections, absolute = problem.detections, common is None
    count = int(detections.image.max(initial=-1)) + 1
    none = np.zeros(count, np.int64)
    found = ImageOffsets(none, none.copy(), np.zeros((count, 2)), np.zeros(count))
    active = problem.component[detections.group] >= 0
    reach = min(problem.options.searchrad, _WIDEST)
    if common is None:
        active &= problem.anchored[detections.group]
        moved = moved_directions(
            unassociated_links(detections), problem.model, associated.fit.motions
        )
        partners_of = stars_at_epochs(problem.reference)
    else:
        still = problem.model.field is None and problem.reference is not None
        moved = _at_one_epoch(problem, associated, 0.25 * reach) if still else common
        others = _others(problem, associated, moved, active)

        def partners_of(_: int) -> Partners:
            return others

    sigma = _sigmas(associated, count, absolute=absolute)
    for own in members(np.where(active, detections.image, -1)):
        image, group = int(detections.image[own[0]]), int(detections.group[own[0]])
        difference, weight = _differences(moved[own], group, partners_of(group), reach)
        kept, other, offset = _another(difference, weight, _WINDOW * sigma[image], reach)
        found.kept[image], found.other[image], found.offset[image] = kept, other, offset
    return found


def stars_at_epochs(reference: Reference | None) -> Callable[[int], Partners]:
    """The reference stars where each group sees them, as a function of the group."""

    def partners(ra: FloatArray, dec: FloatArray) -> Partners:
        places = directions(ra, dec)
        return Partners(places, np.ones(len(places), np.int64), np.full(len(places), -1))

    if reference is None:
        none = partners(np.zeros(0), np.zeros(0))
        return lambda _: none
    if reference.at_epochs is None:
        still = partners(reference.ra, reference.dec)
        return lambda _: still

    @lru_cache(maxsize=1)  # the images of a group come one after another
    def at_epoch(group: int) -> Partners:
        return partners(*reference.seen_by(group))

    return at_epoch


def _at_one_epoch(problem: Problem, associated: AssociatedFit, radius: float) -> FloatArray:
    """Corrected directions (N, 3) of all detections, with their stars at the catalog's epoch.

    Detections that have no source are moved as the star within `radius` [arcsec] is.
    """
    detections, links = problem.detections, associated.links
    free = unassociated_links(detections)
    own = links.detection >= 0
    drift, alone = free.drift.copy(), np.ones(len(detections), bool)
    drift[links.detection[own]], alone[links.detection[own]] = links.drift[own], False
    moved = moved_directions(replace(free, drift=drift), problem.model, associated.fit.motions)
    tied = np.where(problem.anchored[detections.group] & alone, detections.group, -1)
    return to_reference_epoch(moved, tied, problem.reference, radius)


def _others(
    problem: Problem, associated: AssociatedFit, moved: FloatArray, active: BoolArray
) -> Partners:
    """The sources, and the detections that belong to none, at corrected directions (N, 3)."""
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
    return Partners(
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
    variance = mean_variance(links.covariance)
    own, stars = links.image >= 0, links.group < 0
    usual = float(np.median(variance[own])) if own.any() else 0.0
    size = np.bincount(links.image[own], minlength=count)
    total = np.bincount(links.image[own], variance[own], minlength=count)
    mean = np.where(size > 0, total / np.maximum(size, 1), usual)
    partner = float(np.median(variance[stars])) if absolute and stars.any() else usual
    return np.sqrt(mean + partner)


def _differences(
    vectors: FloatArray, group: int, partners: Partners, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Differences (K, 2) from all partners within reach, east and north [arcsec], and weights.

    Of many detections, and in crowds, an evenly spread part is compared; but all of an image of
    which few lie where others do.
    """
    if len(partners.places) == 0:
        return np.zeros((0, 2)), np.zeros(0)
    part = vectors[:: 1 + len(vectors) // _MOST]
    found = _differences_of(part, group, partners, reach)
    if len(part) < len(vectors) and len(found[0]) < _MOST // 4:
        return _differences_of(vectors, group, partners, reach)
    return found


def _differences_of(
    vectors: FloatArray, group: int, partners: Partners, reach: float
) -> tuple[FloatArray, FloatArray]:
    limit = float(chord(reach))
    tree = cKDTree(vectors)
    thinned = 1 + int(tree.count_neighbors(partners.tree, limit)) // _MOST_PAIRS
    if thinned > 1:
        vectors = vectors[::thinned]
        tree = cKDTree(vectors)
    close = tree.sparse_distance_matrix(partners.tree, limit, output_type="ndarray")
    close = close[np.lexsort((close["j"], close["i"]))]
    own, other = close["i"], close["j"]
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
