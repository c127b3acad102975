"""From a solution in canonical numbering to what the caller reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import bridges, members, shared_counts, sharing
from tweakreg_step.alignment.solver import (
    DETECTOR,
    MATCHED_WEIGHT,
    covariance_of,
    gauged,
    group_scatter,
    match_counts,
    pair_covariance,
    regauge,
    weak_modes,
)
from tweakreg_step.core.correction import affine
from tweakreg_step.core.solution import (
    DetectionFits,
    GroupMotions,
    Mode,
    PairTies,
    Solution,
    UnitMotions,
)
from tweakreg_step.core.sphere import directions, ra_dec, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Covariance, Model, Problem, Scatter
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.outcome import GroupStatus
    from tweakreg_step.core.solution import MotionChoice

    from .canonical_order import Canonical


__all__ = ["solution_of"]


def _gauge_weight(problem: Problem) -> FloatArray:
    """Weights (G, p) of the mean that stays where it is: the prior, or the chosen group alone."""
    weight = problem.model.prior.copy()
    if problem.options.refgroup is not None:
        weight[problem.options.refgroup] *= 1e12
    return weight


def _gauged(
    problem: Problem, linked: AssociatedFit, ties: tuple[IntArray, BoolArray], weight: FloatArray
) -> FloatArray:
    """Parameters (G, p) with the free components' common motions fixed."""
    component, anchored = ties
    theta = linked.fit.motions.theta.copy()
    frames, geometry = problem.model.frames, problem.model.geometry
    for member in members(np.where(anchored, -1, component)):
        theta[member] = regauge(frames[member], theta[member], geometry, weight[member])
    return theta


def _fitted(model: Model, variance: FloatArray) -> FloatArray:
    """Parameters (G,) that the data determine: the trace of 1 - C Pi over each group."""
    share = 1.0 - variance[: model.prior.size].reshape(model.prior.shape) * model.prior
    return np.asarray(np.maximum(share, 0.0).sum(axis=1))


def _components(linked: AssociatedFit, problem: Problem) -> tuple[IntArray, BoolArray]:
    """Components (G,) as the shared sources make them, -1 where inactive, and anchored (G,)."""
    count = len(problem.component)
    links = linked.links
    heavy = linked.fit.weight > MATCHED_WEIGHT
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
    """What the fit says of all parameters, in canonical numbering.

    Attributes
    ----------
    solved, covariance
        As the normal equations have it, and in the gauge of each component, scaled by chi2 / dof.
    component, anchored
        (G,) as the shared sources make them.
    theta
        (G, p) with the common motions of free components fixed.
    scatter
        Of the residuals of each group.
    """

    solved: Covariance
    covariance: Covariance
    component: IntArray
    anchored: BoolArray
    theta: FloatArray
    scatter: Scatter

    @property
    def active(self) -> BoolArray:
        """(G,) whether the group is aligned."""
        return self.component >= 0


def solution_of(
    given: Canonical,
    problem: Problem,
    linked: AssociatedFit | None,
    status: tuple[GroupStatus, ...],
    choice: MotionChoice,
) -> Solution:
    """The outcome in the numbering of the input.

    Parameters
    ----------
    given
        The input in canonical order, and the way back.
    problem, linked
        In canonical numbering; `linked` is None if nothing could be aligned.
    status, choice
        Of the groups (G,), in canonical numbering, and of the detectors.
    """
    empty = _empty(given, problem, status, choice)
    if linked is None:
        return empty
    estimate = _estimated(problem, linked)
    return replace(
        empty,
        groups=_groups(given, problem, linked, estimate, empty.groups),
        pairs=_pairs(given, problem, linked, estimate),
        detections=_detections(given, linked, empty.detections),
        units=_units(given, problem, linked, estimate.solved, empty.units),
        reference_star=_stars(given, linked),
        modes=_modes(given, problem, estimate),
    )


def _empty(
    given: Canonical, problem: Problem, status: tuple[GroupStatus, ...], choice: MotionChoice
) -> Solution:
    """The solution of a run in which nothing could be aligned."""
    back = given.group
    ra, dec = ra_dec(problem.model.frames[back, 2])
    named = tuple(status[number] for number in back)
    return Solution(
        geometry=problem.model.geometry,
        groups=GroupMotions.empty(ra, dec, named, _gauge_weight(problem)[back]),
        pairs=PairTies.empty(),
        detections=DetectionFits.empty(given.total),
        units=UnitMotions.empty(len(given.unit)),
        reference_star=np.zeros(0, np.int64),
        modes=(),
        motion=choice,
    )


