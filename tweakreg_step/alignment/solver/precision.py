"""Precision of the corrections: residuals by group, covariance of pairs, weak modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.core.correction import design
from tweakreg_step.core.solution import Mode
from tweakreg_step.core.sphere import plane_jacobian, to_plane

from .latents import source_spread, spread_seen

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .covariance import Covariance
    from .hierarchy import Model
    from .iteration import AssociatedFit


__all__ = ["Scatter", "group_scatter", "pair_covariance", "weak_modes"]


_CHUNK = 100_000
"""Pairs computed at once, to save memory: a stack of thousands of groups has millions."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Residuals by group.

    Attributes
    ----------
    chi2, dof
        (G + 1,) chi-square and degrees of freedom of each group, and last of the reference stars;
        their sums are those of the whole fit.
    rms_mas
        (G,) weighted rms residual per axis.
    """

    chi2: FloatArray
    dof: FloatArray
    rms_mas: FloatArray


def group_scatter(associated: AssociatedFit, fitted: FloatArray) -> Scatter:
    """chi2, degrees of freedom and rms of each group.

    The degrees of freedom are the sum of 2 w_i - w tr(W_i D^-1) over a group's detections, less the
    number of fitted parameters. The second term is the group's share of the sources' positions; w
    is the largest robust weight of the source, D the sum of W_i over it.

    Parameters
    ----------
    associated
        The fit.
    fitted
        (G,) number of each group's parameters that the data, not the prior, determine.
    """
    links, fit = associated.links, associated.fit
    count = len(fitted)
    precision = inverse_2x2(fit.covariance)
    weighted = fit.weight[:, None, None] * precision
    spread = spread_seen(links, source_spread(links, weighted))
    largest = np.zeros(links.source_count)
    np.maximum.at(largest, links.source, fit.weight)
    fitted_sources = np.einsum("nij,nji->n", weighted, spread) * largest[links.source]
    label = np.where(links.group < 0, count, links.group)
    square = np.einsum("ni,nij,nj->n", fit.residual, weighted, fit.residual)
    chi2 = np.bincount(label, square, minlength=count + 1)
    dof = np.bincount(label, 2.0 * fit.weight - fitted_sources, minlength=count + 1).astype(float)
    dof[:count] -= fitted
    size = np.bincount(label, fit.weight, minlength=count + 1)
    length = np.bincount(label, fit.weight * np.sum(fit.residual**2, axis=1), minlength=count + 1)
    rms = 1e3 * np.sqrt(length / (2.0 * np.maximum(size, 1e-12)))
    return Scatter(chi2.astype(float), dof, rms[:count])


def pair_covariance(model: Model, covariance: Covariance, pairs: IntArray) -> FloatArray:
    """Covariance (E, 2, 2) [arcsec^2] of the relative displacement of pairs of groups (E, 2).

    At the point halfway between the two centres, axes east and north of the first group.
    """
    every = np.arange(len(model.frames))
    own = covariance.blocks(every, every)
    out = np.empty((len(pairs), 2, 2))
    for start in range(0, len(pairs), _CHUNK):
        first, second = pairs[start : start + _CHUNK].T
        blocks = own[first], own[second], covariance.blocks(first, second)
        out[start : start + _CHUNK] = _relative(model, first, second, blocks)
    return out


def _relative(
    model: Model, first: IntArray, second: IntArray, blocks: tuple[FloatArray, ...]
) -> FloatArray:
    """Covariance (E, 2, 2) of pairs; `blocks` are (E, p, p) of the first, the second and both."""
    one_own, other_own, both = blocks
    middle = model.frames[first, 2] + model.frames[second, 2]
    slopes = [_slope(model, group, middle, first) for group in (first, second)]
    one, other = slopes
    cross = one @ both @ np.swapaxes(other, 1, 2)
    total = one @ one_own @ np.swapaxes(one, 1, 2)
    total = total + other @ other_own @ np.swapaxes(other, 1, 2)
    return np.asarray(total - cross - np.swapaxes(cross, 1, 2))


def _slope(model: Model, group: IntArray, vectors: FloatArray, axes: IntArray) -> FloatArray:
    """Derivative (E, 2, p) of positions with respect to a group's parameters.

    Positions are along the axes of the tangent planes of the groups `axes` (E,).
    """
    frames = model.frames[group]
    local = to_plane(vectors, frames)
    zero = np.zeros((len(group), model.prior.shape[1]))
    outward = plane_jacobian(local, frames, model.frames[axes])
    return np.asarray(outward @ design(model.geometry, zero, local))


def weak_modes(
    covariance: Covariance, lever: FloatArray, member: IntArray, count: int = 3
) -> tuple[Mode, ...]:
    """The least determined combinations of corrections: largest principal axes of the covariance.

    Parameters
    ----------
    covariance
        Covariance of the groups' parameters, those of units behind them.
    lever
        (G,) rms distance of a group's detections from its centre [arcsec]; a roll is converted to
        the displacement at that distance.
    member
        Indices of the groups that were aligned.
    count
        Number of modes.
    """
    if len(member) == 0:
        return ()
    width = covariance.width
    scale = np.ones((len(member), width))
    scale[:, 2:] = lever[member, None]
    index = (member[:, None] * width + np.arange(width)).ravel()
    values, vectors = _largest(covariance, index, scale.ravel(), count)
    modes = []
    for value, vector in zip(values[::-1], vectors.T[::-1], strict=True):
        share = np.sum(vector.reshape(len(member), width) ** 2, axis=1)
        if value <= 0.0:
            continue
        taking_part = 1.0 / np.sum(share**2)
        order = np.lexsort((member, -np.round(share, 9)))[:4]
        sigma = 1e3 * float(np.sqrt(value / taking_part))
        modes.append(Mode(sigma, tuple(int(member[number]) for number in order)))
    return tuple(modes)


def _largest(
    covariance: Covariance, index: IntArray, scale: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Largest eigenvalues (count,), ascending, and eigenvectors (K, count) of a part of C.

    The part is that of the parameters `index` (K,), rows and columns multiplied by `scale` (K,).
    """
    size = len(index)

    def apply(vector: FloatArray) -> FloatArray:
        whole = np.zeros((covariance.size, *vector.shape[1:]))
        whole[index] = (scale * vector.T).T
        return np.asarray((scale * covariance.product(whole)[index].T).T)

    if size <= 300:
        values, vectors = np.linalg.eigh(apply(np.eye(size)))
        return values[-count:], vectors[:, -count:]
    # Lanczos needs a start that no mode is orthogonal to, and the same one every time.
    start = np.sin(np.arange(1.0, size + 1.0))
    matrix = LinearOperator((size, size), matvec=apply, dtype=float)
    values, vectors = eigsh(matrix, k=count, v0=start, tol=1e-4)
    order = np.argsort(values)
    return values[order], vectors[:, order]
