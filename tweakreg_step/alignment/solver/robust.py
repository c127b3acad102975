"""Robust fit: iteratively reweighted least squares with an error floor for each group.

The first weights come from medians, not from a least-squares fit, which outliers would spoil.
A residual is divided by its own standard error, the leverage of its source included; its weight is
1 up to a threshold, then falls smoothly (Tukey) to 0 at twice that, so that clean data lose
nothing. Where a group's residuals are significantly larger than the errors of its catalogs, an
error floor is added in quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import inverse_2x2

from .field_motion import with_spread
from .hierarchy import linearise
from .latents import source_spread, spread_seen
from .normal_equations import solve_step
from .tails import with_tails

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .hierarchy import Linear, Model, Motions
    from .links import Links
    from .normal_equations import Step


__all__ = [
    "MATCHED_WEIGHT",
    "Fit",
    "fit",
    "grouped_median",
    "median_weights",
    "standardised",
    "taper",
]

MATCHED_WEIGHT = 0.1
"""Robust weight above which a detection counts as matched."""

MEDIAN_SQUARE = 2.0 * np.log(2.0)
"""Median of the square of a two-dimensional residual, both axes of variance 1."""

_CONVERGED = 1e-4
"""Mean change of a weight below which reweighting ends."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The robust solution for a set of N links.

    Attributes
    ----------
    links
        The links, with the scatter of their motions as it was found.
    motions
        The fitted motions.
    linear, step
        The last linearisation and its solution.
    covariance
        (N, 2, 2) of the detections in the planes tangent at the sources, error floors included
        [arcsec^2].
    weight
        (N,) robust weights, 0 to 1, of the last step.
    square
        (N,) squares of the standardised residuals.
    residual
        (N, 2) residuals in the planes tangent at the sources [arcsec].
    floor
        (G + 1,) error floor of each group and, last, of the reference [arcsec].
    field_path
        (N, 2) path of the field since the source's origin, 0 where it does not follow [arcsec].
    """

    links: Links
    motions: Motions
    linear: Linear
    step: Step
    covariance: FloatArray
    weight: FloatArray
    square: FloatArray
    residual: FloatArray
    floor: FloatArray
    field_path: FloatArray


def taper(distance: FloatArray, threshold: float) -> FloatArray:
    """Weights (N,) of standardised residuals (N,): 1 up to the threshold, then Tukey's (1 - z^2)^2.

    At twice the threshold and beyond they are 1e-6, not 0: a source without any weight would have
    no fitted position, hence no residuals to keep it out.
    """
    z = np.clip(distance / threshold - 1.0, 0.0, 1.0)
    return np.asarray(np.maximum((1.0 - z**2) ** 2, 1e-6))


def grouped_median(values: FloatArray, label: IntArray, count: int) -> FloatArray:
    """Medians (count,) of values (N,) that share a label; NaN where there are none."""
    order = np.lexsort((values, label))
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
    square = np.einsum("ni,nij,nj->n", difference, inverse_2x2(covariance), difference)
    many = size[source] > 2
    if not many.any():
        return np.ones(len(source))
    scale = max(1.0, float(np.sqrt(np.median(square[many]) / MEDIAN_SQUARE)))
    # The median of k positions is off by 1.25 / sqrt(k); with 3 that takes a fifth off the scale.
    return np.where(many, taper(np.sqrt(square) / (1.25 * scale), 3.0), 1.0)


def standardised(
    residual: FloatArray, covariance: FloatArray, weight: FloatArray, links: Links
) -> FloatArray:
    """Squares (N,) of residuals in units of their own variance.

    With w the weights over the largest of their source, W = S^-1 and D the sum of w W, the residual
    of detection i has the variance S_i + (1 - 2 w_i) D^-1: less than S_i if the detection took part
    in its source's mean, more if it did not. A source seen twice has two equal residuals, hence two
    equal weights. 0 where a detection alone determines its source's position.
    """
    source, count = links.source, links.source_count
    largest = np.zeros(count)
    np.maximum.at(largest, source, weight)
    relative = np.divide(weight, largest[source], out=np.zeros_like(weight), where=weight > 0.0)
    precision = inverse_2x2(covariance)
    spread = source_spread(links, relative[:, None, None] * precision)
    weighted_sources = spread[:, 0, 0] > 0.0
    variance = covariance + (1.0 - 2.0 * relative)[:, None, None] * spread_seen(links, spread)
    # With one detection left in a source the difference is rounding error of an exact zero.
    alone = np.trace(variance, axis1=1, axis2=2) < 1e-6 * np.trace(covariance, axis1=1, axis2=2)
    alone |= ~weighted_sources[source]
    variance[alone] = covariance[alone]
    square = np.einsum("ni,nij,nj->n", residual, inverse_2x2(variance), residual)
    return np.asarray(np.where(alone, 0.0, square))


def _floors(
    square: FloatArray, covariance: FloatArray, label: IntArray, floor: FloatArray
) -> FloatArray:
    """Error floors (G + 1,) [arcsec] updated from the residuals, where the change is significant.

    The median of n squares scatters by 1.44 / sqrt(n) of itself; a floor that followed the noise
    would always be too large.
    """
    seen = square > 0.0
    count = len(floor)
    label = label % count  # the reference catalog, -1, has the last floor
    size = np.bincount(label[seen], minlength=count)
    excess = grouped_median(square[seen], label[seen], count) / MEDIAN_SQUARE - 1.0
    trace = 0.5 * np.trace(covariance, axis1=1, axis2=2)
    typical = grouped_median(trace[seen], label[seen], count)
    clear = np.abs(excess) > 4.0 * 1.44 / np.sqrt(np.maximum(size, 1))
    change = np.where(clear & (size >= 5), excess * typical, 0.0)
    return np.asarray(np.sqrt(np.maximum(floor**2 + np.nan_to_num(change), 0.0)))


def _with_floor(linear: Linear, links: Links, floor: FloatArray) -> FloatArray:
    turned = linear.transform @ links.covariance @ np.swapaxes(linear.transform, 1, 2)
    return np.asarray(turned + (floor[links.group] ** 2)[:, None, None] * np.eye(2))


def fit(
    links: Links,
    model: Model,
    start: Motions,
    threshold: float = 3.0,
    rounds: int = 5,
    width: float = 0.0,
) -> Fit:
    """The robust solution.

    Units that the start knows nothing of yet, as a detector that lies off its exposure by many
    errors, look like outliers one by one. The weights of the first rounds therefore allow for a
    `width` that shrinks by three from round to round (graduated non-convexity; Blake & Zisserman
    1987, Visual Reconstruction), so that nothing is rejected that a common motion explains.

    Parameters
    ----------
    links, model
        Associated detections; tangent planes, geometries and priors.
    start
        Initial motions, accurate to a fraction of the match radius.
    threshold
        Standardised residual at which weights start to fall.
    rounds
        Largest number of reweightings.
    width
        How far units may be from where they start, per axis [arcsec].
    """
    floor = np.zeros(len(model.frames) + 1)
    linear = linearise(links, model, start)
    covariance = _with_floor(linear, links, floor)
    weight = median_weights(linear.position, covariance + width**2 * np.eye(2), links)
    motions, widths = start, _widths(width, covariance)
    rounds += len(widths)
    for turn in range(rounds):
        precision = weight[:, None, None] * inverse_2x2(covariance)
        step = solve_step(linear, links, model, motions, precision)
        motions = motions.plus(step.delta)
        model = with_tails(model, motions)
        square = standardised(step.residual, covariance, weight, links)
        scale = _scale(square)
        if turn == rounds - 1:
            break
        linear = _relinearised(linear, links, model, motions, step)
        links = with_spread(links, linear.position, precision)
        if turn < len(widths):
            allowed = covariance + widths[turn] ** 2 * np.eye(2)
            square = standardised(step.residual, allowed, weight, links)
            weight = taper(np.sqrt(square), threshold)
            continue
        floor = _floors(square, covariance, links.group, floor)
        covariance = _with_floor(linear, links, floor)
        square = standardised(step.residual, covariance, weight, links)
        fresh = taper(np.sqrt(square) / min(scale, _scale(square)), threshold)
        if turn > len(widths) and np.mean(np.abs(fresh - weight)) < _CONVERGED:
            break
        weight = fresh
    every = links, motions, linear, step, covariance, weight, square, step.residual, floor
    return Fit(*every, _field_path(links, model, motions))


def _field_path(links: Links, model: Model, motions: Motions) -> FloatArray:
    """Path (N, 2) [arcsec] of the field since the sources' origins."""
    if model.field is None:
        return np.zeros((len(links.source), 2))
    return -model.field.offset(links, motions.phi[model.level(model.field.name)])


def _widths(width: float, covariance: FloatArray) -> list[float]:
    """Widths of the first rounds [arcsec], from `width` down to the errors of the detections."""
    trace = 0.5 * np.trace(covariance, axis1=1, axis2=2)
    least = float(np.sqrt(np.median(trace))) if len(trace) else 0.0
    widths = []
    while width > least > 0.0:
        width /= 3.0
        widths.append(width)
    return widths


def _relinearised(
    linear: Linear, links: Links, model: Model, motions: Motions, step: Step
) -> Linear:
    """The problem linearised at the new motions; for small steps the derivatives are kept.

    A step of 3 mas across a field of 1 arcmin turns it by less than 1e-4, and the error of the
    derivatives moves nothing by more than 1e-3 mas.
    """
    path = np.einsum("nik,nk->ni", linear.columns, step.delta[linear.index])
    if np.abs(path).max(initial=0.0) > 3e-3:
        return linearise(links, model, motions)
    return replace(linear, position=linear.position + path)


def _scale(square: FloatArray) -> float:
    """Robust ratio of the residuals to their catalog errors, 1 at least."""
    seen = square[square > 0.0]
    return max(1.0, float(np.sqrt(np.median(seen) / MEDIAN_SQUARE))) if len(seen) else 1.0
