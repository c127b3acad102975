"""The alignment of all groups and the reference catalog, as a table of contents.

Canonical order, ties between the groups, sources and corrections in turn, detector motions,
verdict, gauge, covariances: each is a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment.matching import Registration, register_initially
from tweakreg_step.alignment.solver import (
    Model,
    Motions,
    Problem,
    choose_motion,
    geometry_of,
    most_general,
    motion_radius,
    with_motion,
)
from tweakreg_step.core.correction import parameter_count, parameters_of, prior_precision
from tweakreg_step.core.outcome import GroupStatus
from tweakreg_step.core.solution import MotionChoice
from tweakreg_step.core.sphere import plane_jacobian, to_plane

from .assemble_solution import solution_of
from .canonical_order import canonical
from .rejection import AcceptedFit, group_frames, judged, no_failures, solve_with_rejection
from .rigid_body import as_a_whole

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution

    from .canonical_order import Canonical


__all__ = ["solve_jointly"]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A solution, the motion of the detectors, and whether what tied it to the stars was wrong.

    Attributes
    ----------
    settled, choice
        As they were at the end.
    lost_anchor
        Whether groups were tied to the reference, and none is any more.
    """

    settled: AcceptedFit
    choice: MotionChoice
    lost_anchor: bool = False

    @property
    def status(self) -> tuple[GroupStatus, ...]:
        """(G,) of `GroupStatus`."""
        return self.settled.failures.status


def solve_jointly(
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
        return as_a_whole(solve_jointly, detections, group_count, reference, options)
    given = canonical(detections, group_count, reference)
    if options.refgroup is not None:
        options = replace(options, refgroup=int(given.group[options.refgroup]))
    frames = group_frames(given.detections, group_count)
    attempt = _attempt(given, frames, options)
    if attempt.lost_anchor:
        # What tied the groups through the reference tied them wrongly.
        stars = attempt.settled.failures.reference_matches
        attempt = _attempt(replace(given, reference=None), frames, options)
        attempt = _noting(attempt, reference_matches=stars)
    settled = attempt.settled
    solution = solution_of(given, settled.problem, settled.linked, attempt.status, attempt.choice)
    return judged(solution, given, settled)


def _noting(attempt: _Attempt, **known: Any) -> _Attempt:
    """The attempt with more known of its failures."""
    failures = replace(attempt.settled.failures, **known)
    return replace(attempt, settled=replace(attempt.settled, failures=failures))


def _attempt(given: Canonical, frames: FloatArray, options: Options) -> _Attempt:
    """Places, sources, corrections and verdict; once more for groups that may roll by degrees."""
    size = np.bincount(given.detections.group, minlength=len(frames))
    enough = size >= max(options.minobj, 1)
    given = replace(given, detections=given.detections.take(enough[given.detections.group]))
    attempt = _settled(given, frames, options, None)
    few = np.array([item is GroupStatus.TOO_FEW_MATCHES for item in attempt.status], bool)
    if few.any() and options.max_roll > 3.0 * options.roll_sigma:
        second = _settled(given, frames, options, few)
        if _aligned(second) > _aligned(attempt):
            attempt = second
    pairs = zip(attempt.status, enough, strict=True)
    status = tuple(s if ok else GroupStatus.TOO_FEW_SOURCES for s, ok in pairs)
    return _noting(attempt, status=status, sources=size)


def _aligned(attempt: _Attempt) -> int:
    return sum(item is GroupStatus.ALIGNED for item in attempt.status)


def _settled(
    given: Canonical, frames: FloatArray, options: Options, suspect: BoolArray | None
) -> _Attempt:
    """What can be aligned, with the motion of the detectors that the data ask for."""
    ties = register_initially(given.detections, frames, given.reference, options, suspect)
    problem, start = _problem(given, frames, ties, options)
    reach = 4.5 * float(np.max(ties.sigma, initial=0.0)), 0.0
    if start.phi:
        reach = max(reach[0], motion_radius(options)), 0.5 * motion_radius(options)
    known = no_failures(ties.status, problem.anchored)
    settled = replace(solve_with_rejection(problem, start, reach, known), doubts=ties.doubts)
    choice = MotionChoice("none", {}, {}, "No motion of detectors: nothing could be aligned.")
    if settled.linked is not None:
        choice = choose_motion(settled.problem, settled.linked)
        settled = _with_choice(settled, choice)
    lost = bool(ties.anchored.any() and not settled.problem.anchored.any())
    return _Attempt(settled, choice, lost)


def _with_choice(general: AcceptedFit, choice: MotionChoice) -> AcceptedFit:
    """The solution with the motion that was chosen, which started from the most general one."""
    linked = general.linked
    if linked is None or choice.geometry == geometry_of(general.problem.model):
        return general
    problem, start = with_motion(general.problem, linked.fit.motions, choice.geometry)
    reach = linked.radius, 0.0
    if start.phi:
        reach = max(reach[0], motion_radius(general.problem.options)), 0.0
    chosen = solve_with_rejection(problem, start, reach, general.failures)
    return general if chosen.linked is None else replace(chosen, doubts=general.doubts)


def _problem(
    given: Canonical, frames: FloatArray, ties: Registration, options: Options
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
    model = Model(frames, options.fitgeometry, prior)
    problem = Problem(
        given.detections, given.reference, options, model, ties.component, ties.anchored
    )
    motions = Motions(theta)
    return with_motion(problem, motions, most_general(problem))
