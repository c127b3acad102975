"""What a solution shows of its groups: which must be given up, and the verdicts on the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver import MATCHED_WEIGHT, match_counts
from tweakreg_step.core.outcome import GroupStatus

from .decision import absolute_verdict, is_noise, relative_verdict
from .evidence import chance, clusters, evidence

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import OffsetAmbiguity
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.outcome import Evidence, Verdict

    from .evidence import Chance


__all__ = ["groups_to_reject", "verdicts"]


def groups_to_reject(
    problem: Problem, linked: AssociatedFit | None
) -> tuple[dict[int, GroupStatus], BoolArray]:
    """Groups whose correction must not be applied, and why; groups (G,) to untie from the stars.

    Parameters
    ----------
    problem, linked
        The solution; None where nothing matches.
    """
    active = np.flatnonzero(problem.component >= 0)
    none = np.zeros(len(problem.component), bool)
    if linked is None:
        return dict.fromkeys(active.tolist(), GroupStatus.TOO_FEW_MATCHES), none
    few = _few(problem, linked, active)
    if few:
        return few, _loose(problem, linked)
    far = _implausible(problem, linked, active)
    if far:
        return far, none
    loose = _loose(problem, linked)
    return ({} if loose.any() else _noise(problem, linked, active)), loose


def _few(problem: Problem, linked: AssociatedFit, active: IntArray) -> dict[int, GroupStatus]:
    options = problem.options
    matches, _ = match_counts(linked, len(problem.component))
    needed = np.where(problem.anchored, min(options.minobj, options.abs_minobj), options.minobj)
    few = active[matches[active] < needed[active]]
    if len(few) == 0:
        return {}
    # One at a time is slow, all at once unjust: the worst go first.
    least = few[matches[few] <= max(1, int(np.median(matches[few])))]
    return dict.fromkeys(least.tolist(), GroupStatus.TOO_FEW_MATCHES)


def _implausible(
    problem: Problem, linked: AssociatedFit, active: IntArray
) -> dict[int, GroupStatus]:
    options, theta = problem.options, linked.fit.motions.theta
    limit = 2.0 * max(options.searchrad, options.abs_searchrad) * np.sqrt(len(active))
    far = np.hypot(theta[active, 0], theta[active, 1]) > limit
    most = max(options.max_roll, 3.0 * options.roll_sigma)  # the wide search or the plain one
    far |= np.abs(theta[active, 2:3]).sum(axis=1) > 2.0 * np.deg2rad(most / 3600.0)
    far |= np.abs(theta[active, 3:]).max(axis=1, initial=0.0) > 100.0 * options.scale_sigma
    return dict.fromkeys(active[far].tolist(), GroupStatus.IMPLAUSIBLE)


def _noise(problem: Problem, linked: AssociatedFit, active: IntArray) -> dict[int, GroupStatus]:
    """Groups whose matches, in both phases, are no more than chance gives."""
    relative = chance(problem, linked, absolute=False)
    noise = np.array([is_noise(*row) for row in _rows(relative)], bool)
    if problem.anchored.any():
        absolute = chance(problem, linked, absolute=True)
        noise &= np.array([is_noise(*row) for row in _rows(absolute)], bool)
    return dict.fromkeys(active[noise[active]].tolist(), GroupStatus.NO_MATCH)


def _rows(numbers: Chance) -> list[tuple[float, float]]:
    return list(zip(numbers.log10.tolist(), np.nan_to_num(numbers.spread).tolist(), strict=True))


def _loose(problem: Problem, linked: AssociatedFit) -> BoolArray:
    """Groups (G,) of clusters that too few stars tie to the reference, or no more than chance."""
    anchored = problem.anchored
    loose = np.zeros(len(anchored), bool)
    if not anchored.any():
        return loose
    label = clusters(linked, len(anchored))
    stars = _stars(linked, label)
    numbers = chance(problem, linked, absolute=True)
    sure = ~np.array([is_noise(*row) for row in _rows(numbers)], bool)
    for member in members(np.where(anchored, label, -1)):
        few = int(stars[label[member[0]]]) < problem.options.abs_minobj
        loose[member] = few or not sure[member].any()
    return loose


def _stars(linked: AssociatedFit, label: IntArray) -> IntArray:
    """Different reference stars that the groups of each cluster (label (G,)) see.

    Not how often: three stars on ten dithers are three, and tie no body better than three do.
    """
    links = linked.links
    star = linked.star[links.source]
    seen = (linked.fit.weight > MATCHED_WEIGHT) & (links.group >= 0) & (star >= 0)
    pairs = np.unique(np.stack([label[links.group[seen]], star[seen]], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=int(label.max(initial=-1)) + 1)


def verdicts(
    problem: Problem,
    linked: AssociatedFit | None,
    outcome: tuple[tuple[GroupStatus, ...], tuple[list[str], list[str]]],
    covariance: FloatArray,
    doubts: tuple[OffsetAmbiguity, OffsetAmbiguity] | None = None,
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
    doubts
        (G,) about the offsets that each phase started from; None where there was no search.
    """
    (status, (remedies, loose)), more = outcome, problem.options.more_sources
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
    if doubts is not None:
        pieces = [_doubted(piece, doubt) for piece, doubt in zip(pieces, doubts, strict=True)]
    relative = [
        relative_verdict(
            status[g], pieces[0][g], noise[g], remedies[g], alone=bool(alone[g]), more=more
        )
        for g in range(count)
    ]
    absolute = [
        absolute_verdict(
            status[g],
            pieces[1][g],
            noise[g],
            remedies[g] if status[g] is GroupStatus.TOO_FEW_SOURCES else loose[g] or remedies[g],
            anchored=bool(problem.anchored[g]),
            more=more,
        )
        for g in range(count)
    ]
    return relative, absolute


def _doubted(pieces: list[Evidence | None], doubts: OffsetAmbiguity) -> list[Evidence | None]:
    """The evidence with what the search saw besides."""
    distance = 1e3 * np.nan_to_num(doubts.distance)
    columns = doubts.second.tolist(), distance.tolist(), doubts.pinned.tolist()
    return [
        piece and replace(piece, second_matches=n, second_offset_mas=mas, pinned_matches=pinned)
        for piece, n, mas, pinned in zip(pieces, *columns, strict=True)
    ]


def _noise_mas(linked: AssociatedFit, count: int) -> FloatArray:
    """Typical error (G,) of a detection per axis [mas], infinite where a group has none."""
    own = linked.links.group >= 0
    variance = 0.5 * np.trace(linked.fit.covariance, axis1=1, axis2=2)[own]
    group = linked.links.group[own]
    size = np.bincount(group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, variance, minlength=count) / size
    return np.asarray(np.where(size > 0, 1e3 * np.sqrt(mean), np.inf))
