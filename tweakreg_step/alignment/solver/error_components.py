"""Errors that nobody gave, estimated with the solution: of centroids, and of reference stars.

The variance of detection i per axis is g_i + c_k^2 f_i^2: g_i is given, f_i the usual size of the
rest, c_k a factor of its component k. Components are the centroids of a detector (of a group, where
detectors are unknown) and the reference stars, each with and without given errors apart. Where all
is given, there is a factor on that (f^2 = g, g = 0).

The logarithms of the factors maximise the restricted likelihood (Patterson & Thompson 1971,
Biometrika 58, 545) times a prior, by scoring: with residuals e_i and their expected squares

    v_i - D_s^-1 - T_i C T_i',

v_i less the leverage of the source's position, D_s the sum of 1 / v, and that of the motions,

    score_k = sum_i c_k^2 f_i^2 / v_i^2 (|e_i|^2 - expected),

of which the Fisher information is taken for each source exactly. Weights keep outliers out, and the
loss of true ones is made up for (a consistent M-estimate of scale).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from tweakreg_step.alignment.linalg import different_rows, mean_variance

from .latents import latents, seen, source_spread, spread_seen
from .weights import grouped_median, taper

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .links import Links

__all__ = ["ErrorComponents", "components_of", "estimated"]

FEWEST = 5
"""Detections, or reference stars, below which a component keeps its usual errors."""

_WIDTH = float(np.log(3.0))
"""Width of the prior of the logarithm of a factor: usual errors are right to a factor of three."""

_GIVEN_WIDTH = 0.1
"""The same for errors that are given, with the tails of a Cauchy law: the factor is one unless the
residuals say clearly otherwise."""

_LIMITS = float(np.log(0.02)), float(np.log(1e4))
_THRESHOLD = 2.0
"""Standardised residual from which on a detection counts less for the estimate of errors: lower
than for motions, as the few chance matches among many true ones are all far out."""

_ROUNDS = 12
_LARGEST = 1.5
_FIXED = 1e12
_CONVERGED = 0.01
"""Rounds of scoring, its largest step and that at which it ends, in logarithms of factors; inverse
variance of those that stay."""

_DENSE = 200_000
"""Entries up to which matrices are dense: sparse ones cost more to build than they save."""


@dataclass(frozen=True, slots=True)
class ErrorComponents:
    """Factors of K components of the errors of L links.

    Attributes
    ----------
    label
        (L,) component of each link.
    detector, group
        (K,) detector of a component, -1 where there is none; its group where there is no detector.
        Both are -1 for reference stars.
    given
        (K,) whether catalogs give all of the error.
    count
        (K,) number of links.
    usual, known
        (L,) variances per axis f^2 and g [arcsec^2].
    log_factor
        (K,) ln c.
    """

    label: IntArray
    detector: IntArray
    group: IntArray
    given: BoolArray
    count: IntArray
    usual: FloatArray
    known: FloatArray
    log_factor: FloatArray

    @property
    def variance(self) -> FloatArray:
        """(L,) variance of each link per axis [arcsec^2]."""
        return np.asarray(self.known + self.added)

    @property
    def added(self) -> FloatArray:
        """(L,) its part that is estimated, c^2 f^2 [arcsec^2]."""
        return np.asarray(np.exp(2.0 * self.log_factor)[self.label] * self.usual)

    @property
    def beside_given(self) -> FloatArray:
        """(L,) variance of each link that no catalog gives [arcsec^2]."""
        excess = np.maximum(self.added - self.usual, 0.0)
        return np.where(self.given[self.label], excess, self.added)

    @property
    def reference(self) -> BoolArray:
        """(K,) whether a component is that of reference stars."""
        return np.asarray((self.detector < 0) & (self.group < 0))

    @property
    def estimated(self) -> BoolArray:
        """(K,) whether there are enough links to say how large the errors are."""
        return self.count >= FEWEST


def components_of(links: Links) -> ErrorComponents:
    """The components of the errors of links, all factors being one."""
    variance = mean_variance(links.covariance)
    floor = np.minimum(links.floor**2, variance)
    assumed, given = floor > 0.9 * variance, floor == 0.0
    star = links.group < 0
    detector = np.where(star, -1, links.detector)
    group = np.where(star | (detector >= 0), -1, links.group)
    names = np.stack([detector, group, given, assumed], axis=1)
    kinds, label = different_rows(names)
    count = np.bincount(label, minlength=len(kinds))
    return ErrorComponents(
        label=label,
        detector=kinds[:, 0],
        group=kinds[:, 1],
        given=kinds[:, 2] > 0,
        count=count.astype(np.int64),
        usual=np.where(given, variance, floor),
        known=np.where(given, 0.0, variance - floor),
        log_factor=np.zeros(len(kinds)),
    )


def estimated(
    components: ErrorComponents,
    position: FloatArray,
    links: Links,
    weight: FloatArray,
    motion: FloatArray,
) -> ErrorComponents:
    """The components with factors that the residuals ask for.

    Parameters
    ----------
    components
        To start from.
    position
        (L, 2) corrected positions in the planes tangent at the sources [arcsec].
    links
        The links.
    weight
        (L,) robust weights of the fit.
    motion
        (L,) variance of the fitted positions due to the motions, see `motion_variance`.
    """
    largest = np.zeros(links.source_count)
    np.maximum.at(largest, links.source, weight)
    relative = np.divide(weight, largest[links.source], out=np.zeros_like(weight), where=weight > 0)
    last = np.zeros(len(components.count))
    reach = np.full(len(last), _LARGEST)
    for _ in range(_ROUNDS):
        step = _scoring_step(components, position, links, relative, motion)
        # a likelihood that is flat where errors are small is none that scoring knows: a step that
        # turns back must be shorter
        reach = np.where(step * last < 0.0, 0.5 * np.minimum(np.abs(last), reach), reach)
        step = last = np.clip(step, -reach, reach)
        log_factor = np.clip(components.log_factor + step, *_LIMITS)
        components = replace(components, log_factor=log_factor)
        if np.abs(step).max(initial=0.0) < _CONVERGED:
            break
    return components


def _scoring_step(
    components: ErrorComponents,
    position: FloatArray,
    links: Links,
    relative: FloatArray,
    motion: FloatArray,
) -> FloatArray:
    """Change (K,) of the logarithms of the factors."""
    variance, added = components.variance, components.added
    square, fitted = _squares(position, links, relative / variance)
    expected = variance + (1.0 - 2.0 * relative) * (fitted + motion)
    shown = expected > 1e-3 * variance  # not where a detection alone determines its source
    expected = np.maximum(expected, 0.02 * variance)
    weight, kept = _weights(np.where(shown, square / expected, 0.0), components)
    weight = np.where(shown, weight, 0.0)
    size, label = len(components.count), components.label
    slope = added / variance**2
    score = np.bincount(label, weight * slope * (square / kept - 2.0 * expected), minlength=size)
    free = np.clip(expected / variance, 0.0, 1.0)
    del square, expected, shown
    information = _information(components, links.source, weight, slope, free, fitted)
    prior = np.where(
        components.given,
        2.0 / (_GIVEN_WIDTH**2 + components.log_factor**2),
        1.0 / _WIDTH**2,
    )
    score = np.where(components.estimated, score - prior * components.log_factor, 0.0)
    prior = np.where(components.estimated, prior, _FIXED)
    if isinstance(information, np.ndarray):
        return np.asarray(np.linalg.solve(information + np.diag(prior), score))
    step = spsolve((information + sparse.diags(prior)).tocsc(), score)
    return np.atleast_1d(np.asarray(step, float))


def _squares(
    position: FloatArray, links: Links, precision: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Squares (L,) of residuals from the sources, and the variance of these there per axis.

    Sources that move have a position at each epoch.
    """
    source, count = links.source, links.source_count
    if links.tau is not None:
        weight = precision[:, None, None] * np.eye(2)
        spread = source_spread(links, weight)
        residual = position - seen(links, latents(links, spread, weight, position))
        fitted = mean_variance(spread_seen(links, spread))
        return np.asarray(np.sum(residual**2, axis=1)), np.asarray(fitted)
    total = np.bincount(source, precision, minlength=count)
    centre = [np.bincount(source, precision * axis, minlength=count) / total for axis in position.T]
    square = sum((axis - mean[source]) ** 2 for axis, mean in zip(position.T, centre, strict=True))
    return np.asarray(square), 1.0 / total[source]


