"""What a fit says of its levels of motion: how far their units scatter, and which left theirs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import (
    DISPERSION,
    FIELD,
    GROUPS,
    MATTERS,
    PLACEMENT,
    departures,
    epochs_of,
    visit_of,
)
from tweakreg_step.core.level_fits import EpochTie, FieldFit, Levels, LevelWidth, Placement

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Covariance, Model, Motions, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.level_fits import LevelMotions

__all__ = ["levels_of"]

_LEFT = 0.1
"""Weight of an exposure about its visit below which it has left it: 5.3 standard deviations."""

_ROLL = 180.0 * 3600.0 / np.pi


def levels_of(
    problem: Problem,
    associated: AssociatedFit,
    covariances: tuple[Covariance, Covariance],
    order: IntArray,
    above: tuple[LevelMotions, ...] = (),
) -> Levels:
    """The levels of a fit, groups in the numbering of the input.

    Parameters
    ----------
    problem, associated
        The problem and its fit, in canonical numbering.
    covariances
        Of all parameters, before the gauge and after it.
    order
        (G,) canonical number of each group of the input.
    above
        The motions of the levels above groups and units.
    """
    model, motions = problem.model, associated.fit.motions
    apart = departures(model, motions)
    apart[problem.component < 0] = 0.0
    roll = _ROLL * apart[:, 2] if apart.shape[1] > 2 else np.zeros(len(apart))
    return Levels(
        widths=tuple(_widths(model)),
        apart_mas=1e3 * apart[order, :2],
        apart_roll=roll[order],
        left=_left(problem)[order],
        placements=tuple(_placements(problem, motions, covariances[0], np.argsort(order))),
        field=_field(model, associated, covariances[0]),
        ties=tuple(_ties(problem, associated, covariances[1])),
        motions=above,
    )


def _left(problem: Problem) -> BoolArray:
    """(G,) whether a group left its visit, which most of its exposures have not."""
    visit = visit_of(problem.model)
    if visit is None or visit.within is None:
        return np.zeros(len(problem.component), bool)
    share = np.min((problem.model.prior / visit.within)[:, :3], axis=1)
    there = (visit.unit >= 0) & (problem.component >= 0)
    left = there & (share < _LEFT)
    count = [np.bincount(visit.unit[which], minlength=len(left)) for which in (left, there)]
    few = 2 * count[0] < count[1]
    return np.asarray(left & few[visit.unit])


def _field(model: Model, associated: AssociatedFit, solved: Covariance) -> FieldFit | None:
    """The motion of the field, None where there is none."""
    if model.field is None:
        return None
    number = model.level(FIELD)
    index = model.start_of(number) + np.arange(2)
    return FieldFit(
        mean_mas=1e3 * associated.fit.motions.phi[number][0],
        sigma_mas=1e3 * np.sqrt(solved.entries(index, index)),
        scatter_mas=1e3 * float(np.sqrt(associated.links.spread)),
        told=associated.links.told,
    )


def _ties(problem: Problem, associated: AssociatedFit, covariance: Covariance) -> list[EpochTie]:
    """How well each epoch is tied to the next one."""
    if problem.model.field is None:
        return []
    active = problem.component >= 0
    epoch = epochs_of(problem.detections, active)
    order = np.flatnonzero(np.isfinite(epoch))
    order = order[np.argsort(epoch[order], kind="stable")]
    every = np.split(order, 1 + np.flatnonzero(np.diff(epoch[order]) >= MATTERS))
    found = []
    for first, second in pairwise(every):
        years = float(epoch[second].mean() - epoch[first].mean())
        sigma = _apart(problem, covariance, first, second)
        if not associated.links.told:
            # of sources with unknown motions: they may have moved by this, and all groups with them
            sigma = max(sigma, DISPERSION * years)
        epochs = float(epoch[first].mean()), float(epoch[second].mean())
        found.append(EpochTie(epochs, 1e3 * sigma))
    return found


def _apart(problem: Problem, covariance: Covariance, first: IntArray, second: IntArray) -> float:
    """Standard deviation per axis of the mean displacement of groups from others [arcsec]."""
    own = problem.component
    tied = set(own[first].tolist()) & set(own[second].tolist())
    if not (tied or (problem.anchored[first].any() and problem.anchored[second].any())):
        return float("inf")
    vector = np.zeros((covariance.size, 2))
    for groups, sign in ((second, 1.0), (first, -1.0)):
        for axis in (0, 1):
            vector[groups * covariance.width + axis, axis] = sign / len(groups)
    variance = np.einsum("ij,ij->j", vector, covariance.product(vector))
    return float(np.sqrt(np.mean(np.maximum(variance, 0.0))))


def _widths(model: Model) -> list[LevelWidth]:
    """The widths of the levels, those of exposures about their visits among them."""
    found = []
    visit = visit_of(model)
    if visit is not None and visit.within is not None:
        found.append(_width("exposure in a visit", int((visit.unit >= 0).sum()), visit.within))
    named = {level.name: level.prior for level in model.levels}
    named |= {parent.name: parent.prior for parent in model.parents}
    return found + [
        _width(name, len(prior), np.median(prior, axis=0))
        for name, prior in named.items()
        if prior.shape[1] > 1 and name != FIELD
    ]


def _width(name: str, count: int, precision: FloatArray) -> LevelWidth:
    sigma = 1.0 / np.sqrt(precision)
    roll = _ROLL * float(sigma[2]) if len(sigma) > 2 else float("nan")
    return LevelWidth(name, count, 1e3 * float(sigma[0]), roll)


def _placements(
    problem: Problem, motions: Motions, solved: Covariance, inward: IntArray
) -> list[Placement]:
    """The placement of each visit, and one of its groups in the numbering of the input."""
    model, found = problem.model, []
    start = model.prior.size + sum(level.prior.size for level in model.levels)
    for parent, value in zip(model.parents, motions.parents, strict=True):
        if parent.name == PLACEMENT and parent.child != GROUPS:
            index = start + np.arange(len(value))
            sigma = np.sqrt(solved.entries(index, index))
            for visit, (scale, error) in enumerate(zip(value[:, 0], sigma, strict=True)):
                groups = problem.detections.group[problem.detections.visit == visit]
                if len(groups):
                    group = int(inward[groups].min())
                    found.append(Placement(group, float(scale), float(error)))
        start += value.size
    return found
