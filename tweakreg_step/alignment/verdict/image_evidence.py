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
from .image_rolls import DETECTOR_ROLL, is_rolled, lesser_rolls, rolls_of_detectors, same_rolls
from .lost_images import with_lost_images

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .image_means import ImageMeans

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

_ROLL_ERRORS = 3.0
"""Errors of a roll, in another one, from which on it tells that there is none."""

_OPPOSITE = 0.75
"""Opposite roll of a partner, in that of an image, from which on either may be rolled."""

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
    def roll(self) -> FloatArray:
        """(I,) roll of each image about its own middle, from east to north [radians]."""
        if self.absolute is None:
            return self.relative.roll
        return np.where(self.absolutely_off, self.absolute.roll, self.relative.roll)

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


@dataclass(frozen=True, slots=True)
class _Compared:
    """The I images compared with other groups, or with the stars.

    Attributes
    ----------
    offsets, means
        Other offsets of each, and its mean offset and roll.
    shifted, rolled
        (I,) whether it is off by an offset, and by a roll.
    """

    offsets: ImageOffsets
    means: ImageMeans
    shifted: BoolArray
    rolled: BoolArray

    @property
    def off(self) -> BoolArray:
        """(I,) whether it is off."""
        return self.shifted | self.rolled


def image_evidence(problem: Problem, associated: AssociatedFit, moved: FloatArray) -> ImageEvidence:
    """The evidence on all images of a fit.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    moved
        (N, 3) corrected directions of all detections, see `common_directions`.
    """
    relative = image_offsets(problem, associated, moved)
    absolute = None
    if problem.anchored.any():
        absolute = image_offsets(problem, associated, None)
    several = _with_several_images(problem)
    relative = with_lost_images(problem, associated, relative, absolute, several)
    ours, stars = _compared(associated, relative, several, absolute=False), None
    if absolute is not None:
        stars = _compared(associated, absolute, several, absolute=True)
    none = apart = np.zeros(len(several), bool)
    if ours.off.any() or (stars is not None and stars.off.any()):
        places = _places(problem, associated)
        ours = _without_detectors(ours, places)
        stars = stars and _without_detectors(stars, places)
        apart = _apart(ours, stars, places) & several
    if stars is None:
        return ImageEvidence(ours.offsets, None, ours.off, none, apart)
    return ImageEvidence(ours.offsets, stars.offsets, ours.off, stars.off, apart)


def _with_several_images(problem: Problem) -> BoolArray:
    """Mask (I,) of the images whose group has others."""
    detections = problem.detections
    count = int(detections.image.max(initial=-1)) + 1
    group = np.zeros(count, np.int64)
    group[detections.image] = detections.group
    there = np.bincount(detections.image, minlength=count) > 0
    size = np.bincount(group[there], minlength=len(problem.component))
    return np.asarray(there & (size[group] > 1))


def _compared(
    associated: AssociatedFit,
    found: ImageOffsets,
    several: BoolArray,
    *,
    absolute: bool,
) -> _Compared:
    """Who is off: the offsets, with mean offset and roll of all matches where there is no other.

    A fit holds an image that is off by little, with larger errors for all: its matches then have a
    mean offset, or a roll, of many errors.
    """
    means = mean_offsets(associated, len(several), absolute=absolute)
    size = np.hypot(*means.offset.T)
    least = np.maximum(_MEAN * means.noise, _MEAN_ERRORS * means.sigma)
    far = several & (means.matches >= _FEWEST) & (size > least)
    rolled = several & is_rolled(means)
    new = (far | rolled) & (found.other == 0)
    found = replace(
        found,
        other=np.where(new, means.matches, found.other),
        offset=np.where(new[:, None], means.offset, found.offset),
        roll=np.where(rolled & new, means.roll, found.roll),
    )
    return _Compared(found, means, far | (found.disagree & ~new), rolled)