def _weights(square: FloatArray, components: ErrorComponents) -> tuple[FloatArray, float]:
    """Weights (L,) of squares (L,) of standardised residuals, and the share of a square they keep.

    Residuals are taken relative to the median of their component, where that is larger than it
    should be: errors that are far too small must not make outliers of all.
    """
    free = square > 0.0
    middle = grouped_median(square[free], components.label[free], len(components.count))
    scale = np.sqrt(np.maximum(np.nan_to_num(middle) / (2.0 * np.log(2.0)), 1.0))
    weight = taper(np.sqrt(square) / scale[components.label], _THRESHOLD)
    return weight, _kept(_THRESHOLD)


@lru_cache
def _kept(threshold: float) -> float:
    """Mean weighted square of a normal residual in two dimensions over the mean weight times 2."""
    distance = np.linspace(0.0, 2.0 * threshold, 20001)
    density = distance * np.exp(-0.5 * distance**2) * taper(distance, threshold)
    return float(np.sum(density * distance**2) / (2.0 * np.sum(density)))


def _information(
    components: ErrorComponents,
    source: IntArray,
    weight: FloatArray,
    slope: FloatArray,
    free: FloatArray,
    fitted: FloatArray,
) -> Any:
    """Fisher information (K, K) of the logarithms of the factors, dense where there are few.

    `free` (L,) is the share of a detection's variance that its residual has, `fitted` (L,) the
    variance of its source's position.
    """
    size, count = len(components.count), int(source.max(initial=-1)) + 1
    label, variance = components.label, components.variance
    # tr (P U P U) over a source: of each detection, less twice its leverage, and of all pairs
    own = (slope * variance) ** 2 * (2.0 * np.minimum(free, 1.0) - 1.0)
    diagonal = np.bincount(label, weight * own, minlength=size)
    # never below what half of the detections would tell, so that a step can't run away
    least = 0.5 * np.bincount(label, weight * (slope * variance) ** 2 * free, size)
    shared = np.sqrt(weight) * slope * fitted
    if count * size <= _DENSE:
        rows = np.bincount(source * size + label, shared, count * size).reshape(count, size)
        product = rows.T @ rows
        np.fill_diagonal(product, np.maximum(product.diagonal() + diagonal, least))
        return 4.0 * product
    entries = sparse.csr_matrix((shared, (source, label)), shape=(count, size))
    sums = (entries.T @ entries + sparse.diags(diagonal)).tocsr()
    return 4.0 * (sums + sparse.diags(np.maximum(least - sums.diagonal(), 0.0)))
