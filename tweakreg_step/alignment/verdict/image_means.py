"""The mean offset of each image's matches from where other groups, or stars, put them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import MATCHED_WEIGHT

from .evidence import phase_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["ImageMeans", "mean_offsets"]


@dataclass(frozen=True, slots=True)
class ImageMeans:
    """Mean offsets of I images.

    Attributes
    ----------
    matches
        (I,) number of matches.
    offset, sigma
        (I, 2) their mean offset, east and north, and (I,) its error per axis [arcsec].
    noise
        (I,) error of a single difference per axis, as the catalogs have it [arcsec].
    """

    matches: IntArray
    offset: FloatArray
    sigma: FloatArray
    noise: FloatArray


def mean_offsets(associated: AssociatedFit, count: int, *, absolute: bool) -> ImageMeans:
    """The mean offset of each of `count` images from the other groups, or from the stars.

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
    given = 0.5 * np.trace(links.covariance, axis1=1, axis2=2)
    fitted = 0.5 * np.trace(fit.covariance, axis1=1, axis2=2)[used]
    partner = given[(links.group < 0) == absolute]
    usual = float(np.median(partner)) if len(partner) else 0.0
    size = np.bincount(image, minlength=count)
    many = np.maximum(size, 1)
    mean = [np.bincount(image, axis, minlength=count) / many for axis in phase.difference[used].T]
    noise = np.bincount(image, given[used], minlength=count) / many + usual
    error = np.bincount(image, fitted, minlength=count) / many + usual
    return ImageMeans(size, np.stack(mean, axis=1), np.sqrt(error / many), np.sqrt(noise))
