"""From a fit in canonical order to the `Solution`: gauge, covariances, order of the input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import bridges, members, shared_counts, sharing
from tweakreg_step.alignment.solver import (
    DETECTOR,
    GROUPS,
    MATCHED_WEIGHT,
    covariance_of,
    gauged,
    group_scatter,
    honest_factor,
    image_errors,
    match_counts,
    pair_covariance,
    regauge,
    weak_modes,
)
from tweakreg_step.core.correction import affine
from tweakreg_step.core.image_errors import ImageErrors
from tweakreg_step.core.level_fits import Levels
from tweakreg_step.core.solution import (
    DetectionFits,
    GroupMotions,
    Mode,
    PairTies,
    Solution,
    UnitMotions,
)
from tweakreg_step.core.sphere import directions, ra_dec, to_plane

from .estimated_errors import errors_of, floors_of, star_inflation_of
from .level_motions import Gauged, level_motions
from .level_summary import levels_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Covariance, Model, Problem, Scatter
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.outcome import Code
    from tweakreg_step.core.solution import MotionChoice

    from .canonical_order import Canonical


__all__ = ["solution_of"]


def _gauge_weight(problem: Problem) -> FloatArray:
    """Weights (G, p) of the mean correction that is made zero: all, or `refgroup` alone."""
    model = problem.model
    weight = (model.prior if model.gauge is None else model.gauge).copy()
    if problem.options.refgroup is not None:
        weight[problem.options.refgroup] *= 1e12
    return weight


def _gauged(
    problem: Problem,
    associated: AssociatedFit,
    ties: tuple[IntArray, BoolArray],
    weight: FloatArray,
) -> FloatArray:
    """Parameters (G, p) after the gauge of the components without reference stars."""
    component, anchored = ties
    theta = associated.fit.motions.theta.copy()
    frames, geometry = problem.model.frames, problem.model.geometry
    for member in members(np.where(anchored, -1, component)):
        theta[member] = regauge(frames[member], theta[member], geometry, weight[member])
    return theta


def _fitted(model: Model, covariance: Covariance) -> FloatArray:
    """Number (G,) of parameters that the data determine: trace of 1 - C Pi over each group.

    Those of a visit are shared out to its groups.
    """
    variance = model.bonds.variances(covariance.entries) if model.parents else covariance.diagonal()
    share = np.maximum(1.0 - variance * model.precision, 0.0)
    fitted = share[: model.prior.size].reshape(model.prior.shape).sum(axis=1)
    start = model.prior.size + sum(level.prior.size for level in model.levels)
    for parent in model.parents:
        if parent.child == GROUPS:
            known = share[start : start + parent.prior.size].reshape(parent.prior.shape)
            own = parent.unit >= 0
            size = np.bincount(parent.unit[own], minlength=len(known))
            fitted[own] += (known.sum(axis=1) / np.maximum(size, 1))[parent.unit[own]]
        start += parent.prior.size
    return np.asarray(fitted)


def _components(associated: AssociatedFit, problem: Problem) -> tuple[IntArray, BoolArray]:
    """Components (G,) of groups connected by shared sources, and whether anchored (G,).

    -1 for groups that are not aligned; anchored are components with reference stars.
    """
    count = len(problem.component)
    links = associated.links
    heavy = associated.fit.weight > MATCHED_WEIGHT
    group = np.where(links.group < 0, count, links.group)[heavy]
    label = sharing(links.source[heavy], group, count + 1)
    active = problem.component >= 0
    return np.where(active, label[:count], -1), active & (label[:count] == label[count])


def _levers(problem: Problem) -> FloatArray:
    """Rms distance (G,) of the groups' detections from their centres [arcsec]."""
    detections, frames = problem.detections, problem.model.frames
    vectors = directions(detections.ra, detections.dec)
    square = np.sum(to_plane(vectors, frames[detections.group]) ** 2, axis=1)
    count = len(frames)
    size = np.maximum(np.bincount(detections.group, minlength=count), 1)
    return np.asarray(np.sqrt(np.bincount(detections.group, square, minlength=count) / size))


@dataclass(frozen=True, slots=True)
class _Estimate:
    """Parameters and covariances after the gauge, in canonical numbering.

    Attributes
    ----------
    solved, covariance
        Covariance of all parameters before the gauge, and after it, scaled by chi2 / dof.
    component, anchored
        (G,) components of groups connected by shared sources, and whether with reference stars.
    theta
        (G, p) parameters after the gauge.
    scatter
        Residuals by group.
    inflation
        (G,) chi2 / dof of each group's component, 1 at least.
    """

    solved: Covariance
    covariance: Covariance
    component: IntArray
    anchored: BoolArray
    theta: FloatArray
    scatter: Scatter
    inflation: FloatArray

    @property
    def active(self) -> BoolArray:
        """(G,) whether the group is aligned."""
        return self.component >= 0


