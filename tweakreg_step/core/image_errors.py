"""Errors of images, of all motions together, and errors of positions that were estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from .arrays import FloatArray, IntArray

__all__ = ["EstimatedError", "ImageErrors", "displacement_terms"]


@dataclass(frozen=True, slots=True)
class EstimatedError:
    """The error of the detections of a detector, or of the reference stars, as estimated.

    Attributes
    ----------
    detector, group
        Index of the detector, -1 where there is none, and of the group where detectors are unknown;
        both are -1 for reference stars.
    given
        Whether catalogs give all of the error.
    estimated
        Whether there were enough to say; if not, it is the usual one.
    count
        Number of detections, or stars.
    usual_mas, sigma_mas
        Median error per axis, as it is usual or given, and as it is.
    """

    detector: int
    group: int
    given: bool
    estimated: bool
    count: int
    usual_mas: float
    sigma_mas: float

    @property
    def of_stars(self) -> bool:
        """Whether it is that of reference stars."""
        return self.detector < 0 and self.group < 0


@dataclass(frozen=True, slots=True)
class ImageErrors:
    """What is uncertain of where I images are, after all motions; NaN where that is not known.

    The error is an affine displacement about an image's centre, with the six coefficients of
    d(x) = s + g_x x + g_y y, each of them along east and north.

    Attributes
    ----------
    ra, dec
        (I,) centre of each image's detections through the input WCS [deg ICRS].
    size
        (I,) rms distance of the detections from there [arcsec].
    relative
        (I, 6, 6) covariance of the coefficients [arcsec, 1] after the common motion of the
        component was taken off.
    absolute
        (I, 6, 6) of the place on the sky; NaN for images that are not tied to the reference.
    """

    ra: FloatArray
    dec: FloatArray
    size: FloatArray
    relative: FloatArray
    absolute: FloatArray

    def __len__(self) -> int:
        return len(self.ra)

    @property
    def claimed(self) -> FloatArray:
        """(I, 6, 6) the absolute covariance, or the relative one where there is no reference."""
        tied = np.isfinite(self.absolute[:, 0, 0])
        return np.where(tied[:, None, None], self.absolute, self.relative)

    def take(self, index: IntArray) -> ImageErrors:
        """Those of some of the images."""
        return ImageErrors(**{name: getattr(self, name)[index] for name in self.__slots__})

    @classmethod
    def empty(cls, count: int) -> Self:
        """Images of which nothing is known."""
        flat, square = (count,), (count, 6, 6)
        return cls(*(np.full(shape, np.nan) for shape in (flat, flat, flat, square, square)))


def displacement_terms(place: FloatArray) -> FloatArray:
    """Derivative (K, 2, 6) of displacements at positions (K, 2) by their six coefficients."""
    one = np.eye(2)[None]
    x, y = place[:, 0, None, None], place[:, 1, None, None]
    return np.concatenate([np.broadcast_to(one, (len(place), 2, 2)), x * one, y * one], axis=2)
