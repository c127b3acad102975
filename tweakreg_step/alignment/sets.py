"""Sets of groups that are aligned in themselves and not to each other, though they overlap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.matching import Bodies, beyond, compare_bodies, wide_ranges
from tweakreg_step.core.evidence import SetGap
from tweakreg_step.core.outcome import Code
from tweakreg_step.core.sphere import frames_at

from .residuals import corrected_directions

if TYPE_CHECKING:
    from tweakreg_step.alignment.matching import BodyPair
    from tweakreg_step.core.arrays import IntArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.evidence import Finding
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution


__all__ = ["with_sets"]

_ERRORS = 6.0
"""Radius, in errors of a difference per axis, within which detections of a set are of one source.
"""

_LEAST = 0.03
"""The same where errors are smaller than detectors are off [arcsec]."""

_SOME = 0.5
"""Common sources that are expected of two sets that do overlap: one in either, perhaps real."""


def with_sets(solution: Solution, detections: Detections, options: Options) -> Solution:
    """The solution with findings on groups whose set is not tied to another that it overlaps.

    Parameters
    ----------
    solution
        Of all groups.
    detections
        Detections through the input WCS.
    options
        Options of the alignment.
    """
    label = _sets(solution)
    if label.max(initial=-1) < 1:
        return solution
    used = np.flatnonzero(label[detections.group] >= 0)
    used = used[np.isfinite(detections.ra[used]) & np.isfinite(detections.dec[used])]
    some = detections.take(used)
    variance = mean_variance(some.covariance)
    bodies = Bodies(
        vectors=corrected_directions(some, solution),
        variance=variance,
        group=some.group,
        image=some.image,
        flux=some.flux,
        frames=frames_at(solution.groups.ra, solution.groups.dec),
        body=label,
        radius=max(_ERRORS * float(np.sqrt(2.0 * np.median(variance))), _LEAST),
    )
    pairs = compare_bodies(bodies, wide_ranges(options), options.searchrad)
    relative = list(solution.relative)
    for group in np.flatnonzero((label >= 0) & ~solution.groups.anchored).tolist():
        own = [pair for pair in pairs if label[group] in {pair.one, pair.other}]
        gap = _gravest([_gap(pair, group, bodies, options) for pair in own])
        if gap is not None:
            relative[group] = _with_gap(relative[group], gap, options)
    return replace(solution, relative=tuple(relative))


def _sets(solution: Solution) -> IntArray:
    """Number (G,) of the set of each group, -1 if it is not aligned.

    All that are tied to the reference are one set.
    """
    component = solution.groups.component
    top = int(component.max(initial=-1)) + 1
    label = np.where(solution.groups.anchored, top, component)
    there = label >= 0
    label[there] = np.unique(label[there], return_inverse=True)[1]
    return label


def _gap(pair: BodyPair, group: int, bodies: Bodies, options: Options) -> SetGap:
    """What a group is told of a pair of sets, of which it is in one."""
    own = bodies.body[group]
    other = np.flatnonzero(bodies.body == (pair.other if own == pair.one else pair.one))
    nearest = np.argmax(bodies.frames[other, 2] @ bodies.frames[group, 2])
    return SetGap(
        group=int(other[nearest]),
        groups=len(other),
        expected=pair.expected,
        matches=pair.matches,
        offset=pair.offset,
        radius=options.searchrad,
        reach=beyond(options.searchrad),
    )


def _gravest(gaps: list[SetGap]) -> SetGap | None:
    """The gap with most matches or, where nothing matches, with most to be expected."""
    told = [gap for gap in gaps if gap.matches or gap.expected >= _SOME]
    return max(told, key=lambda gap: (gap.matches, gap.expected), default=None)


def _with_gap(finding: Finding, gap: SetGap, options: Options) -> Finding:
    """The finding on a group of a set that is not tied to another one."""
    if not finding.applied:
        return finding
    if gap.matches or gap.expected >= options.minobj:
        return replace(finding, code=Code.NOT_TIED_TOGETHER, gap=gap)
    # a doubt about the group itself is graver
    code = Code.TOO_LITTLE_OVERLAP if finding.code is Code.ALIGNED else finding.code
    return replace(finding, code=code, gap=gap)
