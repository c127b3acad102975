"""Evidence for and against each group's correction: chance matches, reserved sources, errors.

The relative phase compares a group with the other groups that detect its sources, the absolute one
with the reference stars. Differences are from the mean of the other groups, or from the star, not
from the source's fitted position, of which the group is a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import inverse_2x2, source_sums
from tweakreg_step.alignment.matching import log_chance, sharing
from tweakreg_step.alignment.solver import (
    MATCHED_WEIGHT,
    common_directions,
    solve_step,
)
from tweakreg_step.core.correction import prior_precision
from tweakreg_step.core.evidence import Evidence
from tweakreg_step.core.image_errors import displacement_terms
from tweakreg_step.core.sphere import chord, chord_angle, directions, frames_at, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Links, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.image_errors import ImageErrors
    from tweakreg_step.core.options import Options


__all__ = ["Chance", "Phase", "chance", "clusters", "evidence", "phase_at", "phase_of"]

_SAMPLE = 32
"""Detections of a group around which the density of possible partners is counted."""

_NEAR = 16
"""Number of possible partners that the ring for counting reaches to, away from the field's edges.
"""

_LEAST_RADIUS = 2.5
"""Match radius in errors of a difference below which normal errors have a spread above 0.75."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Differences of L associated detections from their partners' positions.

    Attributes
    ----------
    difference
        (L, 2) [arcsec] in the plane tangent at the source; 0 where not `paired`.
    paired
        (L,) whether there is a partner: another group that detects the source, or a star.
    """

    difference: FloatArray
    paired: BoolArray


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


def relative_phase(links: Links, position: FloatArray, weight: FloatArray) -> Phase:
    """Differences of positions (L, 2) from the weighted mean of the other groups' detections."""
    taken = np.where(links.group >= 0, weight, 0.0)
    total = source_sums(taken, links.source, links.source_count)
    moment = source_sums(taken[:, None] * position, links.source, links.source_count)
    size = int(links.group.max(initial=-1)) + 2
    _, own = np.unique(links.source * size + links.group + 1, return_inverse=True)
    count = int(own.max(initial=-1)) + 1
    own_total = np.bincount(own, taken, minlength=count)[own]
    own_moment = np.stack(
        [np.bincount(own, taken * axis, minlength=count)[own] for axis in position.T], axis=1
    )
    rest = total[links.source] - own_total
    paired = (links.group >= 0) & (rest > 1e-3 * np.maximum(total[links.source], 1e-300))
    mean = (moment[links.source] - own_moment) / np.where(paired, rest, 1.0)[:, None]
    return Phase(np.where(paired[:, None], position - mean, 0.0), paired)


def absolute_phase(links: Links, position: FloatArray) -> Phase:
    """Differences of positions (L, 2) from those of the reference stars."""
    star = np.zeros((links.source_count, 2))
    tied = np.zeros(links.source_count, bool)
    fixed = links.group < 0
    star[links.source[fixed]], tied[links.source[fixed]] = position[fixed], True
    paired = tied[links.source] & ~fixed
    return Phase(np.where(paired[:, None], position - star[links.source], 0.0), paired)


def phase_at(
    associated: AssociatedFit, position: FloatArray, weight: FloatArray, *, absolute: bool
) -> Phase:
    """Differences of positions (L, 2) from those of the stars, or from the other groups'."""
    if absolute:
        return absolute_phase(associated.links, position)
    return relative_phase(associated.links, position, weight)


def phase_of(associated: AssociatedFit, *, absolute: bool) -> Phase:
    """Differences of the fit's residuals from those of other groups, or of the stars."""
    return phase_at(associated, associated.fit.residual, _precision(associated), absolute=absolute)


def _precision(associated: AssociatedFit) -> FloatArray:
    """Scalar weights (L,) [arcsec^-2]: inverse mean variance per axis, times the robust weight."""
    trace = 0.5 * np.trace(associated.fit.covariance, axis1=1, axis2=2)
    return np.asarray(associated.fit.weight / trace)


def clusters(associated: AssociatedFit, count: int) -> IntArray:
    """Labels (G,) of groups connected by shared sources, without those with the reference."""
    links = associated.links
    heavy = (associated.fit.weight > MATCHED_WEIGHT) & (links.group >= 0)
    return sharing(links.source[heavy], links.group[heavy], count)


