"""Residuals for pictures: on the sky, along the detector's axes, and in units of their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import matched_of
from tweakreg_step.core.sphere import directions, frames_at, mean_frames, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult


__all__ = ["Residuals", "magnitudes", "residuals_of"]


@dataclass(frozen=True, slots=True)
class Residuals:
    """Residuals, observed - fitted after the correction, of K detections used in the fit.

    Attributes
    ----------
    group, image
        (K,) indices of group and image.
    x, y
        (K,) positions [pixels].
    plane
        (K, 2) position east and north of the group's tangent point [arcsec].
    sky
        (K, 2) residual east and north [mas].
    detector
        (K, 2) residual along x and y [mas], NaN where an image has too few detections to determine
        its axes.
    normalised
        (K, 2) residual east and north in units of its standard error, NaN where unknown.
    before
        (K, 2) residual east and north with the input WCS [mas].
    magnitude
        (K,) -2.5 log10 of the flux, NaN where it is unknown.
    source
        (K,) index of the source that each was matched to.
    band
        (K,) index of the filter, -1 where unknown.
    """

    group: IntArray
    image: IntArray
    x: FloatArray
    y: FloatArray
    plane: FloatArray
    sky: FloatArray
    detector: FloatArray
    normalised: FloatArray
    before: FloatArray
    magnitude: FloatArray
    source: IntArray
    band: IntArray

    def __len__(self) -> int:
        return len(self.group)

    def take(self, keep: BoolArray) -> Residuals:
        """The residuals selected by a mask."""
        return Residuals(**{name: getattr(self, name)[keep] for name in self.__slots__})


def residuals_of(result: RunResult) -> Residuals | None:
    """The residuals of a result; None where no detection took part in a global solution."""
    detections, solution = result.catalogs.detections, result.solution
    if detections is None or solution is None or not solution.detections.used.any():
        return None
    used = solution.detections.used & np.isfinite(solution.detections.residual).all(axis=1)
    tangent = frames_at(solution.groups.ra, solution.groups.dec)[detections.group]
    turn = _sky_to_pixels(result, detections)[detections.image]
    pixels = np.einsum("nij,nj->ni", turn, solution.detections.residual)
    return Residuals(
        group=detections.group,
        image=detections.image,
        x=result.catalogs.x,
        y=result.catalogs.y,
        plane=to_plane(directions(detections.ra, detections.dec), tangent),
        sky=1000.0 * solution.detections.residual,
        detector=1000.0 * pixels * result.images.pixel_scale[detections.image][:, None],
        normalised=_normalised(result, detections, solution),
        before=_before(result, detections, solution),
        magnitude=magnitudes(detections.flux),
        source=solution.detections.source,
        band=detections.band,
    ).take(used)


def magnitudes(flux: FloatArray) -> FloatArray:
    """-2.5 log10 of fluxes (N,), NaN where they are unknown or not positive."""
    good = np.isfinite(flux) & (flux > 0.0)
    return np.asarray(-2.5 * np.log10(np.where(good, flux, np.nan)))


def _before(result: RunResult, detections: Detections, solution: Solution) -> FloatArray:
    """Residuals (N, 2) with the input WCS [mas], NaN of detections without a source."""
    out = np.full((len(detections), 2), np.nan)
    matched = matched_of(detections, result.catalogs.reference, solution)
    out[matched.index] = 1000.0 * matched.before
    return out


def _sky_to_pixels(result: RunResult, detections: Detections) -> FloatArray:
    """Derivative (I, 2, 2) of pixel by sky position [pixel per arcsec], NaN where undetermined.

    A straight-line fit of the positions on the sky to those on the image; no WCS is at hand here.
    """
    count = len(result.images)
    vectors = directions(detections.ra, detections.dec)
    x, y = result.catalogs.x, result.catalogs.y
    good = np.isfinite(vectors).all(axis=1) & np.isfinite(x) & np.isfinite(y)
    image, vectors = detections.image[good], vectors[good]
    sky = to_plane(vectors, mean_frames(vectors, image, count)[image])
    pixel = np.stack([x[good], y[good]], axis=1)
    size = np.maximum(np.bincount(image, minlength=count), 1)[:, None]
    sky = sky - (_sums(image, sky, count) / size)[image]
    pixel = pixel - (_sums(image, pixel, count) / size)[image]
    normal = _sums(image, sky[:, :, None] * sky[:, None, :], count)
    mixed = _sums(image, pixel[:, :, None] * sky[:, None, :], count)
    determinant, trace = np.linalg.det(normal), np.trace(normal, axis1=1, axis2=2)
    # detections on a line do not determine the derivative across it
    solid = (size[:, 0] >= 3) & (determinant > 1e-6 * trace**2)
    out = np.full((count, 2, 2), np.nan)
    out[solid] = mixed[solid] @ np.linalg.inv(normal[solid])
    return out


def _sums(index: IntArray, values: FloatArray, count: int) -> FloatArray:
    """Sums (count, ...) of values (N, ...) by index."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    sums = [np.bincount(index, column, minlength=count) for column in flat.T]
    return np.stack(sums, axis=1).astype(float).reshape(count, *values.shape[1:])


def _normalised(result: RunResult, detections: Detections, solution: Solution) -> FloatArray:
    """Residuals (N, 2) in units of sqrt(S_i - D_s^-1), what is left when its source is fitted too.

    S_i is the detection's covariance with its estimated errors, D_s the sum of the inverse
    covariances of the source's detections and its reference star. The few degrees of freedom of the
    groups' corrections are neglected.
    """
    out = np.full((len(detections), 2), np.nan)
    index = np.flatnonzero(solution.detections.used & (solution.detections.source >= 0))
    source = solution.detections.source[index]
    inflation = np.asarray(solution.detections.inflation)[index]
    own = np.diagonal(detections.covariance[index], axis1=1, axis2=2) * inflation[:, None]
    total = _sums(source, 1.0 / own, len(solution.reference_star))
    star = solution.reference_star
    if result.catalogs.reference is not None:
        tied = star >= 0
        variance = np.diagonal(result.catalogs.reference.covariance, axis1=1, axis2=2)
        total[tied] += 1.0 / variance[star[tied]]
    left = own - 1.0 / total[source]
    alone = left < 1e-3 * own  # a source with one detection has no residual
    out[index] = solution.detections.residual[index] / np.sqrt(np.where(alone, np.nan, left))
    return out
