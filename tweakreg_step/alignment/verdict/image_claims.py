"""The error that is claimed for each image: that of the solution, and what its residuals add.

The covariance of a solution holds where its model does. So it is scaled with the image's own chi2,
and with the squares of reserved sources, which took no part in a fit, where these are larger than
they should be. Added is what images move by beside all levels, told by their mean residuals, and
what chance matches can pull: their share of the matches times the match radius.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.alignment.solver import (
    FEWEST_OF_IMAGE,
    MATCHED_WEIGHT,
    errors_of_own_motions,
    matrices_of,
    motion_variance,
    places_of,
    reserved_links,
    residuals_of,
    usual_variances,
)

from .phases import phase_at

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, OwnMatrices, Problem
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.image_errors import ImageErrors

    from .chance import Chance, Chances

__all__ = ["claimed"]

_PRIOR_DOF = 20.0
"""Degrees of freedom that a ratio of one counts for: that of few residuals says little."""

_CLEAR = 16.0
"""Square of an image's mean residual over its variance above which it is the image's own."""


def claimed(
    problem: Problem,
    associated: AssociatedFit,
    errors: ImageErrors,
    numbers: Chances,
    predicted: FloatArray,
) -> ImageErrors:
    """The errors with what residuals, reserved sources and chance matches add to them.

    Parameters
    ----------
    problem, associated
        The problem and its fit.
    errors
        Errors (I,) of the images as the solution has them.
    numbers
        Matches against chance.
    predicted
        (L, 2) positions after a fit without the reserved sources, see `positions_without`.
    """
    count = len(errors)
    fitted = _fitted(associated)
    free = 1.0 - fitted
    scale = np.maximum(_residual_ratio(associated, free, count), 1.0)
    scale = np.maximum(scale, _reserved_ratio(associated, predicted, count))
    places = places_of(problem.detections, count)
    own = matrices_of(problem, associated, places, count)
    variance = _own_variances(problem, associated, own)
    relative, absolute = (
        part * scale[:, None, None] for part in (errors.relative, errors.absolute)
    )
    if variance.any():
        more = errors_of_own_motions(problem, associated, own, places, variance)
        relative, absolute = relative + more[0], absolute + more[1]
    group = np.zeros(count, np.int64)
    group[problem.detections.image] = problem.detections.group
    matches, moment = _chance_moment(associated, numbers.relative, associated.radius)
    pull = (moment / np.maximum(matches, 1.0))[group]
    relative = relative + _diagonal(pull**2, errors.size, pull**2)
    if numbers.absolute is not None:
        radius = associated.star_radius
        stars, of_stars = _chance_moment(associated, numbers.absolute, radius)
        pull = ((moment + of_stars) / np.maximum(matches + stars, 1.0))[group]
        absolute = absolute + _diagonal(pull**2, errors.size, pull**2)
    return replace(errors, relative=relative, absolute=absolute)


def _diagonal(whole: FloatArray, size: FloatArray, away: FloatArray) -> FloatArray:
    """Covariances (I, 6, 6) of displacements with a variance (I,) for the image as a whole.

    A variance (I,) grows away from the centre and is half of itself at the image's size (I,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 0.5 * away / size**2
    diagonal = np.stack([whole, whole, slope, slope, slope, slope], axis=1)
    return np.asarray(diagonal[:, :, None] * np.eye(6))


def _variance(associated: AssociatedFit) -> FloatArray:
    """Mean variance (L,) of the links per axis [arcsec^2]."""
    return np.asarray(mean_variance(associated.fit.covariance))


def _fitted(associated: AssociatedFit) -> FloatArray:
    """Share (L,) of each link's variance that the fit takes: of its source, and of the motions."""
    links, fit = associated.links, associated.fit
    variance = _variance(associated)
    precision = fit.weight / variance
    total = np.bincount(links.source, precision, minlength=links.source_count)
    motion = motion_variance(fit.linear, links, fit.step, precision)
    return np.clip(precision / total[links.source] + motion / variance, 0.0, 1.0)


def _residual_ratio(associated: AssociatedFit, free: FloatArray, count: int) -> FloatArray:
    """chi2 over degrees of freedom (I,) of each image's detections, drawn to one where few."""
    links, fit = associated.links, associated.fit
    own = links.image >= 0
    square = fit.weight * np.sum(fit.residual**2, axis=1) / _variance(associated)
    chi2 = np.bincount(links.image[own], square[own], minlength=count)
    dof = np.bincount(links.image[own], (2.0 * fit.weight * free)[own], minlength=count)
    return np.asarray((chi2 + _PRIOR_DOF) / (dof + _PRIOR_DOF))


