"""Evidence for and against each group's correction: chance matches, reserved sources, errors.

`phases` says what a group is compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import sharing
from tweakreg_step.alignment.solver import MATCHED_WEIGHT, reserved_links
from tweakreg_step.core.correction import prior_precision
from tweakreg_step.core.evidence import Evidence
from tweakreg_step.core.image_errors import displacement_terms
from tweakreg_step.core.sphere import directions, frames_at, to_plane

from .chance import places_in_groups
from .phases import phase_at, precision_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.image_errors import ImageErrors
    from tweakreg_step.core.options import Options

    from .chance import Chance


__all__ = ["clusters", "evidence"]

_AT_ONCE = 50_000
"""Detections of which a covariance of 36 numbers each is looked at, at once."""


def clusters(associated: AssociatedFit, count: int) -> IntArray:
    """Labels (G,) of groups connected by shared sources, without those with the reference."""
    links = associated.links
    heavy = (associated.fit.weight > MATCHED_WEIGHT) & (links.group >= 0)
    return sharing(links.source[heavy], links.group[heavy], count)


def evidence(
    problem: Problem,
    associated: AssociatedFit,
    images: ImageErrors,
    numbers: Chance,
    predicted: FloatArray,
    *,
    absolute: bool,
) -> list[Evidence]:
    """The evidence (G,) for and against the groups' corrections in one phase.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    images
        Errors (I,) of the images.
    numbers
        The phase's matches against chance.
    predicted
        (L, 2) positions after a fit without the reserved sources, see `positions_without`.
    absolute
        Whether the phase is the absolute one.
    """
    reserve = _reserve(problem, associated, predicted, absolute=absolute)
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
    problem: Problem, associated: AssociatedFit, predicted: FloatArray, *, absolute: bool
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Number (G,) of reserved detections and their rms differences (G,) [mas].

    Per axis, with the input WCS and after a fit without them.
    """
    links, fit, count = associated.links, associated.fit, len(problem.component)
    after = predicted - associated.motion()
    before = to_plane(links.vectors, fit.linear.frames[links.source]) - links.drift
    before = before - associated.motion(with_field=True)
    weight = precision_of(associated)
    chosen = reserved_links(links) & (fit.weight > MATCHED_WEIGHT)
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
    phase = phase_at(
        associated, associated.fit.residual, precision_of(associated), absolute=absolute
    )
    heavy = phase.paired & (associated.fit.weight > MATCHED_WEIGHT)
    local, group = places_in_groups(problem), problem.detections.group
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
    matched = np.zeros(len(images), bool)
    heavy = (associated.links.image >= 0) & (associated.fit.weight > MATCHED_WEIGHT)
    matched[associated.links.image[heavy]] = True
    largest = np.zeros((2, count))
    for start in range(0, len(detections), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        image, group = detections.image[rows], detections.group[rows]
        vectors = directions(detections.ra[rows], detections.dec[rows])
        place, own = to_plane(vectors, frames[image]), covariance[image]
        for most, where in zip(largest, (np.zeros_like(place), place), strict=True):
            slope = displacement_terms(where)
            variance = np.sum((slope @ own) * slope, axis=(1, 2)) / 2.0
            used = matched[image] & np.isfinite(variance)
            np.maximum.at(most, group[used], variance[used])
    centre, anywhere = 1e3 * np.sqrt(largest)
    return centre, anywhere


def _pulls(options: Options, problem: Problem, theta: FloatArray) -> FloatArray:
    """The largest parameter (G,) of each group in standard deviations of the pointing prior.

    An offset that the user told to start from is no wonder.
    """
    shift = float(np.hypot(options.shift_sigma, np.hypot(*options.start)))
    sigmas = shift, options.roll_sigma, options.scale_sigma
    precision = prior_precision(problem.model.geometry, sigmas)
    return np.asarray(np.max(np.abs(theta) * np.sqrt(precision), axis=1))
