"""Do the images of each group move as one? Which do not, and whether it is known which are right.

Each image is compared with all that other groups, or the reference, have where it looks. Where most
images of a group agree and one does not, that one is apart; where there is no such majority, or
where the image's partner may as well be the one that is off, the group is a doubt. What a detector
is off in all exposures alike is a motion of the detector, and no fault of the group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import moved_directions, unassociated_links
from tweakreg_step.core.sphere import mean_frames, to_plane

from .image_means import mean_offsets
from .image_offsets import ImageOffsets, image_offsets
from .lost_images import with_lost_images

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = ["ImageEvidence", "image_evidence"]

_FEWEST = 5
"""Partners that agree, or that agree on another offset, from which on an image has a say."""

_CLEAR = 0.5
"""Partners that agree with an image over those that agree on its other offset, below which it is
off and not they."""

_MEAN, _MEAN_ERRORS = 3.0, 6.0
"""Mean offset of an image's matches above which it is off: in errors of a single difference, as
the catalogs have them, and in its own errors."""

_SAME = 0.03
"""Offsets closer than this are the same [arcsec]: the groups themselves are placed to less."""

_DETECTOR = 0.1
"""Largest offset that a detector may have in all exposures [arcsec]: five times what is usual."""


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """Evidence on the I images of a fit.

    Attributes
    ----------
    relative, absolute
        Compared with other groups, and with the reference; None where nothing is tied to it.
    off, absolutely_off
        (I,) whether each agrees as well with its partners at another offset, in each comparison.
    apart
        (I,) whether it is off while most images of its group agree with theirs.
    """

    relative: ImageOffsets
    absolute: ImageOffsets | None
    off: BoolArray
    absolutely_off: BoolArray
    apart: BoolArray

    @property
    def offset(self) -> FloatArray:
        """(I, 2) offset of each image from its partners, east and north [arcsec]."""
        if self.absolute is None:
            return self.relative.offset
        return np.where(self.absolutely_off[:, None], self.absolute.offset, self.relative.offset)

    @property
    def partners(self) -> IntArray:
        """(I,) number of its partners that agree on that offset."""
        if self.absolute is None:
            return self.relative.other
        return np.where(self.absolutely_off, self.absolute.other, self.relative.other)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the I images are, and what they belong to.

    Groups and units (I,), -1 where there is none, axes (I, 3, 3) of planes tangent at their
    centres, radii (I,) [arcsec], and mean derivatives (I, 2, 2) of the sky by the detector's plane.
    """

    group: IntArray
    unit: IntArray
    frames: FloatArray
    radius: FloatArray
    to_sky: FloatArray


def image_evidence(problem: Problem, associated: AssociatedFit) -> ImageEvidence:
    """The evidence on all images of a fit.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    """
    relative = image_offsets(problem, associated, absolute=False)
    absolute = None
    if problem.anchored.any():
        absolute = image_offsets(problem, associated, absolute=True)
    several = _with_several_images(problem)
    relative = with_lost_images(problem, associated, relative, absolute, several)
    none = absolutely_off = np.zeros(len(relative.kept), bool)
    relative, off = _with_means(associated, relative, several, absolute=False)
    if absolute is not None:
        absolute, absolutely_off = _with_means(associated, absolute, several, absolute=True)
    if not (off.any() or absolutely_off.any()):
        return ImageEvidence(relative, absolute, off, absolutely_off, none)
    places = _places(problem, associated)
    off = off & ~_of_detectors(relative, off, places)
    if absolute is not None:
        absolutely_off = absolutely_off & ~_of_detectors(absolute, absolutely_off, places)
    evidence = ImageEvidence(relative, absolute, off, absolutely_off, none)
    return replace(evidence, apart=_apart(evidence, places) & several)


def _with_several_images(problem: Problem) -> BoolArray:
    """Mask (I,) of the images whose group has others."""
    detections = problem.detections
    count = int(detections.image.max(initial=-1)) + 1
    group = np.zeros(count, np.int64)
    group[detections.image] = detections.group
    there = np.bincount(detections.image, minlength=count) > 0
    size = np.bincount(group[there], minlength=len(problem.component))
    return np.asarray(there & (size[group] > 1))