def solution_of(
    ordered: Canonical,
    problem: Problem,
    associated: AssociatedFit | None,
    status: tuple[Code, ...],
    choice: MotionChoice,
) -> Solution:
    """The solution in the numbering of the input.

    Parameters
    ----------
    ordered
        The input in canonical order.
    problem, associated
        The problem and its fit, in canonical numbering; no fit if nothing could be aligned.
    status, choice
        Status (G,) of the groups, in canonical numbering; choice of the detectors' motion.
    """
    empty = _empty(ordered, problem, status, choice)
    if associated is None:
        return empty
    estimate = _estimated(problem, associated)
    weight, inflation = _gauge_weight(problem), estimate.inflation
    gauge = Gauged(estimate.theta, estimate.component, estimate.anchored, weight, inflation)
    above = level_motions(ordered, problem, associated.fit.motions, estimate.solved, gauge)
    return replace(
        empty,
        groups=_groups(ordered, problem, associated, estimate, empty.groups),
        pairs=_pairs(ordered, problem, associated, estimate),
        detections=_detections(ordered, associated, empty.detections),
        units=_units(ordered, problem, associated, estimate.solved, empty.units),
        images=_images(ordered, problem, associated, estimate),
        errors=errors_of(ordered, associated),
        star_inflation=star_inflation_of(ordered, associated),
        reference_star=_stars(ordered, associated),
        modes=_modes(ordered, problem, estimate),
        levels=levels_of(
            problem, associated, (estimate.solved, estimate.covariance), ordered.group, above
        ),
    )


def _empty(
    ordered: Canonical, problem: Problem, status: tuple[Code, ...], choice: MotionChoice
) -> Solution:
    """The solution of a run in which nothing could be aligned."""
    back = ordered.group
    ra, dec = ra_dec(problem.model.frames[back, 2])
    named = tuple(status[number] for number in back)
    return Solution(
        geometry=problem.model.geometry,
        groups=GroupMotions.empty(ra, dec, named, _gauge_weight(problem)[back]),
        pairs=PairTies.empty(),
        detections=DetectionFits.empty(ordered.total),
        units=UnitMotions.empty(len(ordered.unit)),
        images=ImageErrors.empty(len(ordered.image)),
        reference_star=np.zeros(0, np.int64),
        star_inflation=np.ones(ordered.star_total),
        modes=(),
        motion=choice,
        levels=Levels.empty(len(back)),
    )


def _estimated(problem: Problem, associated: AssociatedFit) -> _Estimate:
    """Parameters and covariances of a fit after the gauge."""
    model, fit = problem.model, associated.fit
    width = model.prior.shape[1]
    solved = covariance_of(honest_factor(problem, associated), width)
    component, anchored = _components(associated, problem)
    ties, weight = (component, anchored), _gauge_weight(problem)
    fitted = np.where(component >= 0, _fitted(model, solved), 0.0)
    scatter = group_scatter(associated, fitted)
    inflation = np.ones(solved.size)
    by_group = _inflation(component, scatter.chi2[:-1], scatter.dof[:-1])
    inflation[: model.prior.size] = np.repeat(by_group, width)
    covariance = gauged(solved, model, ties, weight, fit.motions.theta)
    covariance = covariance.inflated(np.sqrt(inflation))
    theta = _gauged(problem, associated, ties, weight)
    return _Estimate(solved, covariance, component, anchored, theta, scatter, by_group)


def _groups(
    ordered: Canonical,
    problem: Problem,
    associated: AssociatedFit,
    estimate: _Estimate,
    empty: GroupMotions,
) -> GroupMotions:
    """The corrections of the groups, in the numbering of the input."""
    active, scatter, theta = estimate.active, estimate.scatter, estimate.theta
    matrix, shift = affine(problem.model.geometry, theta)
    matrix[~active], shift[~active] = np.eye(2), 0.0
    matches, absolute = match_counts(associated, len(active))
    every = np.arange(len(active))
    blocks = estimate.covariance.blocks(every, every)
    fixed = problem.options.refgroup
    if fixed is not None and not estimate.anchored[fixed]:
        blocks[fixed] = 0.0  # its correction is zero; the entries are rounding errors
    back = ordered.group
    return replace(
        empty,
        matrix=matrix[back],
        shift=shift[back],
        parameters=np.where(active[:, None], theta, np.nan)[back],
        covariance=np.where(active[:, None, None], blocks, np.nan)[back],
        component=_relabelled(estimate.component[back]),
        anchored=estimate.anchored[back],
        matches=np.where(active, matches, 0)[back],
        reference_matches=np.where(active, absolute, 0)[back],
        rms_mas=np.where(active, scatter.rms_mas, np.nan)[back],
        chi2=scatter.chi2[:-1][back],
        dof=scatter.dof[:-1][back],
        floor=floors_of(associated, len(active))[back],
    )


