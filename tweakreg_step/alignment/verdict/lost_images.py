"""Images that match much less than the rest of their group, and where they would match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import source_sums
from tweakreg_step.alignment.matching import Reach, catalog_of, find_edges
from tweakreg_step.alignment.solver import moved_directions, unassociated_links
from tweakreg_step.core.sphere import chord, directions, frames_of, rotation_matrices, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import Catalog
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .image_offsets import ImageOffsets


__all__ = ["with_lost_images"]

_LOST = 0.4
"""Share of an image's detections that match, in the median of its group, below which it is lost."""

_USUAL = 0.3
"""Smallest such median for which a low share says anything: a sparse reference matches few."""

_FEWEST = 10
"""Detections of an image below which its share is not known."""

_SURE = float(np.log(1e-6))
"""Logarithm of the probability of chance below which another offset is believed."""

_HERE = 0.03
"""Offset that is none [arcsec]: the groups themselves are placed to less."""

_DOUBLE = 0.3
"""Sources closer than this are the same star [arcsec]."""


def with_lost_images(
    problem: Problem,
    associated: AssociatedFit,
    relative: ImageOffsets,
    absolute: ImageOffsets | None,
    several: BoolArray,
) -> ImageOffsets:
    """The relative offsets (I,), with those of lost images, up to the search radius.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    relative, absolute
        Offsets that were found so far; the second None without a reference.
    several
        (I,) whether the image's group has other images.
    """
    lost = _lost(problem, associated, several) & (relative.other == 0)
    if absolute is not None:
        lost &= absolute.other == 0
    if not lost.any():
        return relative
    rest = _Rest.of(problem, associated)
    other, offset = relative.other.copy(), relative.offset.copy()
    for image in np.flatnonzero(lost).tolist():
        found = _offset(rest, problem, image)
        if found is not None and np.hypot(*found[1]) > _HERE:
            other[image], offset[image] = found
    return replace(relative, other=other, offset=offset)


def _lost(problem: Problem, associated: AssociatedFit, several: BoolArray) -> BoolArray:
    """Mask (I,) of the images that match much less than the median image of their group."""
    detections, links = problem.detections, associated.links
    count = len(several)
    size = np.bincount(detections.image, minlength=count)
    matched = np.bincount(links.image[links.image >= 0], minlength=count)
    share = matched / np.maximum(size, 1)
    group = np.zeros(count, np.int64)
    group[detections.image] = detections.group
    lost = np.zeros(count, bool)
    known = several & (size >= _FEWEST) & (problem.component[group] >= 0)
    suspect = known & (share < 0.5)
    for number in np.unique(group[suspect]).tolist():
        own = np.flatnonzero(known & (group == number))
        usual = float(np.median(share[own]))
        lost[own] = (usual > _USUAL) & (share[own] < _LOST * usual)
    return lost


@dataclass(frozen=True, slots=True)
class _Rest:
    """All that images may be compared with.

    Corrected directions (N, 3) of the detections; directions (K, 3) of sources, stars and single
    detections, with the only group (K,) of each, -1 where there are several; their tree.
    """

    moved: FloatArray
    places: FloatArray
    only: IntArray
    tree: cKDTree

    @classmethod
    def of(cls, problem: Problem, associated: AssociatedFit) -> _Rest:
        detections, links = problem.detections, associated.links
        moved = moved_directions(
            unassociated_links(detections), problem.model, associated.fit.motions
        )
        own = links.group >= 0
        group, source = links.group[own], links.source[own]
        sums = source_sums(moved[links.detection[own]], source, links.source_count)
        high = np.full(links.source_count, -1)
        low = np.full(links.source_count, len(problem.component))
        np.maximum.at(high, source, group)
        np.minimum.at(low, source, group)
        free = problem.component[detections.group] >= 0
        free[links.detection[own]] = False
        parts = [sums, moved[free]]
        only = [np.where(high == low, high, -1), detections.group[free]]
        if problem.reference is not None and problem.anchored.any():
            parts.append(directions(problem.reference.ra, problem.reference.dec))
            only.append(np.full(len(parts[-1]), -1))
        places = np.concatenate(parts)
        places = places / np.linalg.norm(places, axis=1, keepdims=True)
        return cls(moved, places, np.concatenate(only).astype(np.int64), cKDTree(places))


def _offset(rest: _Rest, problem: Problem, image: int) -> tuple[int, FloatArray] | None:
    """Number of partners that agree on an offset of an image, and the offset [arcsec]."""
    detections, options = problem.detections, problem.options
    own = np.flatnonzero(detections.image == image)
    vectors, group = rest.moved[own], int(detections.group[own[0]])
    middle = vectors.mean(axis=0)
    middle = middle / np.linalg.norm(middle)
    radius = float(np.linalg.norm(vectors - middle, axis=1).max()) + float(chord(options.searchrad))
    near = np.asarray(rest.tree.query_ball_point(middle, radius), np.int64)
    near = near[rest.only[near] != group]
    if len(near) < 2:
        return None
    variance = 0.5 * np.trace(detections.covariance[own], axis1=1, axis2=2)
    pair = _catalog(rest.places[near], float(np.median(variance))), _catalog(vectors, variance)
    reach = Reach(options.searchrad, np.sqrt(2.0) * options.roll_sigma, options.tolerance)
    found = find_edges(np.zeros((1, 2), np.int64), [pair], reach)
    if not found.accepted[0] or found.edges.log_chance[0] > _SURE:
        return None
    centre = found.edges.direction[0]
    back = rotation_matrices(found.edges.vector)[0].T @ centre
    return int(found.matches[0]), to_plane(back, frames_of(centre))


def _catalog(vectors: FloatArray, variance: FloatArray | float) -> Catalog:
    covariance = np.broadcast_to(variance, len(vectors))[:, None, None] * np.eye(2)
    return catalog_of(vectors, covariance, np.zeros(len(vectors), np.int64), 0.0, _DOUBLE)