def _estimated(problem: Problem, linked: AssociatedFit) -> _Estimate:
    model, fit = problem.model, linked.fit
    width = model.prior.shape[1]
    solved = covariance_of(fit.step.factor, width)
    component, anchored = _components(linked, problem)
    ties, weight = (component, anchored), _gauge_weight(problem)
    fitted = np.where(component >= 0, _fitted(model, solved.diagonal()), 0.0)
    scatter = group_scatter(linked, fitted)
    inflation = np.ones(solved.size)
    inflation[: model.prior.size] = np.repeat(
        _inflation(component, scatter.chi2[:-1], scatter.dof[:-1]), width
    )
    covariance = gauged(solved, model, ties, weight, fit.motions.theta)
    covariance = covariance.inflated(np.sqrt(inflation))
    theta = _gauged(problem, linked, ties, weight)
    return _Estimate(solved, covariance, component, anchored, theta, scatter)


def _groups(
    given: Canonical,
    problem: Problem,
    linked: AssociatedFit,
    estimate: _Estimate,
    empty: GroupMotions,
) -> GroupMotions:
    """The corrections of the groups, in the numbering of the input."""
    active, scatter, theta = estimate.active, estimate.scatter, estimate.theta
    matrix, shift = affine(problem.model.geometry, theta)
    matrix[~active], shift[~active] = np.eye(2), 0.0
    matches, absolute = match_counts(linked, len(active))
    every = np.arange(len(active))
    blocks = estimate.covariance.blocks(every, every)
    fixed = problem.options.refgroup
    if fixed is not None and not estimate.anchored[fixed]:
        blocks[fixed] = 0.0  # it stays where it is; what is there is rounding, of either sign
    back = given.group
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
        floor=linked.fit.floor[:-1][back],
    )


def _pairs(
    given: Canonical, problem: Problem, linked: AssociatedFit, estimate: _Estimate
) -> PairTies:
    """What ties the groups, in the numbering of the input."""
    links, count = linked.links, len(estimate.component)
    heavy = (linked.fit.weight > MATCHED_WEIGHT) & (links.group >= 0)
    pairs, shared = shared_counts(links.source[heavy], links.group[heavy], count)
    unchecked = _unchecked(problem, linked, pairs, count)
    named = np.sort(np.argsort(given.group)[pairs], axis=1)
    order = np.lexsort((named[:, 1], named[:, 0]))
    named = named[order]
    return PairTies(
        groups=named,
        matches=shared[order],
        covariance=pair_covariance(problem.model, estimate.covariance, given.group[named]),
        bridge=unchecked[order],
    )


def _modes(given: Canonical, problem: Problem, estimate: _Estimate) -> tuple[Mode, ...]:
    """The weakest common motions, in the numbering of the input."""
    outward = np.argsort(given.group)
    modes = weak_modes(estimate.covariance, _levers(problem), np.flatnonzero(estimate.active))
    return tuple(Mode(m.sigma_mas, tuple(int(outward[g]) for g in m.groups)) for m in modes)


def _unchecked(problem: Problem, linked: AssociatedFit, pairs: IntArray, count: int) -> BoolArray:
    """Which pairs are bridges; the reference, where it ties groups, closes cycles."""
    _, absolute = match_counts(linked, count)
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


def _detections(given: Canonical, linked: AssociatedFit, empty: DetectionFits) -> DetectionFits:
    """What became of each detection, in the order of the input."""
    own = linked.links.group >= 0
    place = given.position[linked.index[own]]
    source, residual = empty.source.copy(), empty.residual.copy()
    weight, used = empty.weight.copy(), empty.used.copy()
    source[place] = linked.links.source[own]
    residual[place] = linked.fit.residual[own]
    weight[place] = linked.fit.weight[own]
    used[place] = linked.fit.weight[own] > MATCHED_WEIGHT
    return DetectionFits(source, residual, weight, used)


def _stars(given: Canonical, linked: AssociatedFit) -> IntArray:
    """The reference star of each source (S,), as the input numbers them; -1 where none."""
    tied = linked.star >= 0
    star = np.full(len(tied), -1, np.int64)
    star[tied] = given.star[linked.star[tied]]
    return star


def _units(
    given: Canonical,
    problem: Problem,
    linked: AssociatedFit,
    solved: Covariance,
    empty: UnitMotions,
) -> UnitMotions:
    """The motions of the detectors, in the numbering of the input."""
    model = problem.model
    number = model.level(DETECTOR)
    if number < 0:
        return empty
    level, phi = model.levels[number], linked.fit.motions.phi[number]
    matrix, shift = affine(level.geometry, phi)
    blocks = solved.unit_blocks(model.start_of(number), *phi.shape)
    back = given.unit
    return UnitMotions(matrix[back], shift[back], blocks[back])