def _reserved_ratio(associated: AssociatedFit, predicted: FloatArray, count: int) -> FloatArray:
    """Mean squares (I,) of reserved sources in units of their errors, drawn to one where few.

    Of the phases, relative and absolute, it is the one with more sources that counts.
    """
    links, fit = associated.links, associated.fit
    reserved = reserved_links(links)
    variance = _variance(associated)
    weight = fit.weight / variance
    total, number = np.zeros(count), np.zeros(count)
    for absolute in (False, True):
        phase = phase_at(associated, predicted, weight, absolute=absolute)
        used = reserved & (fit.weight > MATCHED_WEIGHT) & phase.paired
        other = _partner_variance(associated, weight, absolute=absolute) + _moved(associated)
        square = np.sum(phase.difference[used] ** 2, axis=1) / (variance + other)[used]
        image = links.image[used]
        size = 2.0 * np.bincount(image, minlength=count)
        more = size > number
        total = np.where(more, np.bincount(image, square, minlength=count), total)
        number = np.where(more, size, number)
    return np.asarray((total + 2.0 * _PRIOR_DOF) / (number + 2.0 * _PRIOR_DOF))


def _partner_variance(
    associated: AssociatedFit, weight: FloatArray, *, absolute: bool
) -> FloatArray:
    """Variance (L,) of what each link is compared with [arcsec^2]: the others, or the star."""
    links, count = associated.links, associated.links.source_count
    star = links.group < 0
    if absolute:
        of_star = np.full(count, np.inf)
        of_star[links.source[star]] = _variance(associated)[star]
        return np.asarray(of_star[links.source])
    seen = np.where(star, 0.0, weight)
    rest = np.bincount(links.source, seen, minlength=count)[links.source] - seen
    none = np.full(len(rest), np.inf)
    return np.asarray(np.divide(1.0, rest, out=none, where=rest > 0.0))


def _moved(associated: AssociatedFit) -> FloatArray:
    """Variance (L,) of what sources of unknown motion move by between epochs [arcsec^2]."""
    links = associated.links
    if links.tau is None or links.unknown is None:
        return np.zeros(len(links.source))
    span = float(np.ptp(links.tau[links.group >= 0]))
    return np.where(links.unknown[links.source], links.spread * span**2, 0.0)


def _own_variances(problem: Problem, associated: AssociatedFit, own: OwnMatrices) -> FloatArray:
    """Variances (I, 6) of what images move by beside all levels [arcsec^2], from their residuals.

    As a whole, and away from their centres. Most images tell how much that is in this run; one that
    is clearly off by more has its own.
    """
    links, count = associated.links, len(own.weight) // own.numbers
    seen = np.bincount(links.image[links.image >= 0], minlength=count) >= FEWEST_OF_IMAGE
    if not seen.any():
        return np.zeros((count, own.numbers))
    found = residuals_of(own, associated.fit.step.factor)
    usual = usual_variances(found, seen)
    if associated.fit.step.allowing:
        usual[0] = problem.model.own
    square, expected = (np.mean(each[:, :2], axis=1) for each in (found.square, found.expected))
    share = np.mean(found.share[:, :2], axis=1)
    clear = seen & (square > _CLEAR * (expected + share @ usual))
    whole = np.where(clear, np.maximum(square, usual[0]), usual[0])
    away = np.where(clear, np.maximum(square, usual[1]), usual[1])
    return np.asarray(np.column_stack([whole, whole, away, away, away, away]))


def _chance_moment(
    associated: AssociatedFit, numbers: Chance, radius: float
) -> tuple[FloatArray, FloatArray]:
    """Matches (G,), and those expected by chance among them times the match radius [arcsec]."""
    radius *= _held(associated)
    matches = numbers.matches.astype(float)
    return matches, radius * np.minimum(numbers.expected, matches)


def _held(associated: AssociatedFit) -> float:
    """Weight of a chance match between epochs against one of sources that stand still.

    The match radius holds what sources move by; so much of a wrong offset is taken for a motion.
    """
    links = associated.links
    own = links.group >= 0
    if links.tau is None or not own.any():
        return 1.0
    error = 2.0 * float(np.median(_variance(associated)[own]))
    return error / (error + links.spread * float(np.ptp(links.tau[own])) ** 2)
