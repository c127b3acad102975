"""Images that match much less than the rest of their group, and where they would match."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import Reach, catalog_of, find_edges
from tweakreg_step.core.sphere import ARCSEC, chord, frames_of, rotation_matrices, to_plane

from .rest import Rest

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import Catalog
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.options import Options

    from .image_offsets import ImageOffsets
    from .rest import ImagePlace


__all__ = ["where_it_matches", "with_lost_images"]

_LOST = 0.4
"""Share of an image's detections that match, in the median of its group, below which it is lost."""

_USUAL = 0.3
"""Smallest such median for which a low share says anything: a sparse reference matches few."""

_FEWEST = 10
"""Detections of an image below which its share is not known."""

_SURE = float(np.log(1e-6))
"""Logarithm of the probability of chance below which another offset is believed."""

_FEW_PARTNERS = 2
"""Partners below which there is nothing to search."""

_ROLLS = 3.0 * np.sqrt(2.0)
"""Largest roll, in standard deviations of the pointing's, as of two groups."""

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
    lost = _lost(problem, associated, several)
    if absolute is not None:
        lost &= absolute.other == 0
    if not lost.any():
        return relative
    rest = Rest.of(problem, associated)
    other, offset, roll = relative.other.copy(), relative.offset.copy(), relative.roll.copy()
    for image in np.flatnonzero(lost).tolist():
        found = where_it_matches(rest, problem.options, image)
        if found is not None and found.is_elsewhere and found.matches > other[image]:
            other[image], offset[image], roll[image] = found.matches, found.offset, found.roll
    return replace(relative, other=other, offset=offset, roll=roll)


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


def where_it_matches(rest: Rest, options: Options, image: int) -> ImagePlace | None:
    """Where an image would match the rest, up to the search radius; None where it would not.

    Parameters
    ----------
    rest
        All that it may be compared with; its own detections are among these.
    options
        Options of the alignment.
    image
        Index of the image.
    """
    detections = rest.detections
    own = np.flatnonzero(detections.image == image)
    group = int(detections.group[own[0]])
    vectors, places = rest.moved[own], rest.places(group)
    middle = vectors.mean(axis=0)
    middle = middle / np.linalg.norm(middle)
    radius = float(np.linalg.norm(vectors - middle, axis=1).max()) + float(chord(options.searchrad))
    near = np.linalg.norm(places - middle, axis=1) < radius
    if near.sum() < _FEW_PARTNERS:
        return None
    variance = mean_variance(detections.covariance[own])
    pair = _catalog(places[near], rest.variance), _catalog(vectors, variance)
    reach = Reach(options.searchrad, _ROLLS * options.roll_sigma, options.tolerance)
    found = find_edges(np.zeros((1, 2), np.int64), [pair], reach)
    if not found.accepted[0] or found.edges.log_chance[0] > _SURE:
        return None
    turn = rotation_matrices(found.edges.vector)[0]
    offset = to_plane(middle @ turn, frames_of(middle))
    roll = -float(found.edges.vector[0] @ middle) / ARCSEC
    return rest.place_of(image, np.append(offset, roll))


def _catalog(vectors: FloatArray, variance: FloatArray | float) -> Catalog:
    covariance = np.broadcast_to(variance, len(vectors))[:, None, None] * np.eye(2)
    return catalog_of(vectors, covariance, np.zeros(len(vectors), np.int64), 0.0, _DOUBLE)
