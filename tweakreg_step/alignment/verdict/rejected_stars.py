"""Reference stars that a group sees, and that its fit did not take.

A group whose place its neighbours decide may lie far from its own reference stars, which then look
like outliers. Where most of them do, the group is doubtful whatever else it has.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    taken = _taken(associated, count)
    links = unassociated_links(detections)
    moved = moved_directions(links, problem.model, associated.fit.motions)
    active = problem.anchored & (problem.component >= 0)
    stars = _Stars.of(reference)
    for own in members(np.where(active[detections.group], detections.group, -1)):
        group = int(detections.group[own[0]])
        star, places = stars.seen(group, moved[own])
        near, chance = _near(moved[own], places)
        free = ~np.isin(star, taken[group])
        used, missed = int((near & ~free).sum()), int((near & free).sum())
        by_chance = float(chance[free].sum())
        rejected = missed - by_chance - 3.0 * np.sqrt(by_chance)
        if missed >= _FEWEST and rejected > used:
            found[group] = missed
    return found


def _taken(associated: AssociatedFit, count: int) -> list[IntArray]:
    """The stars (K,) of each group whose detections have their weight in the fit."""
    links, heavy = associated.links, associated.fit.weight > MATCHED_WEIGHT
    star = associated.star[links.source]
    kept = np.zeros(links.source_count, bool)
    kept[links.source[heavy & (links.group < 0)]] = True
    own = np.flatnonzero(heavy & (links.group >= 0) & (star >= 0) & kept[links.source])
    own = own[np.argsort(links.group[own], kind="stable")]
    ends = np.searchsorted(links.group[own], np.arange(1, count))
    return np.split(star[own], ends)


@dataclass(frozen=True, slots=True)
class _Stars:
    """The reference stars, and where they are in the sky of each group.

    Attributes
    ----------
    reference
        M stars.
    places, tree
        (M, 3) directions at the catalog's epoch, and their tree: those of all groups, unless the
        stars move.
    """

    reference: Reference
    places: FloatArray
    tree: cKDTree

    @classmethod
    def of(cls, reference: Reference) -> _Stars:
        places = directions(reference.ra, reference.dec)
        return cls(reference, places, cKDTree(places))

    def seen(self, group: int, vectors: FloatArray) -> tuple[IntArray, FloatArray]:
        """The stars (K,) in the circle of a group's detections (N, 3), and directions (K, 3)."""
        middle = vectors.sum(axis=0)
        middle /= np.linalg.norm(middle)
        reach = np.linalg.norm(vectors - middle, axis=1).max() + float(chord(10.0 * _REACH))
        if self.reference.at_epochs is None:
            star = np.array(self.tree.query_ball_point(middle, reach, return_sorted=True), np.int64)
            return star, self.places[star]
        places = directions(*self.reference.seen_by(group))
        star = np.flatnonzero(np.linalg.norm(places - middle, axis=1) <= reach)
        return star, places[star]


def _near(vectors: FloatArray, stars: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Whether each star (K,) has a detection within reach, and the probability of a chance one.

    The density of detections is that around each star, up to ten times as far.
    """
    tree = cKDTree(vectors)
    near = tree.query_ball_point(stars, float(chord(_REACH)), return_length=True)
    wide = tree.query_ball_point(stars, float(chord(10.0 * _REACH)), return_length=True)
    return np.asarray(near > 0), np.asarray(1.0 - np.exp((near - wide) / 99.0))