def _with_means(
    associated: AssociatedFit, found: ImageOffsets, several: BoolArray, *, absolute: bool
) -> tuple[ImageOffsets, BoolArray]:
    """The offsets, those of all matches of an image added where it has no other; and who is off.

    A fit holds an image that is off by little, with larger errors for all: its matches then have a
    mean offset of many errors.
    """
    means = mean_offsets(associated, len(several), absolute=absolute)
    size = np.hypot(*means.offset.T)
    least = np.maximum(_MEAN * means.noise, _MEAN_ERRORS * means.sigma)
    far = several & (means.matches >= _FEWEST) & (size > least)
    new = far & (found.other == 0)
    found = replace(
        found,
        other=np.where(new, means.matches, found.other),
        offset=np.where(new[:, None], means.offset, found.offset),
    )
    return found, far | (found.disagree & ~new)


def _places(problem: Problem, associated: AssociatedFit) -> _Places:
    detections = problem.detections
    count = int(detections.image.max(initial=-1)) + 1
    moved = moved_directions(unassociated_links(detections), problem.model, associated.fit.motions)
    frames = mean_frames(moved, detections.image, count)
    radius = np.zeros(count)
    distance = np.hypot(*to_plane(moved, frames[detections.image]).T)
    np.maximum.at(radius, detections.image, distance)
    group, unit = np.full(count, -1), np.full(count, -1)
    group[detections.image], unit[detections.image] = detections.group, detections.unit
    to_sky = np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
    to_sky[detections.image] = detections.unit_to_sky
    return _Places(group, unit, frames, radius, to_sky)


def _of_detectors(found: ImageOffsets, off: BoolArray, places: _Places) -> BoolArray:
    """Mask (I,) of the images whose detector is off alike in most exposures."""
    alike = np.zeros(len(off), bool)
    own = np.linalg.solve(places.to_sky, found.offset[:, :, None])[:, :, 0]
    heard = found.kept + found.other >= _FEWEST
    for unit in np.unique(places.unit[off & (places.unit >= 0)]):
        same = np.flatnonzero((places.unit == unit) & heard)
        if len(np.unique(places.group[same])) < max(len(same), 2):
            continue  # two images of a detector in one group are two exposures
        for image in same[off[same]]:
            near = np.hypot(*(own[same] - own[image]).T) < _SAME
            near &= found.other[same] > 0
            alike[image] = 2 * near.sum() > len(same) and np.hypot(*own[image]) < _DETECTOR
    return alike


def _apart(evidence: ImageEvidence, places: _Places) -> BoolArray:
    """Mask (I,) of the images that are off, clearly, while most of their group agree."""
    relative, absolute = evidence.relative, evidence.absolute
    kept, other = relative.kept, relative.other
    off, by_stars = evidence.off, np.zeros(len(kept), bool)
    if absolute is not None:
        by_stars = absolute.kept + absolute.other >= _FEWEST
        kept = np.where(by_stars, absolute.kept, kept)
        other = np.where(by_stars, absolute.other, other)
        off = np.where(by_stars, evidence.absolutely_off, off)
    clear = off & (kept < _CLEAR * other) & (other >= _FEWEST)
    agrees = ~off & (kept >= _FEWEST)
    clear &= by_stars | ~_mirrored(clear & ~by_stars, relative.offset, places)
    count = int(places.group.max(initial=-1)) + 1
    there = places.group >= 0
    good, bad = (
        np.bincount(places.group[mask & there], minlength=count)[places.group]
        for mask in (agrees, off)
    )
    return np.asarray(clear & (good > bad) & (good > 1))


def _mirrored(clear: BoolArray, offset: FloatArray, places: _Places) -> BoolArray:
    """Mask (I,) of the images that overlap one that is off the opposite way: either may be it."""
    mirrored = np.zeros(len(clear), bool)
    some = np.flatnonzero(clear)
    for image in some:
        others = some[places.group[some] != places.group[image]]
        gap = np.hypot(*to_plane(places.frames[others, 2], places.frames[image]).T)
        near = gap < places.radius[others] + places.radius[image]
        opposite = np.hypot(*(offset[others] + offset[image]).T) < _SAME
        mirrored[image] = (near & opposite).any()
    return mirrored
