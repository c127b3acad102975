"""Fit, reject groups that fail a criterion, and fit again until none does; then the findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import DETECTOR, converge, fit_again, match_counts
from tweakreg_step.alignment.verdict import (
    Failures,
    chances,
    claimed,
    diagnose,
    findings,
    groups_to_reject,
    image_evidence,
    positions_without,
    star_counts,
    stars_near,
)
from tweakreg_step.core.sphere import ARCSEC, directions, mean_frames

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import OffsetAmbiguity
    from tweakreg_step.alignment.solver import AssociatedFit, Motions, Problem
    from tweakreg_step.alignment.verdict import Chances, ImageEvidence
    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.outcome import Code
    from tweakreg_step.core.solution import Solution

    from .canonical_order import Canonical


__all__ = [
    "AcceptedFit",
    "group_frames",
    "groups_in_doubt",
    "largest_motion",
    "no_failures",
    "solve_with_rejection",
    "with_findings",
    "with_images",
]


_EXTREME = 5.0
"""Motions of detectors in usual widths, above which they are looked at: 0.1 arcsec, 5e-4."""

_LARGE = 1.5
"""The same where an image is off: where half of a group moved, a detector may be moved in all
exposures half the way to where its image is."""


@dataclass(frozen=True, slots=True)
class AcceptedFit:
    """A fit in which every remaining group passes the criteria of `groups_to_reject`.

    Attributes
    ----------
    problem, associated
        The problem without the rejected groups, and its fit, None if nothing could be aligned.
    failures
        Why the other groups are not aligned, or not tied to the reference.
    ambiguity
        (G,) evidence for another initial offset of each group, relative and absolute; None where
        no search was made.
    images
        Evidence on single images; None where it was not looked for.
    numbers
        Matches of the fit against chance; None where it was not looked for.
    """

    problem: Problem
    associated: AssociatedFit | None
    failures: Failures
    ambiguity: tuple[OffsetAmbiguity, OffsetAmbiguity] | None = None
    images: ImageEvidence | None = None
    numbers: Chances | None = None


def group_frames(detections: Detections, count: int) -> FloatArray:
    """Axes (G, 3, 3) of tangent planes at the groups' mean positions; any for empty groups."""
    vectors = directions(detections.ra, detections.dec)
    return mean_frames(vectors, detections.group, count)


def solve_with_rejection(
    problem: Problem,
    start: Motions,
    reach: tuple[float, float],
    failures: Failures,
    passes: int = 3,
    known: AssociatedFit | None = None,
) -> AcceptedFit:
    """Fit, drop the rejected groups or their ties to the reference, and repeat until none is left.

    Parameters
    ----------
    problem
        The problem of all groups.
    start, reach
        Initial motions, the match radius that they are accurate enough for, and how far units of a
        level may be from where they start, per axis [arcsec].
    failures
        What is known of the groups so far, see `no_failures`.
    passes
        Number of associations of each fit.
    known
        A fit of the same groups, with other priors or more general motions, whose sources are
        those of the first fit.
    """
    count = len(failures.status)
    associated = numbers = None
    for _ in range(2 * count + 1):
        if known is not None:
            associated, known = fit_again(problem, start, known), None
        else:
            associated = converge(problem, start, *reach, passes)
        bad, weakly_anchored, numbers = groups_to_reject(problem, associated)
        failures = _with_rejections(failures, associated, bad, weakly_anchored)
        if associated is not None and weakly_anchored.any():
            near = stars_near(problem, associated, reach[0])
            failures = replace(
                failures, near_stars=np.where(weakly_anchored, near, failures.near_stars)
            )
        if not bad and not weakly_anchored.any():
            break
        problem, numbers = _without(problem, list(bad), weakly_anchored), None
    failures = replace(failures, anchored=problem.anchored)
    return AcceptedFit(problem, associated, failures, numbers=numbers)


def with_images(accepted: AcceptedFit) -> AcceptedFit:
    """The fit with the evidence on its single images."""
    if accepted.associated is None:
        return accepted
    of_fit = accepted.problem, accepted.associated
    numbers = accepted.numbers or chances(*of_fit)
    return replace(accepted, images=image_evidence(*of_fit, numbers.moved), numbers=numbers)