def _without_detectors(found: _Compared, places: _Places) -> _Compared:
    """The same, without what a detector is off in most exposures alike."""
    shifted = found.shifted & ~_of_detectors(found.offsets, found.shifted, places)
    alike = rolls_of_detectors(found.means, found.rolled, places.unit, places.group)
    return replace(found, shifted=shifted, rolled=found.rolled & ~alike)


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
            size, roll = np.hypot(*own[image]), found.roll[image]
            near = np.hypot(*(own[same] - own[image]).T) < _SAME
            near &= found.other[same] > 0
            if size < _SAME or abs(roll) > DETECTOR_ROLL:  # it is its roll that must be the same
                near &= same_rolls(found.roll[same], roll)
            alike[image] = 2 * near.sum() > len(same) and size < _DETECTOR
    return alike


def _apart(ours: _Compared, stars: _Compared | None, places: _Places) -> BoolArray:
    """Mask (I,) of the images that are off, clearly, while most of their group agree."""
    kept, other = ours.offsets.kept, ours.offsets.other
    off, by_stars = ours.off, np.zeros(len(kept), bool)
    rolled, by_roll = ours.rolled & ~_lesser(ours, places), by_stars
    if stars is not None:
        by_stars = stars.offsets.kept + stars.offsets.other >= _FEWEST
        kept = np.where(by_stars, stars.offsets.kept, kept)
        other = np.where(by_stars, stars.offsets.other, other)
        # few stars may not tell a roll that other groups do
        size, own = np.abs(ours.means.roll), np.abs(stars.means.roll)
        told = by_stars & (own < 0.5 * size) & (_ROLL_ERRORS * stars.means.roll_sigma < size)
        by_roll = stars.rolled & ~_lesser(stars, places)
        rolled = by_roll | (rolled & ~told)
        off = np.where(by_stars, stars.off, off) | rolled
        other = np.where(rolled & ~by_roll, ours.offsets.other, other)
    clear = off & ((kept < _CLEAR * other) | rolled) & (other >= _FEWEST)
    agrees = ~off & (kept >= _FEWEST)
    sure = np.where(rolled, by_roll, by_stars)
    clear &= sure | ~_mirrored(clear & ~sure, ours, places)
    count = int(places.group.max(initial=-1)) + 1
    there = places.group >= 0
    good, bad = (
        np.bincount(places.group[mask & there], minlength=count)[places.group]
        for mask in (agrees, off)
    )
    return np.asarray(clear & (good > bad) & (good > 1))


def _lesser(found: _Compared, places: _Places) -> BoolArray:
    """Mask (I,) of the rolled images that see a much larger roll of another."""
    some = np.flatnonzero(found.rolled)
    group, unit = places.group[some], places.unit[some]
    if len(some) == 0:
        return np.zeros_like(found.rolled)
    near = np.stack([_overlap(image, some, places) for image in some.tolist()])
    near |= (unit[:, None] == unit) & (unit >= 0)
    return lesser_rolls(found.means, found.rolled, near & (group[:, None] != group))


def _overlap(image: int, others: IntArray, places: _Places) -> BoolArray:
    """Whether an image overlaps others (K,)."""
    gap = np.hypot(*to_plane(places.frames[others, 2], places.frames[image]).T)
    return np.asarray(gap < places.radius[others] + places.radius[image])


def _mirrored(clear: BoolArray, found: _Compared, places: _Places) -> BoolArray:
    """Mask (I,) of the images that overlap one that is off the opposite way: either may be it."""
    mirrored = np.zeros(len(clear), bool)
    offset = found.offsets.offset
    roll = np.where(found.offsets.other > 0, found.offsets.roll, found.means.roll)
    for image in np.flatnonzero(clear).tolist():
        turned = found.offsets.roll[image]
        others = np.flatnonzero((clear | (turned != 0.0)) & (places.group != places.group[image]))
        middle = to_plane(places.frames[others, 2], places.frames[image])
        # what the partner's middle is off by, as this image has it
        there = offset[image] + turned * np.stack([-middle[:, 1], middle[:, 0]], axis=1)
        # offsets are those of the middles of the matches, which are not quite those of the images
        same = _SAME + (1.0 - _OPPOSITE) * abs(turned) * places.radius[image]
        opposite = np.hypot(*(offset[others] + there).T) < same
        opposite &= -roll[others] * np.sign(turned) >= _OPPOSITE * abs(turned)
        mirrored[image] = (_overlap(image, others, places) & opposite).any()
    return mirrored
