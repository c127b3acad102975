"""Robust weights: tapered residuals, medians of sources, and residuals in units of their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import inverse_2x2, mean_variance, squares_in

from .latents import latents, seen, source_spread, spread_seen

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .links import Links

__all__ = [
    "MATCHED_WEIGHT",
    "MEDIAN_SQUARE",
    "grouped_median",
    "median_weights",
    "standardised",
    "taper",
]

MATCHED_WEIGHT = 0.1
"""Robust weight above which a detection counts as matched."""

MEDIAN_SQUARE = 2.0 * np.log(2.0)
"""Median of the square of a two-dimensional residual, both axes of variance 1."""


def taper(distance: FloatArray, threshold: float) -> FloatArray:
    """Weights (N,) of standardised residuals (N,): 1 up to the threshold, then Tukey's (1 - z^2)^2.

    At twice the threshold and beyond they are 1e-6, not 0: a source without any weight would have
    no fitted position, hence no residuals to keep it out.
    """
    z = np.clip(distance / threshold - 1.0, 0.0, 1.0)
    return np.asarray(np.maximum((1.0 - z**2) ** 2, 1e-6))


def grouped_median(values: FloatArray, label: IntArray, count: int) -> FloatArray:
    """Medians (count,) of values (N,) that share a label; NaN where there are none."""
    order = np.argsort(values)
    for shift in range(0, max(int(count).bit_length(), 1), 16):  # labels of 16 bits sort faster
        digits = (label[order] >> shift).astype(np.uint16)
        order = order[np.argsort(digits, kind="stable")]
    ordered = values[order]
    size = np.bincount(label, minlength=count)
    start = np.cumsum(size) - size
    last = max(len(values) - 1, 0)
    low = np.minimum(start + np.maximum(size - 1, 0) // 2, last)
    high = np.minimum(start + size // 2, last)
    median = np.full(count, np.nan)
    if len(values):
        median = np.where(size > 0, 0.5 * (ordered[low] + ordered[high]), np.nan)
    return median


def median_weights(position: FloatArray, covariance: FloatArray, links: Links) -> FloatArray:
    """Initial weights (N,), low for detections far from the median position of their source.

    They are 1 for sources with fewer than three detections.
    """
    source, count = links.source, links.source_count
    size = np.bincount(source, minlength=count)
    centre = np.stack([grouped_median(axis, source, count) for axis in position.T], axis=1)
    difference = position - centre[source]
    square = squares_in(inverse_2x2(covariance), difference)
    many = size[source] > 2
    if not many.any():
        return np.ones(len(source))
    scale = max(1.0, float(np.sqrt(np.median(square[many]) / MEDIAN_SQUARE)))
    # The median of k positions is off by 1.25 / sqrt(k); with 3 that takes a fifth off the scale.
    return np.where(many, taper(np.sqrt(square) / (1.25 * scale), 3.0), 1.0)


def standardised(
    position: FloatArray, covariance: FloatArray, weight: FloatArray, links: Links
) -> FloatArray:
    """Squares (N,) of residuals from the sources, in units of their own variance.

    With w the weights over the largest of their source, W = S^-1 and D the sum of w W, the residual
    of detection i has the variance S_i + (1 - 2 w_i) D^-1: less than S_i if the detection took part
    in its source's mean, more if it did not. A source seen twice has two equal residuals, hence two
    equal weights. 0 where a detection alone determines its source's position. Sources are where
    these very weights and covariances have them: beside a star that is known far better than what
    lies next to it, residuals from another mean would be many times their variance.

    Parameters
    ----------
    position
        (N, 2) in the planes tangent at the sources [arcsec].
    covariance
        (N, 2, 2) of these [arcsec^2].
    weight
        (N,) robust weights.
    links
        The N detections.
    """
    square = np.empty(len(weight))
    for rows, sources in links.pieces():
        part = links.part(rows, sources)
        square[rows] = _standardised(position[rows], covariance[rows], weight[rows], part)
    return square


def _standardised(
    position: FloatArray, covariance: FloatArray, weight: FloatArray, links: Links
) -> FloatArray:
    """The squares of the residuals of some sources' detections."""
    source, count = links.source, links.source_count
    largest = np.zeros(count)
    np.maximum.at(largest, source, weight)
    relative = np.divide(weight, largest[source], out=np.zeros_like(weight), where=weight > 0.0)
    precision = relative[:, None, None] * inverse_2x2(covariance)
    spread = source_spread(links, precision)
    residual = position - seen(links, latents(links, spread, precision, position))
    weighted_sources = spread[:, 0, 0] > 0.0
    variance = covariance + (1.0 - 2.0 * relative)[:, None, None] * spread_seen(links, spread)
    # With one detection left in a source the difference is rounding error of an exact zero.
    alone = mean_variance(variance) < 1e-6 * mean_variance(covariance)
    alone |= ~weighted_sources[source]
    variance[alone] = covariance[alone]
    square = squares_in(inverse_2x2(variance), residual)
    return np.asarray(np.where(alone, 0.0, square))
