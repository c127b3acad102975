"""How many of a group's matches there are, and how many chance alone would give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance, order_of_labels, source_sums
from tweakreg_step.alignment.matching import log_chance
from tweakreg_step.alignment.solver import MATCHED_WEIGHT, common_directions
from tweakreg_step.core.sphere import chord, chord_angle, directions, to_plane

from .phases import phase_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["Chance", "Chances", "chance", "chances", "places_in_groups"]

_SAMPLE = 32
"""Detections of a group around which the density of possible partners is counted."""

_NEAR = 16
"""Number of possible partners that the ring for counting reaches to, away from the field's edges.
"""

_LEAST_RADIUS = 2.5
"""Match radius in errors of a difference below which normal errors have a spread above 0.75."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Matches against chance, for G groups in one phase.

    Attributes
    ----------
    matches
        (G,) number of matched detections.
    expected
        (G,) number expected by chance.
    log10
        (G,) logarithm of the probability of as many by chance at any of the offsets and rolls
        that were tried.
    spread
        (G,) rms difference over that of partners spread evenly over the match radius; NaN where
        there are none.
    """

    matches: IntArray
    expected: FloatArray
    log10: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True)
class Chances:
    """Matches against chance in both phases.

    Attributes
    ----------
    relative, absolute
        Matches against chance; None where no group is tied to stars.
    moved
        (N, 3) directions of all detections that they were counted at, see `common_directions`.
    """

    relative: Chance
    absolute: Chance | None
    moved: FloatArray


def chance(
    problem: Problem, associated: AssociatedFit, moved: FloatArray, *, absolute: bool
) -> Chance:
    """The matches of each group and those expected by chance, relative or absolute.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    moved
        (N, 3) corrected directions of all detections, see `common_directions`.
    absolute
        Whether the matches are those with the reference.
    """
    links, count = associated.links, len(problem.component)
    phase = phase_of(associated, absolute=absolute)
    heavy = phase.paired & (associated.fit.weight > MATCHED_WEIGHT)
    matches = np.bincount(links.group[heavy], minlength=count).astype(np.int64)
    radius = associated.star_radius if absolute else associated.radius
    lever = _levers(problem)
    expected = _expected(problem, associated, (moved, lever), radius, absolute=absolute)
    trials = _trials(problem, radius, lever, absolute=absolute)
    log10 = (log_chance(matches.astype(float), np.maximum(expected, 1e-6)) + trials) / np.log(10.0)
    # outliers included: a fit that selects the best of chance pairs would make the rest look good
    label = links.group[phase.paired]
    square = np.bincount(label, np.sum(phase.difference[phase.paired] ** 2, axis=1), count)
    size = np.bincount(label, minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        # positions spread evenly over a disc of radius R have the mean square R^2 / 2
        spread = np.sqrt(square / size) / (radius / np.sqrt(2.0))
    if _narrow(associated, radius, absolute=absolute):
        spread = np.full(count, np.nan)
    return Chance(matches, expected, np.minimum(log10, 0.0), spread)


def chances(problem: Problem, associated: AssociatedFit) -> Chances:
    """The matches of each group and those expected by chance, in both phases."""
    tied, moved = bool(problem.anchored.any()), common_directions(problem, associated)
    return Chances(
        chance(problem, associated, moved, absolute=False),
        chance(problem, associated, moved, absolute=True) if tied else None,
        moved,
    )


def _narrow(associated: AssociatedFit, radius: float, *, absolute: bool) -> bool:
    """Whether a low 'tolerance' makes the match radius smaller than the errors of the catalogs.

    True matches within it are then spread as evenly as chance matches.
    """
    variance = mean_variance(associated.links.covariance)
    star = associated.links.group < 0
    own = float(np.median(variance[~star]))
    other = float(np.median(variance[star])) if absolute and star.any() else own
    return radius < _LEAST_RADIUS * float(np.sqrt(own + other))


def _trials(problem: Problem, radius: float, lever: FloatArray, *, absolute: bool) -> FloatArray:
    """Logarithm (G,) of the number of different offsets and rolls that were tried."""
    options, frames = problem.options, problem.model.frames
    reach = options.abs_searchrad if absolute else options.searchrad
    offsets = max((reach / radius) ** 2, 1.0)
    swing = np.deg2rad(3.0 * options.roll_sigma / 3600.0)
    rolls = 1.0 + 2.0 * swing * lever / radius
    return np.asarray(np.log(offsets * rolls)) if len(frames) else np.zeros(0)


def _levers(problem: Problem) -> FloatArray:
    """Distance (G,) of the groups' farthest detections from their centres [arcsec]."""
    local = places_in_groups(problem)
    lever = np.zeros(len(problem.model.frames))
    np.maximum.at(lever, problem.detections.group, np.linalg.norm(local, axis=1))
    return lever


