"""How well each image agrees with what it was aligned to: matches, residuals, offset and roll.

A detection is compared with the mean of the others of its source, the star among them, which it has
no part in: with the weights w of the fit, W their sum and r the residual, x - mean = r W / (W - w).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tweakreg_step.core.sphere import ARCSEC, directions, mean_frames, to_plane

from .residuals import matched_of

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.solution import Solution

    from .residuals import Matched

__all__ = ["ImageFits", "image_fits"]

_FEWEST = 3
"""Matches of an image from which on it has an offset and a roll of its own."""


@dataclass(frozen=True, slots=True)
class ImageFits:
    """The agreement of I images with their partners; NaN where unknown.

    Attributes
    ----------
    matches
        (I,) number of matched detections.
    rms_mas
        (I,) weighted rms residual per axis.
    offset_mas, offset_sigma_mas
        (I, 2) mean offset from the others, east and north, and (I,) its error per axis. Of an
        image that was left out, the offset is that which it would have.
    roll_arcsec, roll_sigma_arcsec
        (I,) mean roll against the others, from east to north, and its error.
    """

    matches: IntArray
    rms_mas: FloatArray
    offset_mas: FloatArray
    offset_sigma_mas: FloatArray
    roll_arcsec: FloatArray
    roll_sigma_arcsec: FloatArray

    @classmethod
    def empty(cls, count: int) -> Self:
        """Images of which nothing is known."""
        none = np.full(count, np.nan)
        return cls(np.zeros(count, np.int64), none, np.full((count, 2), np.nan), none, none, none)


def image_fits(
    detections: Detections, reference: Reference | None, solution: Solution, count: int
) -> ImageFits:
    """The agreement of the images of a solution with their partners.

    Parameters
    ----------
    detections, reference
        The catalogs that the solution was made from.
    solution
        The solution.
    count
        Number of images I.
    """
    matched = matched_of(detections, reference, solution)
    used = np.flatnonzero(matched.used)
    image = detections.image[matched.index[used]]
    precision = matched.weight / (0.5 * np.trace(matched.covariance, axis1=1, axis2=2))
    square = np.bincount(
        image, precision[used] * np.sum(matched.after[used] ** 2, axis=1), minlength=count
    )
    total = np.bincount(image, precision[used], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = 1e3 * np.sqrt(square / (2.0 * total))
    motion, covariance = _motions(matched, precision, detections, reference, count)
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    offset = 1e3 * motion[:, :2]
    for one in solution.apart:
        offset[one.image] = one.offset_mas
    return ImageFits(
        matches=np.bincount(image, minlength=count),
        rms_mas=rms,
        offset_mas=offset,
        offset_sigma_mas=1e3 * np.sqrt(0.5 * np.sum(sigma[:, :2] ** 2, axis=1)),
        roll_arcsec=ARCSEC * motion[:, 2],
        roll_sigma_arcsec=ARCSEC * sigma[:, 2],
    )


def _motions(
    matched: Matched,
    precision: FloatArray,
    detections: Detections,
    reference: Reference | None,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Offset [arcsec] and roll [radians] (I, 3) of the images, and their covariances (I, 3, 3)."""
    sources = int(matched.source.max(initial=-1)) + 1
    used = np.where(matched.used, precision, 0.0)
    total = np.bincount(matched.source, used, minlength=sources).astype(float)
    if reference is not None:
        tied = matched.star >= 0
        variance = 0.5 * np.trace(reference.covariance[matched.star[tied]], axis1=1, axis2=2)
        star = np.zeros(sources)
        star[matched.source[tied]] = 1.0 / variance
        total += star
    rest = total[matched.source] - precision
    paired = np.flatnonzero(matched.used & (rest > 1e-3 * total[matched.source]))
    rest, own = rest[paired], precision[paired]
    difference = matched.after[paired] * ((rest + own) / rest)[:, None]
    weight = 1.0 / (1.0 / own + 1.0 / rest)
    index = matched.index[paired]
    image = detections.image[index]
    vectors = directions(detections.ra[index], detections.dec[index])
    place = to_plane(vectors, mean_frames(vectors, image, count)[image])
    return _solved(image, place, difference, weight, count)


def _solved(
    image: IntArray,
    place: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Least squares for offset and roll of each image about the mean of its matches."""
    columns = np.zeros((len(image), 2, 3))
    columns[:, 0, 0] = columns[:, 1, 1] = 1.0
    columns[:, 0, 2], columns[:, 1, 2] = -place[:, 1], place[:, 0]
    blocks = np.einsum("n,nik,nil->nkl", weight, columns, columns)
    right = np.einsum("n,nik,ni->nk", weight, columns, difference)
    normal, moment = np.zeros((count, 3, 3)), np.zeros((count, 3))
    np.add.at(normal, image, blocks)
    np.add.at(moment, image, right)
    enough = np.bincount(image, minlength=count) >= _FEWEST
    enough &= np.linalg.det(normal) > 0.0
    motion, covariance = np.full((count, 3), np.nan), np.full((count, 3, 3), np.nan)
    covariance[enough] = np.linalg.inv(normal[enough])
    motion[enough] = np.einsum("gij,gj->gi", covariance[enough], moment[enough])
    return motion, covariance
