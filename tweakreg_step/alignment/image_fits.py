"""How well each image agrees with what it was aligned to: matches, residuals, offset and roll.

A detection is compared with the mean of the others of its source, the star among them, which it has
no part in: with the weights w of the fit, W their sum and r the residual, x - mean = r W / (W - w).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance, offsets_and_rolls
from tweakreg_step.core.sphere import ARCSEC, directions, mean_frames, to_plane

from .residuals import matched_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.solution import ApartImage, Solution

    from .residuals import Matched

__all__ = ["ImageFits", "image_fits"]


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
        image that was left out, the offset is that which it would have, and so is the roll.
    roll_arcsec, roll_sigma_arcsec
        (I,) mean roll against the others, from east to north, and its error.
    beside_mas, beside_sigma_mas
        (I, 2) offset less the mean of those of the other images of its group, and (I,) its error.
    beside_roll_arcsec, beside_roll_sigma_arcsec
        (I,) the same of the roll.
    """

    matches: IntArray
    rms_mas: FloatArray
    offset_mas: FloatArray
    offset_sigma_mas: FloatArray
    roll_arcsec: FloatArray
    roll_sigma_arcsec: FloatArray
    beside_mas: FloatArray
    beside_sigma_mas: FloatArray
    beside_roll_arcsec: FloatArray
    beside_roll_sigma_arcsec: FloatArray

    @classmethod
    def empty(cls, count: int) -> Self:
        """Images of which nothing is known."""
        none, pair = np.full(count, np.nan), np.full((count, 2), np.nan)
        number = np.zeros(count, np.int64)
        return cls(number, none, pair, none, none, none, pair, none, none, none)

    def with_apart(self, apart: Iterable[ApartImage]) -> Self:
        """The same, with where the images would be that were left out."""
        offset, offset_sigma = self.offset_mas.copy(), self.offset_sigma_mas.copy()
        roll, roll_sigma = self.roll_arcsec.copy(), self.roll_sigma_arcsec.copy()
        for one in apart:
            image = one.image
            offset[image], offset_sigma[image] = one.offset_mas, one.offset_sigma_mas
            roll[image], roll_sigma[image] = one.roll_arcsec, one.roll_sigma_arcsec
        return replace(
            self,
            offset_mas=offset,
            offset_sigma_mas=offset_sigma,
            roll_arcsec=roll,
            roll_sigma_arcsec=roll_sigma,
        )


def image_fits(
    detections: Detections,
    reference: Reference | None,
    solution: Solution,
    count: int,
    *,
    applied: bool = True,
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
    applied
        Whether the images are where the solution moves them, or where they were before.
    """
    matched = matched_of(detections, reference, solution)
    residual = matched.after if applied else matched.before
    used = np.flatnonzero(matched.used)
    image = detections.image[matched.index[used]]
    precision = matched.weight / mean_variance(matched.covariance)
    square = np.bincount(
        image, precision[used] * np.sum(residual[used] ** 2, axis=1), minlength=count
    )
    total = np.bincount(image, precision[used], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = 1e3 * np.sqrt(square / (2.0 * total))
    step = residual - matched.after
    motion, covariance = _motions((matched, step), precision, detections, reference, count)
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    fits = replace(
        ImageFits.empty(count),
        matches=np.bincount(image, minlength=count),
        rms_mas=rms,
        offset_mas=1e3 * motion[:, :2],
        offset_sigma_mas=1e3 * np.sqrt(0.5 * np.sum(sigma[:, :2] ** 2, axis=1)),
        roll_arcsec=ARCSEC * motion[:, 2],
        roll_sigma_arcsec=ARCSEC * sigma[:, 2],
    ).with_apart(solution.apart)
    group = np.full(count, -1)
    group[detections.image] = detections.group
    out = np.isin(np.arange(count), [one.image for one in solution.apart])
    beside = _beside(fits.offset_mas, fits.offset_sigma_mas, group, out)
    turned = _beside(fits.roll_arcsec[:, None], fits.roll_sigma_arcsec, group, out)
    return replace(
        fits,
        beside_mas=beside[0],
        beside_sigma_mas=beside[1],
        beside_roll_arcsec=turned[0][:, 0],
        beside_roll_sigma_arcsec=turned[1],
    )


def _beside(
    value: FloatArray, sigma: FloatArray, group: IntArray, out: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Values (I, k) less the mean of those of the other images of the group, and errors (I,).

    Those of images that are `out` (I,) are in no mean; NaN where there is no other.
    """
    known = np.isfinite(sigma) & (sigma > 0.0) & np.isfinite(value).all(axis=1) & (group >= 0)
    some = known & ~out
    weight = np.where(some, 1.0 / np.where(some, sigma, 1.0) ** 2, 0.0)
    own = np.where(some[:, None], value, 0.0) * weight[:, None]
    size = int(group.max(initial=-1)) + 2
    total = np.bincount(group + 1, weight, minlength=size)[group + 1] - weight
    sums = [np.bincount(group + 1, axis, minlength=size)[group + 1] for axis in own.T]
    others = np.bincount(group + 1, some, minlength=size)[group + 1] - some > 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (np.stack(sums, axis=1) - own) / total[:, None]
        error = np.sqrt(sigma**2 + 1.0 / total)
    good = others & known
    return np.where(good[:, None], value - mean, np.nan), np.where(good, error, np.nan)


def _motions(
    found: tuple[Matched, FloatArray],
    precision: FloatArray,
    detections: Detections,
    reference: Reference | None,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Offset [arcsec] and roll [radians] (I, 3) of the images, and their covariances (I, 3, 3).

    Of each match (L,), the correction (L, 2) that its image lacks [arcsec] counts as well.
    """
    matched, step = found
    sources = int(matched.source.max(initial=-1)) + 1
    used = np.where(matched.used, precision, 0.0)
    total = np.bincount(matched.source, used, minlength=sources).astype(float)
    if reference is not None:
        tied = matched.star >= 0
        variance = mean_variance(reference.covariance[matched.star[tied]])
        star = np.zeros(sources)
        star[matched.source[tied]] = 1.0 / variance
        total += star
    rest = total[matched.source] - precision
    paired = np.flatnonzero(matched.used & (rest > 1e-3 * total[matched.source]))
    rest, own = rest[paired], precision[paired]
    difference = matched.after[paired] * ((rest + own) / rest)[:, None] + step[paired]
    weight = 1.0 / (1.0 / own + 1.0 / rest)
    index = matched.index[paired]
    image = detections.image[index]
    vectors = directions(detections.ra[index], detections.dec[index])
    place = to_plane(vectors, mean_frames(vectors, image, count)[image])
    return offsets_and_rolls(image, place, difference, weight, count)
