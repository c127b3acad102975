"""Sky or detector: which of two populations of detections the alignment follows.

Where many detections are at the same pixels of exposures between which the telescope moved, by the
WCS, they are either artefacts of the detector, or stars that a wrong WCS displaces. Both are tried
as wholes, over all exposures, never pair by pair: without the artefacts first and, if that aligns
nothing, with all of them, which is a doubt then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import repeated_pixels
from tweakreg_step.core.outcome import Code, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.evidence import Finding
    from tweakreg_step.core.solution import Solution

    Solve = Callable[[BoolArray], Solution]


__all__ = ["solution_of_the_sky"]

_RIVAL = 0.3
"""Matches of another choice, in those of the best, from which on it may be the right one."""

_APART = 0.03
"""Largest difference of two motions that are the same [arcsec]."""


def solution_of_the_sky(detections: Detections, group_count: int, solve: Solve) -> Solution:
    """The solution without artefacts that stay on the detector.

    Parameters
    ----------
    detections
        Detections through the input WCS.
    group_count
        Number of groups G.
    solve
        The solution of the detections of a mask (N,).
    """
    order, ordered = _order(detections, group_count)
    later, earlier = repeated_pixels(detections, order)
    if not later.any():
        return solve(np.ones(len(detections), bool))
    count = np.bincount(detections.group[later | earlier], minlength=group_count)
    involved = np.flatnonzero(count)
    # of exposures whose times are not known, the second may as well be the first
    choices = [later] if ordered else [later, earlier]
    tried = [solve(~left_out) for left_out in choices]
    matches = [_matches(solution, involved) for solution in tried]
    best = int(np.argmax(matches))
    if matches[best] == 0:
        pinned = np.bincount(detections.group[later], minlength=group_count)
        everything = solve(np.ones(len(detections), bool))
        found = everything.absolute
        loose = [g for g in involved if not (found and found[g].code is Code.ALIGNED)]
        return _doubted(everything, np.array(loose), Code.SAME_PIXELS, pinned_matches=pinned)
    solution = replace(tried[best], artefacts=np.flatnonzero(choices[best]))
    for other, number in zip(tried, matches, strict=True):
        gap = _difference(solution, other, involved)
        if number >= _RIVAL * matches[best] and gap > _APART:
            numbers = np.full(group_count, number)
            offsets = np.full(group_count, 1e3 * gap)
            solution = _doubted(
                solution,
                involved,
                Code.SECOND_PEAK,
                second_matches=numbers,
                second_offset_mas=offsets,
            )
    return solution


def _order(detections: Detections, group_count: int) -> tuple[FloatArray, bool]:
    """Times (G,) of the groups, or else their numbers, and whether they are times."""
    time = np.full(group_count, np.nan)
    time[detections.group] = detections.epoch
    there = np.bincount(detections.group, minlength=group_count) > 0
    known = bool(np.isfinite(time[there]).all()) and len(np.unique(time[there])) == there.sum()
    return (time, True) if known else (np.arange(group_count, dtype=float), False)


def _matches(solution: Solution, involved: IntArray) -> int:
    """Matches of the groups with artefacts, 0 if not two of them are aligned."""
    aligned = [g for g in involved.tolist() if solution.groups.status[g] is Code.ALIGNED]
    return int(solution.groups.matches[aligned].sum()) if len(aligned) > 1 else 0


def _difference(one: Solution, other: Solution, involved: IntArray) -> float:
    """Largest difference [arcsec] of two solutions in the relative shifts of some groups."""
    both = [
        g
        for g in involved.tolist()
        if one.groups.status[g] is Code.ALIGNED and other.groups.status[g] is Code.ALIGNED
    ]
    if len(both) < 2:
        return 0.0
    step = one.groups.shift[both] - other.groups.shift[both]
    return float(np.hypot(*(step - np.median(step, axis=0)).T).max())


def _doubted(
    solution: Solution, involved: IntArray, code: Code, **numbers: IntArray | FloatArray
) -> Solution:
    """The solution with a doubt about the groups `involved`, and numbers (G,) of evidence."""

    def doubted(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        out = list(findings)
        for group in involved.tolist() if out else []:
            finding = out[group]
            if finding.standing is Standing.LEFT or finding.evidence is None:
                continue
            own = {name: values[group].item() for name, values in numbers.items()}
            better = finding.standing is Standing.ALIGNED
            out[group] = replace(
                finding,
                code=code if better else finding.code,
                evidence=replace(finding.evidence, **own) if better else finding.evidence,
            )
        return tuple(out)

    return replace(
        solution, relative=doubted(solution.relative), absolute=doubted(solution.absolute)
    )