def _pairs(
    ordered: Canonical, problem: Problem, associated: AssociatedFit, estimate: _Estimate
) -> PairTies:
    """Pairs of groups that share sources, in the numbering of the input."""
    links, count = associated.links, len(estimate.component)
    heavy = (associated.fit.weight > MATCHED_WEIGHT) & (links.group >= 0)
    pairs, shared = shared_counts(links.source[heavy], links.group[heavy], count)
    unchecked = _unchecked(problem, associated, pairs, count)
    named = np.sort(np.argsort(ordered.group)[pairs], axis=1)
    order = np.lexsort((named[:, 1], named[:, 0]))
    named = named[order]
    return PairTies(
        groups=named,
        matches=shared[order],
        covariance=pair_covariance(problem.model, estimate.covariance, ordered.group[named]),
        bridge=unchecked[order],
    )


def _modes(ordered: Canonical, problem: Problem, estimate: _Estimate) -> tuple[Mode, ...]:
    """The least determined common motions, groups in the numbering of the input."""
    outward = np.argsort(ordered.group)
    modes = weak_modes(estimate.covariance, _levers(problem), np.flatnonzero(estimate.active))
    return tuple(Mode(m.sigma_mas, tuple(int(outward[g]) for g in m.groups)) for m in modes)


def _unchecked(
    problem: Problem, associated: AssociatedFit, pairs: IntArray, count: int
) -> BoolArray:
    """Mask (E,) of the pairs that are bridges of the overlap graph with the reference as a node."""
    _, absolute = match_counts(associated, count)
    tied = np.flatnonzero(problem.anchored & (absolute > 0))
    every = np.concatenate([pairs, np.stack([tied, np.full(len(tied), count)], axis=1)])
    return bridges(every, count + 1)[: len(pairs)]


def _inflation(component: IntArray, chi2: FloatArray, dof: FloatArray) -> FloatArray:
    """chi2 / dof (G,) of each group's component, 1 at least."""
    out = np.ones(len(component))
    active = component >= 0
    label = np.unique(component[active], return_inverse=True)[1]
    total, free = np.bincount(label, chi2[active]), np.bincount(label, dof[active])
    some = free > 0.0
    ratio = np.divide(total, free, out=np.ones(len(total)), where=some)
    out[active] = np.maximum(ratio, 1.0)[label]
    return out


def _relabelled(component: IntArray) -> IntArray:
    """Components numbered 0, 1, ... in the order of the groups."""
    out = np.full(len(component), -1, np.int64)
    active = component >= 0
    _, first, label = np.unique(component[active], return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(len(first))
    out[active] = number[label]
    return out


def _detections(
    ordered: Canonical, associated: AssociatedFit, empty: DetectionFits
) -> DetectionFits:
    """Source, residual and weight of each detection, in the order of the input."""
    own = associated.links.group >= 0
    place = ordered.position[associated.index[own]]
    source, residual = empty.source.copy(), empty.residual.copy()
    weight, used = empty.weight.copy(), empty.used.copy()
    source[place] = associated.links.source[own]
    residual[place] = associated.fit.residual[own]
    weight[place] = associated.fit.weight[own]
    used[place] = associated.fit.weight[own] > MATCHED_WEIGHT
    inflation = empty.inflation.copy()
    usual = mean_variance(associated.links.covariance[own])
    inflation[place] = associated.fit.components.variance[own] / usual
    return DetectionFits(source, residual, weight, used, inflation)


def _images(
    ordered: Canonical, problem: Problem, associated: AssociatedFit, estimate: _Estimate
) -> ImageErrors:
    """The errors of the images, in the numbering of the input."""
    ties = estimate.component, estimate.anchored
    solved = problem.model, associated.fit.motions, estimate.solved
    found = image_errors(problem.detections, solved, ties, _gauge_weight(problem))
    missing = np.maximum(ordered.image, 0) >= len(found)
    every = ImageErrors.empty(len(found) + 1)
    for name in ImageErrors.__slots__:
        getattr(every, name)[:-1] = getattr(found, name)
    return every.take(np.where(missing, len(found), ordered.image))


def _stars(ordered: Canonical, associated: AssociatedFit) -> IntArray:
    """Reference star (S,) of each source, in the numbering of the input; -1 where none."""
    tied = associated.star >= 0
    star = np.full(len(tied), -1, np.int64)
    star[tied] = ordered.star[associated.star[tied]]
    return star


def _units(
    ordered: Canonical,
    problem: Problem,
    associated: AssociatedFit,
    solved: Covariance,
    empty: UnitMotions,
) -> UnitMotions:
    """The motions of the detectors, in the numbering of the input."""
    model = problem.model
    number = model.level(DETECTOR)
    if number < 0:
        return empty
    phi = associated.fit.motions.phi[number]
    matrix, shift = affine(model.levels[number].geometry, phi)
    width = phi.shape[1]
    place = model.start_of(number) + width * np.arange(len(phi))[:, None] + np.arange(width)
    blocks = solved.summed_blocks([place])
    every = UnitMotions.empty(len(ordered.unit))
    known = np.arange(len(phi))
    matrices, shifts = every.matrix, every.shift
    matrices[known], shifts[known] = matrix, shift
    covariance = np.zeros((len(ordered.unit), width, width))
    covariance[known] = blocks
    back = ordered.unit
    return UnitMotions(matrices[back], shifts[back], covariance[back])