def motions_are_extreme(accepted: AcceptedFit) -> bool:
    """Whether a detector moved by much more than what is usual of detectors."""
    return largest_motion(accepted) > (_LARGE if groups_in_doubt(accepted) else _EXTREME)


def largest_motion(accepted: AcceptedFit) -> float:
    """The largest number that describes a detector's motion, in widths that are usual."""
    if accepted.associated is None:
        return 0.0
    options = accepted.problem.options
    usual = np.array(
        [
            options.motion_shift_sigma,
            options.motion_shift_sigma,
            options.motion_roll_sigma / ARCSEC,
            *[options.motion_scale_sigma] * 3,
        ]
    )
    motions = accepted.associated.fit.motions.phi
    levels = zip(accepted.problem.model.levels, motions, strict=True)
    sizes = [
        float((np.abs(phi) / usual[: phi.shape[1]]).max(initial=0.0))
        for level, phi in levels
        if level.name.startswith(DETECTOR)
    ]
    return max(sizes, default=0.0)


def groups_in_doubt(accepted: AcceptedFit) -> set[int]:
    """The groups of images that are off."""
    images, detections = accepted.images, accepted.problem.detections
    if images is None:
        return set()
    off = np.flatnonzero(images.off | images.absolutely_off)
    return set(np.unique(detections.group[np.isin(detections.image, off)]).tolist())


def no_failures(status: tuple[Code, ...], anchored: BoolArray) -> Failures:
    """What is known of the groups (G,) before the first fit: the status of the search alone."""
    count = len(status)
    none = np.zeros(count, np.int64)
    return Failures(status, none, none, none, anchored, np.zeros((count, 3)), none, none)


def _with_rejections(
    failures: Failures,
    associated: AssociatedFit | None,
    bad: dict[int, Code],
    weakly_anchored: BoolArray,
) -> Failures:
    """The failures with those of one more fit added.

    `bad` are the rejected groups, `weakly_anchored` (G,) those to untie from the reference.
    """
    count = len(weakly_anchored)
    out = np.zeros(count, bool)
    out[list(bad)] = True
    status = tuple(bad.get(group, item) for group, item in enumerate(failures.status))
    if associated is None:
        return replace(failures, status=status)
    matches, absolute = match_counts(associated, count)
    known = failures.reference_matches
    own = np.where(out, np.maximum(absolute, known), known)
    theta = associated.fit.motions.theta
    size = np.zeros((count, 3))
    size[:, 0] = np.hypot(theta[:, 0], theta[:, 1])
    size[:, 1 : theta.shape[1] - 1] = theta[:, 2:4]
    size[:, 1] = np.rad2deg(size[:, 1])
    return replace(
        failures,
        status=status,
        matches=np.where(out, matches, failures.matches),
        reference_matches=np.where(weakly_anchored, star_counts(associated, count), own),
        size=np.where(out[:, None], size, failures.size),
        most=np.maximum(matches, failures.most),
    )


def _without(problem: Problem, bad: list[int], weakly_anchored: BoolArray) -> Problem:
    """The problem without the groups `bad`, and with others untied from the reference."""
    component = problem.component.copy()
    component[weakly_anchored] += 1 + component.max()
    component[bad] = -1
    anchored = problem.anchored & ~weakly_anchored & (component >= 0)
    return replace(problem, component=component, anchored=anchored)


def with_findings(solution: Solution, ordered: Canonical, accepted: AcceptedFit) -> Solution:
    """The solution with its findings, groups in the numbering of the input."""
    problem, failures = accepted.problem, accepted.failures
    diagnoses = diagnose(
        failures, ordered.detections, problem.model.frames, ordered.reference, problem.options
    )
    images = solution.images.take(np.argsort(ordered.image))
    numbers = None
    if accepted.associated is not None:
        of_fit = problem, accepted.associated
        numbers = accepted.numbers or chances(*of_fit), positions_without(*of_fit)
        images = claimed(*of_fit, images, *numbers)
    outcome = failures.status, diagnoses
    of_images = images, accepted.images
    relative, absolute = findings(
        problem, accepted.associated, outcome, of_images, numbers, accepted.ambiguity
    )
    return replace(
        solution,
        images=images.take(ordered.image),
        relative=tuple(relative[number] for number in ordered.group),
        absolute=() if ordered.reference is None else tuple(absolute[g] for g in ordered.group),
    )
