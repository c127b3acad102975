"""The simultaneous alignment of all groups and the reference catalog.

In this order, each step being a module of its own: canonical order, initial registration,
association and robust fit, rejection, detector motions, gauge and covariances, verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment.matching import KnownPairs, Registration, register_initially
from tweakreg_step.alignment.solver import (
    Model,
    Motions,
    Problem,
    choose_motion,
    field_motion,
    field_reach,
    geometry_of,
    most_general,
    motion_radius,
    sample,
    whole_of_fit,
    with_estimated_widths,
    with_levels,
    with_motion,
    with_own_motions,
    with_visits,
)
from tweakreg_step.core.correction import parameter_count, parameters_of, prior_precision
from tweakreg_step.core.evidence import FEWEST
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import MotionChoice, MotionGrounds
from tweakreg_step.core.sphere import plane_jacobian, to_plane

from .apart_images import apart_images, measured
from .assemble_solution import solution_of
from .canonical_order import canonical, check_groups
from .group_rejection import (
    AcceptedFit,
    group_frames,
    groups_in_doubt,
    largest_motion,
    motions_are_extreme,
    no_failures,
    solve_with_rejection,
    with_findings,
    with_images,
)
from .populations import solution_of_the_sky
from .residuals import corrected_directions
from .rigid_body import as_a_whole
from .sets import with_sets

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import ApartImage, Solution

    from .canonical_order import Canonical


__all__ = ["solve_jointly"]


_ROUNDS = 3
"""Times that images which do not move with their group are left out, and the rest is solved."""


@dataclass(frozen=True, slots=True)
class _JointFit:
    """The fit of all groups.

    Attributes
    ----------
    ordered
        The detections that it was made from.
    accepted, choice
        The fit after rejection, and the choice of the detectors' motion.
    lost_anchor
        Whether the search tied groups to the reference, and all of these ties were rejected.
    """

    ordered: Canonical
    accepted: AcceptedFit
    choice: MotionChoice
    lost_anchor: bool = False

    @property
    def status(self) -> tuple[Code, ...]:
        """(G,) status of each group."""
        return self.accepted.failures.status


def solve_jointly(
    detections: Detections,
    group_count: int,
    reference: Reference | None,
    options: Options,
    known: KnownPairs | None = None,
) -> Solution:
    """Align all groups with each other, and with the reference if there is one.

    Parameters
    ----------
    detections
        Detections of all images.
    group_count
        Number of exposure groups G; some may be empty.
    reference
        The reference catalog, or None.
    options
        Options of the alignment; `refgroup` is a group's index.
    known
        Pairs of groups that were matched before, to which those that are matched are added.

    Returns
    -------
    Solution
        Groups, detections and stars in the numbering of the input.

    Raises
    ------
    ValueError
        If an index or an option is out of its range. Bad data raise nothing: they give a status.
    """
    parameter_count(options.fitgeometry)
    check_groups(detections, group_count)

    def solve(taken: BoolArray) -> Solution:
        solved = partial(_solved, taken=taken, known=known)
        if reference is not None and not options.joint:
            return as_a_whole(solved, detections, group_count, reference, options)
        return solved(detections, group_count, reference, options)

    solution = solution_of_the_sky(detections, group_count, solve)
    return with_sets(solution, detections, options)


def _solved(
    detections: Detections,
    group_count: int,
    reference: Reference | None,
    options: Options,
    taken: BoolArray,
    known: KnownPairs | None,
) -> Solution:
    """The solution of the detections of a mask (N,); its sets are not compared yet."""
    ordered = replace(canonical(detections, group_count, reference), known=known)
    ordered = ordered if taken.all() else ordered.take(taken[ordered.position])
    if options.refgroup is not None:
        options = replace(options, refgroup=int(ordered.group[options.refgroup]))
    frames = group_frames(ordered.detections, group_count)
    joint_fit = _credible(ordered, frames, options)
    apart: list[ApartImage] = []
    for _ in range(_ROUNDS):
        found = apart_images(joint_fit.accepted)
        if not found:
            break
        apart += found
        numbers = [one.image for one in apart]
        kept = ordered.take(~np.isin(ordered.detections.image, numbers))
        joint_fit = _credible(kept, frames, options)
    accepted = joint_fit.accepted
    solution = solution_of(
        joint_fit.ordered, accepted.problem, accepted.associated, joint_fit.status, joint_fit.choice
    )
    first = np.unique(ordered.detections.image, return_index=True)
    given = dict(zip(first[0].tolist(), detections.image[ordered.position[first[1]]], strict=True))
    if apart:
        moved = corrected_directions(detections, solution)
        apart = measured(apart, (ordered, joint_fit.ordered), moved, accepted)
    named = tuple(replace(one, image=int(given[one.image])) for one in apart)
    return with_findings(replace(solution, apart=named), ordered, accepted)


def _credible(ordered: Canonical, frames: FloatArray, options: Options) -> _JointFit:
    """The fit; without motions of detectors where these only hide what is wrong with an image.

    A group that does not move as one may be fitted by detectors that shrink by a per cent. But what
    detectors do in the other groups as well is a motion of theirs, however large.
    """
    joint_fit = _anchored(ordered, frames, options)
    if not motions_are_extreme(joint_fit.accepted):
        return joint_fit
    choice = MotionChoice(MotionGrounds.IMAGES_OFF)
    # from where the groups are, or half of one may drag it between the two
    accepted = with_images(_without_motion(joint_fit.accepted))
    still = replace(joint_fit, accepted=accepted, choice=choice)
    if accepted.failures.status != joint_fit.status or not groups_in_doubt(accepted):
        plain = _anchored(ordered, frames, replace(options, detector_motion="none"))
        still = replace(plain, choice=choice)
    odd = groups_in_doubt(still.accepted)
    if not odd or _move_without(odd, joint_fit, frames, options):
        return joint_fit
    return still


def _move_without(
    odd: set[int], joint_fit: _JointFit, frames: FloatArray, options: Options
) -> bool:
    """Whether detectors move in most groups, or do so without the groups `odd`, too."""
    ordered, count = joint_fit.ordered, _aligned(joint_fit)
    if count > 2 and 2 * len(odd) > count:
        return True
    rest = ordered.take(~np.isin(ordered.detections.group, sorted(odd)))
    known = largest_motion(_anchored(rest, frames, options).accepted)
    return known > 0.5 * largest_motion(joint_fit.accepted)


def _anchored(ordered: Canonical, frames: FloatArray, options: Options) -> _JointFit:
    """The fit; without the reference where all ties to it were rejected."""
    joint_fit = _solve(ordered, frames, options)
    if joint_fit.lost_anchor:
        # the wrong ties to the reference may have tied groups wrongly to each other, too
        lost = joint_fit.accepted.failures
        joint_fit = _solve(replace(ordered, reference=None), frames, options)
        joint_fit = _with_failures(
            joint_fit, reference_matches=lost.reference_matches, near_stars=lost.near_stars
        )
    return replace(joint_fit, accepted=with_images(joint_fit.accepted))


def _with_failures(joint_fit: _JointFit, **known: Any) -> _JointFit:
    """The fit with some fields of its failures replaced."""
    failures = replace(joint_fit.accepted.failures, **known)
    return replace(joint_fit, accepted=replace(joint_fit.accepted, failures=failures))


def _solve(ordered: Canonical, frames: FloatArray, options: Options) -> _JointFit:
    """Register and fit; once more with the wide search for groups that may be rolled by degrees."""
    size = np.bincount(ordered.detections.group, minlength=len(frames))
    enough = size >= max(options.minobj, FEWEST)
    ordered = ordered.take(enough[ordered.detections.group])
    joint_fit = _register_and_solve(ordered, frames, options, None)
    few = np.array([item is Code.TOO_FEW_MATCHES for item in joint_fit.status], bool)
    if few.any() and options.max_roll > 3.0 * options.roll_sigma:
        second = _register_and_solve(ordered, frames, options, few)
        if _aligned(second) > _aligned(joint_fit):
            joint_fit = second
    pairs = zip(joint_fit.status, enough, strict=True)
    status = tuple(s if ok else Code.TOO_FEW_SOURCES for s, ok in pairs)
    return _with_failures(joint_fit, status=status, sources=size)


def _aligned(joint_fit: _JointFit) -> int:
    """Number of aligned groups."""
    return sum(item is Code.ALIGNED for item in joint_fit.status)


def _register_and_solve(
    ordered: Canonical, frames: FloatArray, options: Options, suspect: BoolArray | None
) -> _JointFit:
    """Initial registration, fit with rejection, and the choice of the detectors' motion.

    For the groups `suspect` (G,) only the wide search counts, see `register_initially`.
    """
    registration = register_initially(
        ordered.detections, frames, ordered.reference, options, suspect, ordered.known
    )
    problem, start = _problem(ordered, frames, registration, options)
    reach = 4.5 * float(np.max(registration.sigma, initial=0.0)), 0.0
    if geometry_of(problem.model) != "none":
        reach = max(reach[0], motion_radius(options)), 0.5 * motion_radius(options)
    path = field_reach(problem.model, ordered.detections)
    reach = max(reach[0], 4.5 * path), max(reach[1], path)
    start, reach, passes = _begun(ordered, registration, (problem, start, reach))
    accepted = solve_with_rejection(
        problem, start, reach, no_failures(registration.status, problem.anchored), passes
    )
    accepted = replace(accepted, ambiguity=registration.ambiguity)
    choice = MotionChoice(MotionGrounds.NOT_ALIGNED)
    if accepted.associated is not None:
        general = accepted.associated
        every = cache(partial(whole_of_fit, general))
        problem, matters = with_estimated_widths(accepted.problem, general, every)
        problem, apart = with_own_motions(problem, general)
        chosen = choose_motion(problem, general, every)
        choice, own = chosen.choice, max(problem.model.own, chosen.own)
        problem = replace(problem, model=replace(problem.model, own=own))
        accepted = replace(accepted, problem=problem)
        accepted = _with_choice(accepted, choice, chosen.motions, again=matters or apart)
    lost = bool(registration.anchored.any() and not accepted.problem.anchored.any())
    return _JointFit(ordered, accepted, choice, lost)


def _begun(
    ordered: Canonical,
    registration: Registration,
    whole: tuple[Problem, Motions, tuple[float, float]],
) -> tuple[Motions, tuple[float, float], int]:
    """Where to begin, how far off that may be, and associations to make: of a fit of all sources.

    Where there are many, a part of them is fitted first. It decides nothing but where to begin.
    """
    problem, start, reach = whole
    taken = sample(problem, start, reach[0])
    if taken.all():
        return start, reach, 3
    part, begin = _problem(ordered.take(taken), problem.model.frames, registration, problem.options)
    fitted = solve_with_rejection(
        part, begin, reach, no_failures(registration.status, part.anchored)
    )
    associated = fitted.associated
    same = np.array_equal(fitted.problem.component, problem.component)
    if associated is None or not same or begin.flat.size != start.flat.size:
        return start, reach, 3
    radius = max(associated.radius, associated.star_radius)
    return associated.fit.motions, (radius, 0.0), 1


def _with_choice(
    general: AcceptedFit, choice: MotionChoice, solved: Motions | None, *, again: bool
) -> AcceptedFit:
    """The fit with the detector motion that was chosen, from that with the most general one.

    It begins with the motions `solved` that the choice comes to, where there was one.

    Without detectors' motions it is made `again` only where priors have changed that have a part
    in it. Sources are those of the general fit: motions that are left out are within their errors,
    and move no detection to another source.
    """
    associated = general.associated
    none = geometry_of(general.problem.model) == "none"
    if associated is None or (none and not again):
        return general
    problem, start = general.problem, associated.fit.motions
    if choice.geometry != geometry_of(problem.model):
        problem, start = with_motion(problem, start, choice.geometry)
    start = start if solved is None else solved
    reach = max(associated.radius, associated.star_radius), 0.0
    chosen = solve_with_rejection(problem, start, reach, general.failures, known=associated)
    return general if chosen.associated is None else replace(chosen, ambiguity=general.ambiguity)


def _without_motion(general: AcceptedFit) -> AcceptedFit:
    """The fit without the detectors' motions, from where those with them have put the groups."""
    associated = general.associated
    if associated is None:
        return general
    problem, start = with_motion(general.problem, associated.fit.motions, "none")
    radius = max(associated.radius, associated.star_radius)
    if start.phi:
        radius = max(radius, motion_radius(problem.options))
    still = solve_with_rejection(problem, start, (radius, 0.0), general.failures)
    return general if still.associated is None else replace(still, ambiguity=general.ambiguity)


def _problem(
    ordered: Canonical, frames: FloatArray, registration: Registration, options: Options
) -> tuple[Problem, Motions]:
    """The least-squares problem, and its initial motions, from the registration."""
    turned = frames @ np.swapaxes(registration.rotation, 1, 2)
    shift = to_plane(turned[:, 2], frames)
    matrix = plane_jacobian(np.zeros_like(shift), turned, frames)
    theta = parameters_of(options.fitgeometry, matrix, shift)
    sigmas = (options.shift_sigma, options.roll_sigma, options.scale_sigma)
    plain = prior_precision(options.fitgeometry, sigmas)
    # The prior has the tails of a Cauchy distribution: large offsets found are not pulled back.
    prior = plain / (1.0 + theta**2 * plain)
    model = Model(frames, options.fitgeometry, prior)
    problem = Problem(
        ordered.detections,
        ordered.reference,
        options,
        model,
        registration.component,
        registration.anchored,
    )
    problem, motions = with_visits(problem, Motions(theta))
    field = field_motion(ordered.detections, registration.component >= 0)
    if field is not None:
        problem, motions = with_levels(problem, motions, field)
    return with_motion(problem, motions, most_general(problem))