def chance(problem: Problem, associated: AssociatedFit, *, absolute: bool) -> Chance:
    """The matches of each group and those expected by chance, relative or absolute."""
    links, count = associated.links, len(problem.component)
    phase = phase_at(associated, associated.fit.residual, _precision(associated), absolute=absolute)
    heavy = phase.paired & (associated.fit.weight > MATCHED_WEIGHT)
    matches = np.bincount(links.group[heavy], minlength=count).astype(np.int64)
    radius = associated.star_radius if absolute else associated.radius
    expected = _expected(problem, associated, radius, absolute=absolute)
    trials = _trials(problem, radius, absolute=absolute)
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


def _narrow(associated: AssociatedFit, radius: float, *, absolute: bool) -> bool:
    """Whether a low 'tolerance' makes the match radius smaller than the errors of the catalogs.

    True matches within it are then spread as evenly as chance matches.
    """
    variance = 0.5 * np.trace(associated.links.covariance, axis1=1, axis2=2)
    star = associated.links.group < 0
    own = float(np.median(variance[~star]))
    other = float(np.median(variance[star])) if absolute and star.any() else own
    return radius < _LEAST_RADIUS * float(np.sqrt(own + other))


def _trials(problem: Problem, radius: float, *, absolute: bool) -> FloatArray:
    """Logarithm (G,) of the number of different offsets and rolls that were tried."""
    options, frames = problem.options, problem.model.frames
    reach = options.abs_searchrad if absolute else options.searchrad
    offsets = max((reach / radius) ** 2, 1.0)
    lever = _levers(problem)
    swing = np.deg2rad(3.0 * options.roll_sigma / 3600.0)
    rolls = 1.0 + 2.0 * swing * lever / radius
    return np.asarray(np.log(offsets * rolls)) if len(frames) else np.zeros(0)


def _levers(problem: Problem) -> FloatArray:
    """Distance (G,) of the groups' farthest detections from their centres [arcsec]."""
    local = _local(problem)
    lever = np.zeros(len(problem.model.frames))
    np.maximum.at(lever, problem.detections.group, np.linalg.norm(local, axis=1))
    return lever


def _local(problem: Problem) -> FloatArray:
    """Positions (N, 2) of the detections in their groups' planes [arcsec]."""
    detections = problem.detections
    vectors = directions(detections.ra, detections.dec)
    return to_plane(vectors, problem.model.frames[detections.group])


def _expected(
    problem: Problem, associated: AssociatedFit, radius: float, *, absolute: bool
) -> FloatArray:
    """Expected chance matches (G,), from the density of possible partners around detections."""
    detections, count = problem.detections, len(problem.component)
    moved = common_directions(problem, associated)
    size = np.bincount(detections.group, minlength=count)
    order = np.argsort(detections.group, kind="stable")
    start = np.cumsum(size) - size
    spread = 0.25 * _levers(problem)
    out = np.zeros(count)
    partners = _partners(problem, associated, moved, absolute=absolute)
    if len(partners.places) == 0:
        return out
    tree = cKDTree(partners.places)
    lone = np.argsort(partners.only, kind="stable")
    edges = np.searchsorted(partners.only[lone], np.arange(count + 1))
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


def evidence(
    problem: Problem, associated: AssociatedFit, images: ImageErrors, *, absolute: bool
) -> list[Evidence]:
    """The evidence (G,) for and against the groups' corrections in one phase.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    images
        Errors (I,) of the images.
    absolute
        Whether the phase is the absolute one.
    """
    numbers = chance(problem, associated, absolute=absolute)
    reserve = _reserve(problem, associated, absolute=absolute)
    cover = _coverage(problem, associated, absolute=absolute)
    centre, corner = _sigmas(problem, associated, images, absolute=absolute)
    pull = _pulls(problem.options, problem, associated.fit.motions.theta)
    lists = [c.tolist() for c in (*reserve, cover, centre, corner, pull)]
    return [
        Evidence(int(matches), *row)
        for matches, *row in zip(
            numbers.matches.tolist(),
            numbers.expected.tolist(),
            numbers.log10.tolist(),
            numbers.spread.tolist(),
            *lists,
            strict=True,
        )
    ]


