"""Reference stars that a group sees, and that its fit did not take.

A group whose place its neighbours decide may lie far from its own reference stars, which then look
like outliers. Where most of them do, the group is doubtful whatever else it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver import (
    MATCHED_WEIGHT,
    moved_directions,
    unassociated_links,
)
from tweakreg_step.core.sphere import chord, directions

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Reference

__all__ = ["rejected_stars"]

_REACH = 0.1
"""Distance of a star from the detection that would be its own [arcsec]: motions of ten years, and
less than what the search of offsets has seen."""

_FEWEST = 3
"""Rejected stars below which a group is not doubted: few stars may be variable, double, saturated.
"""


def rejected_stars(problem: Problem, associated: AssociatedFit) -> IntArray:
    """Number (G,) of the reference stars that a group sees but does not match, if most; else 0.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    """
    detections, reference, count = problem.detections, problem.reference, len(problem.component)
    found = np.zeros(count, np.int64)
    if reference is None:
        return found
    taken = _taken(associated, count, len(reference))
    links = unassociated_links(detections)
    moved = moved_directions(links, problem.model, associated.fit.motions)
    active = problem.anchored & (problem.component >= 0)
    for own in members(np.where(active[detections.group], detections.group, -1)):
        group = int(detections.group[own[0]])
        near, chance = _near(moved[own], _places(reference, group))
        used, missed = int((near & taken[group]).sum()), int((near & ~taken[group]).sum())
        by_chance = chance * max(len(near) - int(taken[group].sum()), 0)
        rejected = missed - by_chance - 3.0 * np.sqrt(by_chance)
        if missed >= _FEWEST and rejected > used:
            found[group] = missed
    return found


def _taken(associated: AssociatedFit, count: int, stars: int) -> BoolArray:
    """(G, M) whether a group's detection of a star has its weight in the fit."""
    links, heavy = associated.links, associated.fit.weight > MATCHED_WEIGHT
    star = associated.star[links.source]
    kept = np.zeros(links.source_count, bool)
    kept[links.source[heavy & (links.group < 0)]] = True
    own = heavy & (links.group >= 0) & (star >= 0) & kept[links.source]
    taken = np.zeros((count, stars), bool)
    taken[links.group[own], star[own]] = True
    return taken


def _places(reference: Reference, group: int) -> FloatArray:
    """Directions (M, 3) of the stars at the epoch of a group."""
    if reference.epoch_ra is None or reference.epoch_dec is None:
        return directions(reference.ra, reference.dec)
    return directions(reference.epoch_ra[group], reference.epoch_dec[group])


def _near(vectors: FloatArray, stars: FloatArray) -> tuple[BoolArray, float]:
    """Whether each star (M,) has a detection within reach, and the probability that it is chance.

    The density of detections is that around the stars, up to ten times as far.
    """
    tree = cKDTree(vectors)
    near = tree.query_ball_point(stars, float(chord(_REACH)), return_length=True)
    wide = tree.query_ball_point(stars, float(chord(10.0 * _REACH)), return_length=True)
    inside = wide > 0
    ring = float(np.mean((wide - near)[inside])) / 99.0 if inside.any() else 0.0
    return np.asarray(near > 0), 1.0 - float(np.exp(-ring))
