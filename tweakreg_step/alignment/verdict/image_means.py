"""Mean offset and roll of each image's matches from where other groups, or stars, put them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance, offsets_and_rolls
from tweakreg_step.alignment.solver import MATCHED_WEIGHT
from tweakreg_step.core.sphere import mean_frames, to_plane

from .phases import phase_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["ImageMeans", "mean_offsets"]


@dataclass(frozen=True, slots=True)
class ImageMeans:
    """Mean offsets and rolls of I images.

    Attributes
    ----------
    matches
        (I,) number of matches.
    offset, sigma
        (I, 2) their mean offset, east and north, and (I,) its error per axis [arcsec].
    roll, roll_sigma
        (I,) roll about the middle of the matches, from east to north, and its error [radians]; 0
        and infinite where there is none.
    lever
        (I,) rms distance of the matches from their middle [arcsec].
    noise
        (I,) error of a single difference per axis, as the catalogs have it [arcsec].
    """

    matches: IntArray
    offset: FloatArray
    sigma: FloatArray
    roll: FloatArray
    roll_sigma: FloatArray
    lever: FloatArray
    noise: FloatArray


def mean_offsets(associated: AssociatedFit, count: int, *, absolute: bool) -> ImageMeans:
    """Mean offset and roll of each of `count` images from the other groups, or from the stars.

    Parameters
    ----------
    associated
        The fit.
    count
        Number of images I.
    absolute
        Whether they are compared with the reference stars.
    """
    links, fit = associated.links, associated.fit
    phase = phase_of(associated, absolute=absolute)
    used = np.flatnonzero(phase.paired & (fit.weight > MATCHED_WEIGHT) & (links.image >= 0))
    image = links.image[used]
    given = mean_variance(links.covariance)
    fitted = mean_variance(fit.covariance)[used]
    partner = given[(links.group < 0) == absolute]
    usual = float(np.median(partner)) if len(partner) else 0.0
    size = np.bincount(image, minlength=count)
    many = np.maximum(size, 1)
    mean = [np.bincount(image, axis, minlength=count) / many for axis in phase.difference[used].T]
    noise = np.bincount(image, given[used], minlength=count) / many + usual
    error = np.bincount(image, fitted, minlength=count) / many + usual
    vectors = links.vectors[used]
    place = to_plane(vectors, mean_frames(vectors, image, count)[image])
    motion, covariance = offsets_and_rolls(
        image, place, phase.difference[used], 1.0 / (fitted + usual), count
    )
    known = np.isfinite(motion[:, 2])
    return ImageMeans(
        matches=size,
        offset=np.stack(mean, axis=1),
        sigma=np.sqrt(error / many),
        roll=np.where(known, motion[:, 2], 0.0),
        roll_sigma=np.where(known, np.sqrt(np.abs(covariance[:, 2, 2])), np.inf),
        lever=np.sqrt(np.bincount(image, np.sum(place**2, axis=1), minlength=count) / many),
        noise=np.sqrt(noise),
    )
