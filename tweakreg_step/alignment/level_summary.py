"""What a fit says of its levels of motion: how far their units scatter, and which left theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import GROUPS, PLACEMENT, departures, visit_of
from tweakreg_step.core.solution import Levels, LevelWidth, Placement

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import Covariance, Model, Motions, Problem
    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = ["levels_of"]

_LEFT = 0.1
"""Weight of an exposure about its visit below which it has left it: 5.3 standard deviations."""

_ROLL = 180.0 * 3600.0 / np.pi


def levels_of(problem: Problem, motions: Motions, solved: Covariance, order: IntArray) -> Levels:
    """The levels of a fit, groups in the numbering of the input.

    Parameters
    ----------
    problem, motions, solved
        The problem, its motions and their covariance, in canonical numbering.
    order
        (G,) canonical number of each group of the input.
    """
    model = problem.model
    apart = departures(model, motions)
    apart[problem.component < 0] = 0.0
    roll = _ROLL * apart[:, 2] if apart.shape[1] > 2 else np.zeros(len(apart))
    visit = visit_of(model)
    left = np.zeros(len(apart), bool)
    if visit is not None and visit.within is not None:
        share = np.min((model.prior / visit.within)[:, :3], axis=1)
        left = (visit.unit >= 0) & (problem.component >= 0) & (share < _LEFT)
    inward = np.argsort(order)
    return Levels(
        widths=tuple(_widths(model)),
        apart_mas=1e3 * apart[order, :2],
        apart_roll=roll[order],
        left=left[order],
        placements=tuple(_placements(problem, motions, solved, inward)),
    )


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
        if prior.shape[1] > 1
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
