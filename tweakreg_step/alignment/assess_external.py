"""Verdicts on an alignment by another method: the same evidence, looked for where it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import Model, Motions, Problem
from tweakreg_step.core.correction import parameter_count, prior_precision
from tweakreg_step.core.outcome import GroupStatus
from tweakreg_step.core.solution import MotionChoice

from .assemble_solution import solution_of
from .canonical_order import canonical
from .rejection import group_frames, judged, no_failures, solve_with_rejection

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution


__all__ = ["assess"]

_RADIUS = 0.15
"""Where matches are looked for [arcsec]: twice what one-after-another alignments accumulate."""

_NO_CHOICE = MotionChoice("none", {}, {}, "The alignment was made by another method.")


def assess(
    detections: Detections, moved: BoolArray, reference: Reference | None, options: Options
) -> Solution:
    """The solution that is left to be found after another alignment, with its verdicts.

    Parameters
    ----------
    detections
        Through the WCS after the alignment.
    moved
        (G,) which groups it claims to have aligned.
    reference, options
        What they were aligned to, and how.
    """
    count = len(moved)
    given = canonical(detections, count, reference)
    claimed = moved[np.argsort(given.group)]
    width = parameter_count(options.fitgeometry)
    sigmas = options.shift_sigma, options.roll_sigma, options.scale_sigma
    prior = np.broadcast_to(prior_precision(options.fitgeometry, sigmas), (count, width)).copy()
    problem = Problem(
        given.detections,
        given.reference,
        options,
        Model(group_frames(given.detections, count), options.fitgeometry, prior),
        np.where(claimed, 0, -1),
        claimed & (reference is not None),
    )
    sources = np.bincount(given.detections.group, minlength=count)
    enough = sources >= max(options.minobj, 1)
    status = tuple(
        GroupStatus.ALIGNED if c else GroupStatus.NO_MATCH if e else GroupStatus.TOO_FEW_SOURCES
        for c, e in zip(claimed, enough, strict=True)
    )
    start = Motions(np.zeros((count, width)))
    settled = solve_with_rejection(
        problem, start, (_RADIUS, 0.0), no_failures(status, problem.anchored)
    )
    settled = replace(settled, failures=replace(settled.failures, sources=sources))
    found = settled.problem, settled.linked, settled.failures.status
    return judged(solution_of(given, *found, _NO_CHOICE), given, settled)
