"""Solve, give up what is found wanting, and solve again, until nothing is; then judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import converge, match_counts
from tweakreg_step.alignment.verdict import Failures, advise, groups_to_reject, verdicts
from tweakreg_step.core.sphere import directions, mean_frames

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import OffsetAmbiguity
    from tweakreg_step.alignment.solver import AssociatedFit, Motions, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.outcome import GroupStatus
    from tweakreg_step.core.solution import Solution

    from .canonical_order import Canonical


__all__ = ["AcceptedFit", "group_frames", "judged", "no_failures", "solve_with_rejection"]


@dataclass(frozen=True, slots=True)
class AcceptedFit:
    """A solution in which every group that is left has a claim to its correction.

    Attributes
    ----------
    problem, linked
        As they were at the end; `linked` is None if nothing could be aligned.
    failures
        What is known of the groups that are not aligned, or not to the reference.
    doubts
        (G,) about the offsets that the relative and the absolute places come from; None where no
        search was made.
    """

    problem: Problem
    linked: AssociatedFit | None
    failures: Failures
    doubts: tuple[OffsetAmbiguity, OffsetAmbiguity] | None = None


def group_frames(detections: Detections, count: int) -> FloatArray:
    """Tangent planes (G, 3, 3) at the groups' mean positions; anywhere for groups without any."""
    vectors = directions(detections.ra, detections.dec)
    return mean_frames(vectors, detections.group, count)


def solve_with_rejection(
    problem: Problem,
    start: Motions,
    reach: tuple[float, float],
    failures: Failures,
) -> AcceptedFit:
    """Solutions, each without what the one before was found wanting, until nothing is.

    Parameters
    ----------
    problem
        What is to be solved.
    start, reach
        Motions to start from, the match radius they are good for and how far units of a level may
        be from where they start, per axis [arcsec].
    failures
        What is known of the groups so far, see `no_failures`.
    """
    count = len(failures.status)
    linked = None
    for _ in range(2 * count + 1):
        linked = converge(problem, start, *reach)
        bad, loose = groups_to_reject(problem, linked)
        failures = _noted(failures, linked, bad, loose)
        if not bad and not loose.any():
            break
        problem = _without(problem, list(bad), loose)
    return AcceptedFit(problem, linked, replace(failures, anchored=problem.anchored))


def no_failures(status: tuple[GroupStatus, ...], anchored: BoolArray) -> Failures:
    """What is known of groups (G,) before anything was solved: their statuses alone."""
    count = len(status)
    none = np.zeros(count, np.int64)
    return Failures(status, none, none, none, anchored, np.zeros((count, 3)), none)


def _noted(
    failures: Failures, linked: AssociatedFit | None, bad: dict[int, GroupStatus], loose: BoolArray
) -> Failures:
    """The failures with those of one more solution."""
    count = len(loose)
    out = np.zeros(count, bool)
    out[list(bad)] = True
    status = tuple(bad.get(group, item) for group, item in enumerate(failures.status))
    if linked is None:
        return replace(failures, status=status)
    matches, absolute = match_counts(linked, count)
    theta = linked.fit.motions.theta
    size = np.zeros((count, 3))
    size[:, 0] = np.hypot(theta[:, 0], theta[:, 1])
    size[:, 1 : theta.shape[1] - 1] = theta[:, 2:4]
    size[:, 1] = np.rad2deg(size[:, 1])
    unheld = out | loose | ~failures.anchored
    return replace(
        failures,
        status=status,
        matches=np.where(out, matches, failures.matches),
        reference_matches=np.where(
            unheld, np.maximum(absolute, failures.reference_matches), failures.reference_matches
        ),
        size=np.where(out[:, None], size, failures.size),
        most=np.maximum(matches, failures.most),
    )


def _without(problem: Problem, bad: list[int], loose: BoolArray) -> Problem:
    """The problem without some groups, and with others tied to the reference no more."""
    component = problem.component.copy()
    component[loose] += 1 + component.max()
    component[bad] = -1
    anchored = problem.anchored & ~loose & (component >= 0)
    return replace(problem, component=component, anchored=anchored)


def judged(solution: Solution, given: Canonical, settled: AcceptedFit) -> Solution:
    """The solution, in the numbering of the input, with its verdicts."""
    problem, failures = settled.problem, settled.failures
    remedies = advise(
        failures, given.detections, problem.model.frames, given.reference, problem.options
    )
    covariance = solution.covariance[np.argsort(given.group)]
    outcome = failures.status, remedies
    relative, absolute = verdicts(problem, settled.linked, outcome, covariance, settled.doubts)
    return replace(
        solution,
        relative=tuple(relative[number] for number in given.group),
        absolute=() if given.reference is None else tuple(absolute[g] for g in given.group),
    )
