"""Verdicts on an alignment by another method, from the same evidence as those on our own.

Matches are searched at the positions that the other alignment gives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import Model, Motions, Problem
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.evidence import FEWEST
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.solution import MotionChoice, MotionGrounds

from .assemble_solution import solution_of
from .canonical_order import canonical
from .group_rejection import (
    group_frames,
    no_failures,
    solve_with_rejection,
    with_findings,
    with_images,
)
from .sets import with_sets

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution


__all__ = ["assess"]

_RADIUS = 0.15
"""Match radius [arcsec]: twice the error that aligning one group after another accumulates."""

_NO_CHOICE = MotionChoice(MotionGrounds.ANOTHER_METHOD)


def assess(
    detections: Detections, moved: BoolArray, reference: Reference | None, options: Options
) -> Solution:
    """The remaining correction after an alignment by another method, with the verdicts on it.

    Parameters
    ----------
    detections
        Detections through the WCS after that alignment.
    moved
        (G,) mask of the groups that it reports as aligned.
    reference, options
        The reference catalog, or None, and the options of the alignment.
    """
    count = len(moved)
    ordered = canonical(detections, count, reference)
    claimed = moved[np.argsort(ordered.group)]
    width = parameter_count(options.fitgeometry)
    sigmas = options.shift_sigma, options.roll_sigma, options.scale_sigma
    prior = np.broadcast_to(prior_precision(options.fitgeometry, sigmas), (count, width)).copy()
    problem = Problem(
        ordered.detections,
        ordered.reference,
        options,
        Model(group_frames(ordered.detections, count), options.fitgeometry, prior),
        np.where(claimed, 0, -1),
        claimed & (reference is not None),
    )
    sources = np.bincount(ordered.detections.group, minlength=count)
    enough = sources >= max(options.minobj, FEWEST)
    status = tuple(
        Code.ALIGNED if c else Code.NO_MATCH if e else Code.TOO_FEW_SOURCES
        for c, e in zip(claimed, enough, strict=True)
    )
    start = Motions(np.zeros((count, width)))
    accepted = solve_with_rejection(
        problem, start, (_RADIUS, 0.0), no_failures(status, problem.anchored)
    )
    accepted = replace(accepted, failures=replace(accepted.failures, sources=sources))
    accepted = with_images(accepted)
    found = accepted.problem, accepted.associated, accepted.failures.status
    solution = with_findings(solution_of(ordered, *found, _NO_CHOICE), ordered, accepted)
    return with_sets(solution, detections, options)
