"""Images that are rolled against what they are compared with, though their mean offset is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import ARCSEC

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .image_means import ImageMeans


__all__ = ["DETECTOR_ROLL", "is_rolled", "lesser_rolls", "rolls_of_detectors", "same_rolls"]

_FEWEST = 5
"""Matches from which on the roll of an image is known."""

_ERRORS = 5.0
"""Roll of an image above which it is one, in its own errors."""

_NOISE = 0.5
"""Displacement that a roll must bring to a match, rms: in errors of a single difference, as the
catalogs have them. Distortions that are not known look like smaller ones."""

_SCATTER, _MEDIAN = 4.0, 0.6745
"""Roll above which an image is rolled, in the scatter of all images, as their median size tells it:
where detectors are not where they are said to be, and no motion is fitted, all are rolled a little.
"""

_ALIKE = 0.5
"""Difference of two rolls, in the larger, below which they are the same."""

DETECTOR_ROLL = 100.0 / ARCSEC
"""Largest roll that a detector may have in all exposures [radians]: five times what is usual."""

_LARGER = 1.5
"""Roll of an image in that of another, from which on the other may be what the first brings about:
of three exposures two see half the roll of the third."""


def is_rolled(means: ImageMeans) -> BoolArray:
    """Mask (I,) of the images that are rolled."""
    size, known = np.abs(means.roll), means.matches >= _FEWEST
    rolled = known & (size > _ERRORS * means.roll_sigma)
    rolled &= size * means.lever > _NOISE * means.noise
    if not rolled.any():
        return rolled
    usual = float(np.quantile(size[known], 0.5, method="lower")) / _MEDIAN
    return np.asarray(rolled & ((size > _SCATTER * usual) | (size > DETECTOR_ROLL)))


def rolls_of_detectors(
    means: ImageMeans, rolled: BoolArray, unit: IntArray, group: IntArray
) -> BoolArray:
    """Mask (I,) of the rolled images whose detector is rolled alike in most exposures.

    Parameters
    ----------
    means
        Offsets and rolls of the images.
    rolled
        (I,) whether each is rolled.
    unit, group
        (I,) detector and group of each, -1 where there is none.
    """
    known = means.matches >= _FEWEST
    alike = np.zeros(len(rolled), bool)
    for number in np.unique(unit[rolled & (unit >= 0)]):
        same = np.flatnonzero((unit == number) & known)
        if len(np.unique(group[same])) < max(len(same), 2):
            continue  # two images of a detector in one group are two exposures
        for image in same[rolled[same]]:
            near = same_rolls(means.roll[same], means.roll[image])
            alike[image] = 2 * near.sum() > len(same)
    return alike


def same_rolls(roll: FloatArray, one: float) -> BoolArray:
    """Mask (K,) of the rolls [radians] that are the same as one, if a detector may have that."""
    near = np.abs(roll - one) <= _ALIKE * abs(one)
    return np.asarray(near & (abs(one) < DETECTOR_ROLL))


def lesser_rolls(means: ImageMeans, rolled: BoolArray, near: BoolArray) -> BoolArray:
    """Mask (I,) of the rolled images that see a much larger roll of another beside them.

    Parameters
    ----------
    means
        Offsets and rolls of the images.
    rolled
        (I,) whether each is rolled.
    near
        (R, R) whether two of the rolled ones are compared with each other.
    """
    lesser, some = np.zeros(len(rolled), bool), np.flatnonzero(rolled)
    size = np.abs(means.roll[some])
    lesser[some] = (near & (size[None, :] > _LARGER * size[:, None])).any(axis=1)
    return lesser
