"""The alignment of all groups and the reference catalog, as a table of contents.

Canonical order, ties between the groups, sources and corrections in turn, detector motions,
verdict, gauge, covariances: each is a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.canonical import canonical
from tweakreg_step.correction import parameter_count, parameters_of, prior_precision
from tweakreg_step.iterate import Linked, Problem, converge, match_counts
from tweakreg_step.motions import choose_motion, motion_radius, with_motion
from tweakreg_step.outcome import solution_of
from tweakreg_step.problem import MotionChoice, Status
from tweakreg_step.rigid import as_a_whole
from tweakreg_step.solve import Model, Motions
from tweakreg_step.sphere import directions, frames_of, plane_jacobian, to_plane
from tweakreg_step.tie import Ties, tie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.canonical import Canonical
    from tweakreg_step.problem import Detections, Options, Reference, Solution

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

__all__ = ["register"]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A solution and what became of each group."""

    problem: Problem
    linked: Linked | None
    status: tuple[Status, ...]
    choice: MotionChoice


def register(
    detections: Detections, group_count: int, reference: Reference | None, options: Options
) -> Solution:
    """Align all groups with each other, and with the reference if there is one.

    Parameters
    ----------
    detections
        Of the whole run.
    group_count
        Number of exposure groups G; some may be empty.
    reference
        The reference catalog, or None.
    options
        What the user chose; `refgroup` is a group's index.

    Returns
    -------
    Solution
        In the numbering of the input.

    Raises
    ------
    ValueError
        If an index or an option is out of its range. Bad data raise nothing: they have a status.
    """
    parameter_count(options.fitgeometry)
    if reference is not None and not options.joint:
        return as_a_whole(register, detections, group_count, reference, options)
    given = canonical(detections, group_count, reference)
    if options.refgroup is not None:
        options = replace(options, refgroup=int(given.group[options.refgroup]))
    frames = _frames(given.detections, group_count)
    attempt = _attempt(given, frames, options)
    if _anchor_is_weak(attempt):
        attempt = _attempt(replace(given, reference=None), frames, options)
    return solution_of(given, attempt.problem, attempt.linked, attempt.status, attempt.choice)


def _frames(detections: Detections, count: int) -> FloatArray:
    """Tangent planes (G, 3, 3) at the groups' mean positions; anywhere for groups without any."""
    vectors = directions(detections.ra, detections.dec)
    sums = [np.bincount(detections.group, axis, minlength=count) for axis in vectors.T]
    middle = np.stack(sums, axis=1).astype(float)
    middle[~np.any(middle, axis=1)] = (1.0, 0.0, 0.0)
    return frames_of(middle)


def _attempt(given: Canonical, frames: FloatArray, options: Options) -> _Attempt:
    """Ties, sources, corrections and verdict; once more for groups that may roll by degrees."""
    size = np.bincount(given.detections.group, minlength=len(frames))
    enough = size >= max(options.minobj, 1)
    given = replace(given, detections=given.detections.take(enough[given.detections.group]))
    attempt = _settled(given, frames, options, None)
    few = np.array([item is Status.TOO_FEW_MATCHES for item in attempt.status], bool)
    if few.any() and options.max_roll > 3.0 * options.roll_sigma:
        second = _settled(given, frames, options, few)
        if _aligned(second) > _aligned(attempt):
            attempt = second
    pairs = zip(attempt.status, enough, strict=True)
    return replace(attempt, status=tuple(s if ok else Status.TOO_FEW_SOURCES for s, ok in pairs))


def _aligned(attempt: _Attempt) -> int:
    return sum(item is Status.ALIGNED for item in attempt.status)


def _settled(
    given: Canonical, frames: FloatArray, options: Options, suspect: BoolArray | None
) -> _Attempt:
    """Solutions, each without the groups that the one before found wanting, until none is."""
    ties = tie(given.detections, frames, given.reference, options, suspect)
    status = list(ties.status)
    problem, start = _problem(given, frames, ties, options)
    radius = 4.5 * float(np.max(ties.sigma, initial=0.0))
    if start.phi.size:
        radius = max(radius, motion_radius(options))
    linked, choice = None, MotionChoice("none", {}, {}, "No motion of detectors was asked for.")
    for _ in range(len(frames) + 1):
        linked = converge(problem, start, radius)
        bad = _verdict(problem, linked)
        if not bad:
            break
        for group, reason in bad.items():
            status[group] = reason
        component = problem.component.copy()
        component[list(bad)] = -1
        problem = replace(
            problem, component=component, anchored=problem.anchored & (component >= 0)
        )
    if linked is not None:
        linked, problem, choice = choose_motion(problem, linked)
    return _Attempt(problem, linked, tuple(status), choice)


def _problem(
    given: Canonical, frames: FloatArray, ties: Ties, options: Options
) -> tuple[Problem, Motions]:
    """The problem to solve, and the motions to start from."""
    turned = frames @ np.swapaxes(ties.rotation, 1, 2)
    shift = to_plane(turned[:, 2], frames)
    matrix = plane_jacobian(np.zeros_like(shift), turned, frames)
    theta = parameters_of(options.fitgeometry, matrix, shift)
    sigmas = (options.shift_sigma, options.roll_sigma, options.scale_sigma)
    plain = prior_precision(options.fitgeometry, sigmas)
    # The prior has the tails of a Cauchy law: what the search found far out is not pulled back.
    prior = plain / (1.0 + theta**2 * plain)
    model = Model(frames, options.fitgeometry, "none", prior, np.zeros((0, 0)))
    problem = Problem(
        given.detections, given.reference, options, model, ties.component, ties.anchored
    )
    motions = Motions(theta, np.zeros((0, 0)))
    if options.detector_motion not in {"none", "auto"}:
        problem, motions = with_motion(problem, motions, options.detector_motion)
    return problem, motions


def _verdict(problem: Problem, linked: Linked | None) -> dict[int, Status]:
    """Groups whose correction must not be applied."""
    active = np.flatnonzero(problem.component >= 0)
    if linked is None:
        return dict.fromkeys(active.tolist(), Status.TOO_FEW_MATCHES)
    options = problem.options
    matches, _ = match_counts(linked, len(problem.component))
    needed = np.where(problem.anchored, min(options.minobj, options.abs_minobj), options.minobj)
    few = active[matches[active] < needed[active]]
    if len(few):
        # One at a time is slow, all at once unjust: the worst go first.
        least = few[matches[few] <= max(1, int(np.median(matches[few])))]
        return dict.fromkeys(least.tolist(), Status.TOO_FEW_MATCHES)
    theta = linked.fit.motions.theta
    limit = 2.0 * max(options.searchrad, options.abs_searchrad) * np.sqrt(len(active))
    far = np.hypot(theta[active, 0], theta[active, 1]) > limit
    far |= np.abs(theta[active, 2:3]).sum(axis=1) > 2.0 * np.deg2rad(options.max_roll / 3600.0)
    far |= np.abs(theta[active, 3:]).max(axis=1, initial=0.0) > 100.0 * options.scale_sigma
    return dict.fromkeys(active[far].tolist(), Status.IMPLAUSIBLE)


def _anchor_is_weak(attempt: _Attempt) -> bool:
    """Whether fewer stars than 'abs_minobj' tie the groups to the reference."""
    problem, linked = attempt.problem, attempt.linked
    if linked is None or not problem.anchored.any():
        return False
    _, absolute = match_counts(linked, len(problem.component))
    return int(absolute.sum()) < problem.options.abs_minobj