def _reserve(
    problem: Problem, associated: AssociatedFit, *, absolute: bool
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Number (G,) of reserved detections and their rms differences (G,) [mas].

    Per axis, with the input WCS and after a fit without them.
    """
    links, fit, count = associated.links, associated.fit, len(problem.component)
    kept_out = links.source % 5 == 2  # sources are numbered by position: evenly over the field
    precision = fit.weight[:, None, None] * inverse_2x2(fit.covariance)
    start = fit.motions.plus(-fit.step.delta)
    fitted = np.where(kept_out[:, None, None], 0.0, precision)
    delta = solve_step(fit.linear, links, problem.model, start, fitted).delta
    after = fit.linear.position + np.einsum(
        "nik,nk->ni", fit.linear.columns, delta[fit.linear.index]
    )
    after = after - associated.motion()
    before = to_plane(links.vectors, fit.linear.frames[links.source]) - links.drift
    before = before - associated.motion(with_field=True)
    weight = _precision(associated)
    chosen = kept_out & (fit.weight > MATCHED_WEIGHT)
    rms = []
    for position in (before, after):
        phase = phase_at(associated, position, weight, absolute=absolute)
        used = chosen & phase.paired
        square = np.sum(phase.difference[used] ** 2, axis=1)
        size = np.bincount(links.group[used], minlength=count)
        total = np.bincount(links.group[used], square, minlength=count)
        with np.errstate(invalid="ignore", divide="ignore"):
            rms.append(1e3 * np.sqrt(total / (2.0 * size)))
    return size, rms[0], rms[1]


def _coverage(problem: Problem, associated: AssociatedFit, *, absolute: bool) -> FloatArray:
    """Area (G,) of the matches over that of all detections, from their second moments."""
    count = len(problem.component)
    phase = phase_at(associated, associated.fit.residual, _precision(associated), absolute=absolute)
    heavy = phase.paired & (associated.fit.weight > MATCHED_WEIGHT)
    local, group = _local(problem), problem.detections.group
    matched = associated.index[heavy]
    every = _moment(local, group, count)
    some = _moment(local[matched], group[matched], count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.minimum(np.sqrt(some / every), 1.0))


def _moment(place: FloatArray, group: IntArray, count: int) -> FloatArray:
    """Determinants (G,) of the second moments of positions (K, 2)."""
    size = np.maximum(np.bincount(group, minlength=count), 1)
    mean = np.stack([np.bincount(group, axis, count) for axis in place.T], axis=1) / size[:, None]
    x, y = (place - mean[group]).T
    xx, yy, xy = (np.bincount(group, value, count) / size for value in (x * x, y * y, x * y))
    return np.asarray(np.maximum(xx * yy - xy**2, 0.0))


def _sigmas(
    problem: Problem, associated: AssociatedFit, images: ImageErrors, *, absolute: bool
) -> tuple[FloatArray, FloatArray]:
    """Largest errors (G,) per axis of a group's images at their centres, and anywhere [mas].

    Images without matches go with their group, and have no part in its error; anywhere is at the
    image's detections.
    """
    detections, count = problem.detections, len(problem.component)
    covariance = images.absolute if absolute else images.relative
    frames = frames_at(np.nan_to_num(images.ra), np.nan_to_num(images.dec))
    place = to_plane(directions(detections.ra, detections.dec), frames[detections.image])
    own = covariance[detections.image]
    matched = np.zeros(len(images), bool)
    heavy = (associated.links.image >= 0) & (associated.fit.weight > MATCHED_WEIGHT)
    matched[associated.links.image[heavy]] = True
    out = []
    for where in (np.zeros_like(place), place):
        slope = displacement_terms(where)
        variance = np.einsum("nik,nkl,nil->n", slope, own, slope) / 2.0
        used = matched[detections.image] & np.isfinite(variance)
        largest = np.zeros(count)
        np.maximum.at(largest, detections.group[used], variance[used])
        out.append(1e3 * np.sqrt(largest))
    return out[0], out[1]


def _pulls(options: Options, problem: Problem, theta: FloatArray) -> FloatArray:
    """The largest parameter (G,) of each group in standard deviations of the pointing prior.

    An offset that the user told to start from is no wonder.
    """
    shift = float(np.hypot(options.shift_sigma, np.hypot(*options.start)))
    sigmas = shift, options.roll_sigma, options.scale_sigma
    precision = prior_precision(problem.model.geometry, sigmas)
    return np.asarray(np.max(np.abs(theta) * np.sqrt(precision), axis=1))