def places_in_groups(problem: Problem) -> FloatArray:
    """Positions (N, 2) of the detections in their groups' planes [arcsec]."""
    detections = problem.detections
    vectors = directions(detections.ra, detections.dec)
    return to_plane(vectors, problem.model.frames[detections.group])


def _expected(
    problem: Problem,
    associated: AssociatedFit,
    places: tuple[FloatArray, FloatArray],
    radius: float,
    *,
    absolute: bool,
) -> FloatArray:
    """Expected chance matches (G,), from the density of possible partners around detections.

    `places` are the directions (N, 3) of the detections, and how far they are from the centres of
    their groups (G,) [arcsec].
    """
    detections, count = problem.detections, len(problem.component)
    moved, lever = places
    size = np.bincount(detections.group, minlength=count)
    order = order_of_labels(detections.group)
    start = np.cumsum(size) - size
    spread = 0.25 * lever
    out = np.zeros(count)
    partners = _partners(problem, associated, moved, absolute=absolute)
    if len(partners.places) == 0:
        return out
    tree = cKDTree(partners.places)
    lone = order_of_labels(partners.only + 1)
    edges = np.cumsum(np.bincount(partners.only + 1, minlength=count + 1))
    for group in np.flatnonzero((problem.component >= 0) & (size > 0)).tolist():
        own = order[start[group] : start[group] + size[group]]
        sample = moved[own[:: max(1, len(own) // _SAMPLE)]]
        inner = 2.0 * radius
        # wide enough for some counts, narrow enough not to reach beyond the edges of the field
        near = tree.query(sample, k=[_NEAR])[0]
        outer = max(3.0 * inner, min(chord_angle(float(np.median(near))), float(spread[group])))
        ring = _ring(tree, sample, inner, outer)
        alone = partners.places[lone[edges[group] : edges[group + 1]]]
        if len(alone):
            ring = ring - _ring(cKDTree(alone), sample, inner, outer)
        density = np.maximum(ring, 0.0) / (np.pi * (outer**2 - inner**2))
        out[group] = len(own) * float(np.mean(1.0 - np.exp(-density * np.pi * radius**2)))
    return out


@dataclass(frozen=True, slots=True)
class _Partners:
    """Directions (K, 3) of possible partners, and the only group (K,) of each, -1 if several."""

    places: FloatArray
    only: IntArray


def _partners(
    problem: Problem, associated: AssociatedFit, moved: FloatArray, *, absolute: bool
) -> _Partners:
    if absolute:
        stars = problem.reference
        places = np.zeros((0, 3)) if stars is None else directions(stars.ra, stars.dec)
        return _Partners(places, np.full(len(places), -1))
    own = associated.links.group >= 0
    index, source = associated.index[own], associated.links.source[own]
    free = np.ones(len(moved), bool)
    free[index] = False
    free &= problem.component[problem.detections.group] >= 0
    size = np.maximum(np.bincount(source, minlength=associated.links.source_count), 1)
    sums = source_sums(moved[index], source, associated.links.source_count) / size[:, None]
    only = np.full(len(sums), -1)
    return _Partners(
        np.concatenate([sums, moved[free]]),
        np.concatenate([only, problem.detections.group[free]]),
    )


def _ring(tree: cKDTree, points: FloatArray, inner: float, outer: float) -> FloatArray:
    """Number of the tree's points between two distances [arcsec] from each of `points` (K, 3)."""
    far, near = (
        tree.query_ball_point(points, float(chord(radius)), return_length=True)
        for radius in (outer, inner)
    )
    return np.asarray(far - near, float)
