"""Exposures of one visit: they move together, by the error of the guide star, and little apart.

A visit is the parent of its exposures. Where the telescope was guided by the same star the
exposures scatter about it by a hundredth of what visits scatter by, so that an exposure with few
stars is held by the others. The prior has heavy tails: one that truly left its visit, as when the
guide star was lost, is let go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver.gauge import common_basis
from tweakreg_step.alignment.solver.iteration import with_levels
from tweakreg_step.core.correction import prior_precision

from .parents import GROUPS, Parent
from .tails import VISIT, with_tails

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.hierarchy import Motions
    from tweakreg_step.alignment.solver.iteration import Problem
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = ["with_visits"]


def with_visits(problem: Problem, motions: Motions) -> tuple[Problem, Motions]:
    """The problem with parents of the exposures that share a visit, and motions to start from.

    Parameters
    ----------
    problem, motions
        The problem without levels, and the groups' motions as registered.
    """
    options, model, theta = problem.options, problem.model, motions.theta
    unit = _visits(problem.detections, problem.component)
    if options.visit_motion == "none" or unit.max(initial=-1) < 0:
        return problem, motions
    count, width = int(unit.max()) + 1, min(theta.shape[1], 3)
    carry = np.zeros((*theta.shape, width))
    for own in members(unit):
        carry[own] = common_basis(model.frames[own], model.geometry)[:, :, :width]
    start = np.stack(
        [_middle(theta[unit == visit], carry[unit == visit]) for visit in range(count)]
    )
    sigmas = options.shift_sigma, options.roll_sigma, options.scale_sigma
    pointing = prior_precision(model.geometry, sigmas)[:width]
    # as for groups: the prior has the tails of a Cauchy distribution
    prior = pointing / (1.0 + start**2 * pointing)
    sigmas = options.visit_shift_sigma, options.visit_roll_sigma, options.scale_sigma
    within = prior_precision(model.geometry, sigmas)
    parent = Parent(VISIT, GROUPS, unit, carry, prior, within)
    # the mean correction stays that of the pointing, whatever holds the exposures of a visit
    problem = replace(problem, model=replace(model, gauge=model.prior))
    problem, motions = with_levels(problem, motions, parent)
    motions = replace(motions, parents=(*motions.parents[:-1], start))
    return replace(problem, model=with_tails(problem.model, motions)), motions


def _visits(detections: Detections, component: IntArray) -> IntArray:
    """Number (G,) of the visit of each group, -1 where it is alone in its visit."""
    found = np.full(len(component), -1, np.int64)
    found[detections.group] = detections.guide
    found[component < 0] = -1
    size = np.bincount(found[found >= 0], minlength=int(found.max(initial=-1)) + 1)
    alone = np.append(size < 2, True)[found]
    named = np.unique(found[~alone], return_inverse=True)[1]
    found[:] = -1
    found[~alone] = named
    return found


def _middle(theta: FloatArray, carry: FloatArray) -> FloatArray:
    """Motion (q,) of a visit, from the medians of those of its exposures (g, p)."""
    width = carry.shape[2]
    middle = np.zeros(width)
    if width > 2:
        middle[2] = np.median(theta[:, 2])
    middle[:2] = np.median(theta[:, :2] - carry[:, :2, 2:] @ middle[2:], axis=0)
    return middle
