"""What a solution shows of its groups: which must be given up, and the verdicts on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.decide import absolute_verdict, is_noise, relative_verdict
from tweakreg_step.evidence import chance, clusters, evidence
from tweakreg_step.graph import members
from tweakreg_step.iterate import match_counts
from tweakreg_step.problem import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.evidence import Chance
    from tweakreg_step.iterate import Linked, Problem
    from tweakreg_step.verdict import Evidence, Verdict

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

__all__ = ["verdicts", "wanting"]


def wanting(problem: Problem, linked: Linked | None) -> tuple[dict[int, Status], BoolArray]:
    """Groups whose correction must not be applied, and why; groups (G,) to untie from the stars.

    Parameters
    ----------
    problem, linked
        The solution; None where nothing matches.
    """
    active = np.flatnonzero(problem.component >= 0)
    none = np.zeros(len(problem.component), bool)
    if linked is None:
        return dict.fromkeys(active.tolist(), Status.TOO_FEW_MATCHES), none
    few = _few(problem, linked, active)
    if few:
        return few, _loose(problem, linked)
    far = _implausible(problem, linked, active)
    if far:
        return far, none
    loose = _loose(problem, linked)
    return ({} if loose.any() else _noise(problem, linked, active)), loose


def _few(problem: Problem, linked: Linked, active: IntArray) -> dict[int, Status]:
    options = problem.options
    matches, _ = match_counts(linked, len(problem.component))
    needed = np.where(problem.anchored, min(options.minobj, options.abs_minobj), options.minobj)
    few = active[matches[active] < needed[active]]
    if len(few) == 0:
        return {}
    # One at a time is slow, all at once unjust: the worst go first.
    least = few[matches[few] <= max(1, int(np.median(matches[few])))]
    return dict.fromkeys(least.tolist(), Status.TOO_FEW_MATCHES)


def _implausible(problem: Problem, linked: Linked, active: IntArray) -> dict[int, Status]:
    options, theta = problem.options, linked.fit.motions.theta
    limit = 2.0 * max(options.searchrad, options.abs_searchrad) * np.sqrt(len(active))
    far = np.hypot(theta[active, 0], theta[active, 1]) > limit
    most = max(options.max_roll, 3.0 * options.roll_sigma)  # the wide search or the plain one
    far |= np.abs(theta[active, 2:3]).sum(axis=1) > 2.0 * np.deg2rad(most / 3600.0)
    far |= np.abs(theta[active, 3:]).max(axis=1, initial=0.0) > 100.0 * options.scale_sigma
    return dict.fromkeys(active[far].tolist(), Status.IMPLAUSIBLE)


def _noise(problem: Problem, linked: Linked, active: IntArray) -> dict[int, Status]:
    """Groups whose matches, in both phases, are no more than chance gives."""
    relative = chance(problem, linked, absolute=False)
    noise = np.array([is_noise(*row) for row in _rows(relative)], bool)
    if problem.anchored.any():
        absolute = chance(problem, linked, absolute=True)
        noise &= np.array([is_noise(*row) for row in _rows(absolute)], bool)
    return dict.fromkeys(active[noise[active]].tolist(), Status.NO_MATCH)


def _rows(numbers: Chance) -> list[tuple[float, float]]:
    return list(zip(numbers.log10.tolist(), np.nan_to_num(numbers.spread).tolist(), strict=True))


def _loose(problem: Problem, linked: Linked) -> BoolArray:
    """Groups (G,) of clusters that too few stars tie to the reference, or no more than chance."""
    anchored = problem.anchored
    loose = np.zeros(len(anchored), bool)
    if not anchored.any():
        return loose
    label = clusters(linked, len(anchored))
    numbers = chance(problem, linked, absolute=True)
    sure = ~np.array([is_noise(*row) for row in _rows(numbers)], bool)
    for member in members(np.where(anchored, label, -1)):
        few = int(numbers.matches[member].sum()) < problem.options.abs_minobj
        loose[member] = few or not sure[member].any()
    return loose


def verdicts(
    problem: Problem,
    linked: Linked | None,
    outcome: tuple[tuple[Status, ...], tuple[list[str], list[str]]],
    covariance: FloatArray,
) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts (G,) on the relative and on the absolute phase.

    Parameters
    ----------
    problem, linked
        The solution.
    outcome
        Statuses (G,), and the remedies (G,) of the failures of each phase.
    covariance
        (G, p, p) of the parameters.
    """
    status, (remedies, loose) = outcome
    count = len(status)
    pieces: list[list[Evidence | None]] = [[None] * count, [None] * count]
    alone, noise = np.ones(count, bool), np.full(count, np.inf)
    if linked is not None:
        pieces[0] = list(evidence(problem, linked, covariance, absolute=False))
        if problem.anchored.any():
            pieces[1] = list(evidence(problem, linked, covariance, absolute=True))
        label = clusters(linked, count)
        alone = np.bincount(label)[label] == 1
        noise = _noise_mas(linked, count)
    relative = [
        relative_verdict(status[g], pieces[0][g], noise[g], remedies[g], alone=bool(alone[g]))
        for g in range(count)
    ]
    absolute = [
        absolute_verdict(
            status[g],
            pieces[1][g],
            noise[g],
            loose[g] or remedies[g],
            anchored=bool(problem.anchored[g]),
        )
        for g in range(count)
    ]
    return relative, absolute


def _noise_mas(linked: Linked, count: int) -> FloatArray:
    """Typical error (G,) of a detection per axis [mas], infinite where a group has none."""
    own = linked.links.group >= 0
    variance = 0.5 * np.trace(linked.fit.covariance, axis1=1, axis2=2)[own]
    group = linked.links.group[own]
    size = np.bincount(group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, variance, minlength=count) / size
    return np.asarray(np.where(size > 0, 1e3 * np.sqrt(mean), np.inf))
