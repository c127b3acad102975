"""The alignment of all groups and the reference catalog, as a table of contents.

Canonical order, ties between the groups, sources and corrections in turn, detector motions,
verdict, gauge, covariances: each is a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.advice import Failures, advise
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
from tweakreg_step.weigh import verdicts, wanting

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
    """A solution and what became of each group.

    Attributes
    ----------
    problem, linked, status, choice
        As they were at the end; `linked` is None if nothing could be aligned.
    failures
        What is known of the groups that are not aligned, or not to the reference.
    lost_anchor
        Whether groups were tied to the reference, and none is any more.
    """

    problem: Problem
    linked: Linked | None
    status: tuple[Status, ...]
    choice: MotionChoice
    failures: Failures
    lost_anchor: bool = False


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
    if attempt.lost_anchor:
        # What tied the groups through the reference tied them wrongly.
        without = _attempt(replace(given, reference=None), frames, options)
        failures = replace(without.failures, reference_matches=attempt.failures.reference_matches)
        attempt = replace(without, failures=failures)
    solution = solution_of(given, attempt.problem, attempt.linked, attempt.status, attempt.choice)
    return _judged(solution, given, attempt, frames, options)


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
    status = tuple(s if ok else Status.TOO_FEW_SOURCES for s, ok in pairs)
    failures = replace(attempt.failures, status=status, sources=size)
    return replace(attempt, status=status, failures=failures)


def _aligned(attempt: _Attempt) -> int:
    return sum(item is Status.ALIGNED for item in attempt.status)


def _settled(
    given: Canonical, frames: FloatArray, options: Options, suspect: BoolArray | None
) -> _Attempt:
    """Solutions, each without what the one before was found wanting, until nothing is."""
    ties = tie(given.detections, frames, given.reference, options, suspect)
    problem, start = _problem(given, frames, ties, options)
    radius = 4.5 * float(np.max(ties.sigma, initial=0.0))
    if start.phi.size:
        radius = max(radius, motion_radius(options))
    linked, choice = None, MotionChoice("none", {}, {}, "No motion of detectors was asked for.")
    count = len(frames)
    failures = Failures(
        ties.status,
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        problem.anchored,
        np.zeros((count, 3)),
    )
    for _ in range(2 * count + 1):
        linked = converge(problem, start, radius)
        bad, loose = wanting(problem, linked)
        failures = _noted(failures, linked, bad, loose)
        if not bad and not loose.any():
            break
        problem = _without(problem, list(bad), loose)
    if linked is not None:
        linked, problem, choice = choose_motion(problem, linked)
    failures = replace(failures, anchored=problem.anchored)
    lost = bool(ties.anchored.any() and not problem.anchored.any())
    return _Attempt(problem, linked, failures.status, choice, failures, lost)


def _noted(
    failures: Failures, linked: Linked | None, bad: dict[int, Status], loose: BoolArray
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
    )


def _without(problem: Problem, bad: list[int], loose: BoolArray) -> Problem:
    """The problem without some groups, and with others tied to the reference no more."""
    component = problem.component.copy()
    component[loose] += 1 + component.max()
    component[bad] = -1
    anchored = problem.anchored & ~loose & (component >= 0)
    return replace(problem, component=component, anchored=anchored)


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


def _judged(
    solution: Solution, given: Canonical, attempt: _Attempt, frames: FloatArray, options: Options
) -> Solution:
    """The solution with its verdicts."""
    remedies = advise(attempt.failures, given.detections, frames, given.reference, options)
    outward = np.argsort(given.group)
    relative, absolute = verdicts(
        attempt.problem,
        attempt.linked,
        (attempt.status, remedies),
        solution.covariance[outward],
    )
    return replace(
        solution,
        relative=tuple(relative[number] for number in given.group),
        absolute=() if given.reference is None else tuple(absolute[g] for g in given.group),
    )
