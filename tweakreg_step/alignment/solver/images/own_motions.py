"""What images move by beside all levels: what residuals show of it, and the error that it leaves.

It is an error of an image itself, and of what the image pulls along: with e its displacement, the
parameters follow by C A'W e, which counts most where the dithers of an exposure tell the rolls of
its detectors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver.motions.levels import DETECTOR

from .errors import FIXED, projection, rows_of, slopes_of
from .own_columns import may_allow
from .own_matrices import NUMBERS, drawn_numbers, own_matrices
from .places import places_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.alignment.solver.iteration import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .own_matrices import OwnMatrices
    from .places import Places

__all__ = [
    "FEWEST_OF_IMAGE",
    "OwnResiduals",
    "errors_of_own_motions",
    "matrices_of",
    "residuals_of",
    "usual_variances",
    "with_own_motions",
]

FEWEST_OF_IMAGE = 3
"""Detections from which on the mean residual of an image counts."""

_MATTERS = 0.1
"""Variance of own motions in that of an image's mean, above which a fit allows for them."""

_MIDDLE, _SCATTER = (0.693, 0.839), (1.44, 0.95)
"""Of chi2 of two and of four degrees of freedom, over these: the median, and what the median of N
values scatters by, in itself, times the root of N."""

_LEAST_SHARE = 0.1
"""Share of own motions in residuals, below which these tell nothing: a group of one image is moved
as a whole."""

_ERRORS = 3.0
"""Errors of an excess of squares at which half of it is believed."""


@dataclass(frozen=True, slots=True)
class OwnResiduals:
    """Squares of the images' mean residuals and slopes, and what they should be [arcsec^2].

    Attributes
    ----------
    square
        (I, n) squares; 0 for images that have no detections.
    expected
        (I, n) variances due to noise.
    share
        (I, n, 2) part of the variance of own motions that they show: of all images as a whole, and
        of their slopes.
    """

    square: FloatArray
    expected: FloatArray
    share: FloatArray


def usual_variances(found: OwnResiduals, seen: BoolArray) -> FloatArray:
    """Variances (2,) [arcsec^2] of what most images move by: as a whole, and away from the centre.

    Parameters
    ----------
    found
        Residuals of the images; without slopes, these are taken to be noise.
    seen
        (I,) those that have enough detections.
    """
    usual, numbers = np.zeros(2), found.square.shape[1]
    for kind, part in enumerate((slice(0, 2), slice(2, numbers))[: 1 + (numbers > 2)]):
        square = np.median(np.mean(found.square[seen, part], axis=1)) / _MIDDLE[kind]
        expected, share = (
            np.median(np.mean(each[seen, part], axis=1), axis=0)
            for each in (found.expected, found.share)
        )
        if share[kind] < _LEAST_SHARE:
            continue
        excess = float(square - expected - share[:kind] @ usual[:kind])
        noise = _SCATTER[kind] * float(expected) / np.sqrt(seen.sum() * share[kind])
        usual[kind] = _drawn_to_none(excess, _ERRORS * noise) / share[kind]
    return usual


def _drawn_to_none(excess: float, noise: float) -> float:
    """The part of an excess of squares that is believed: noise alone makes it positive, too."""
    return excess**5 / (excess**4 + noise**4) if excess > 0.0 else 0.0


def matrices_of(
    problem: Problem, associated: AssociatedFit, places: Places, count: int, numbers: int = NUMBERS
) -> OwnMatrices:
    """The matrices of the own motions of `count` images, as a fit has left them.

    Images without detections, those without `places`, have a centre in some direction; `numbers`
    see `own_matrices`.
    """
    fit, links = associated.fit, associated.links
    centre, size = np.tile([0.0, 0.0, 1.0], (count, 1)), np.ones(count)
    centre[places.image], size[places.image] = places.vectors[:, 0], places.size
    own = own_matrices(fit.linear, links, fit.precision, fit.residual, (centre, size), numbers)
    if not fit.step.allowing:
        return own
    return replace(own, held=np.where(own.as_a_whole, problem.model.own, 0.0))


def residuals_of(own: OwnMatrices, factor: Factor) -> OwnResiduals:
    """Mean residuals and slopes against what noise and own motions would make them.

    Parameters
    ----------
    own
        The matrices of own motions, with the residuals of a fit.
    factor
        Factor of that fit's normal matrix.
    """
    shape = -1, own.numbers
    noise, shares = np.zeros(len(own.weight)), np.zeros((len(own.weight), 2))
    for kind, chosen in enumerate((own.as_a_whole, ~own.as_a_whole)):
        drawn = drawn_numbers(np.where(chosen, 1.0, 0.0), signs=True)
        shown = own.left(factor, drawn)
        shares[:, kind] = np.sum(own.over_weight(shown) ** 2, axis=1)
        if own.held.any():
            taken = own.pull.T @ factor.solve(own.pull @ drawn)
            shown = own.left(factor, drawn + own.taken(taken))
        noise += own.over_weight(np.sum(drawn * shown, axis=1))
    return OwnResiduals(
        (own.over_weight(own.shown) ** 2).reshape(shape),
        own.over_weight(np.maximum(noise, 0.0)).reshape(shape),
        shares.reshape(*shape, 2),
    )


def with_own_motions(problem: Problem, associated: AssociatedFit) -> tuple[Problem, bool]:
    """The problem with what images move by beside all levels, and whether it matters for the fit.

    It does where it is more than a tenth of the variance that noise leaves of an image's mean, and
    not what the motions of detectors are, where none are fitted.
    """
    links = associated.links
    count = int(problem.detections.image.max()) + 1
    number = np.bincount(links.image[links.image >= 0], minlength=count)
    seen = number >= FEWEST_OF_IMAGE
    moving = problem.model.level(DETECTOR) >= 0
    if not (seen.any() and moving and may_allow(links, count)):
        return problem, False
    places = places_of(problem.detections, count)
    own = matrices_of(problem, associated, places, count, numbers=2)
    found = residuals_of(own, associated.fit.step.factor)
    usual = usual_variances(found, seen)
    matters = usual[0] > _MATTERS * float(np.median(found.expected[seen]))
    if not matters:
        return problem, False
    return replace(problem, model=replace(problem.model, own=float(usual[0]))), True


def errors_of_own_motions(
    problem: Problem,
    associated: AssociatedFit,
    own: OwnMatrices,
    places: Places,
    variance: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Covariances (I, 6, 6), relative and absolute, of what images move by beside all levels.

    What the covariance of the motions has of it already is taken off.

    Parameters
    ----------
    problem, associated, own, places
        The problem, its fit, the matrices of its own motions, and the images that there are.
    variance
        (I, 6) of each image's displacement as a whole and, at its size, along both axes [arcsec^2].
    """
    count = len(variance)
    slope, index, corrected = slopes_of(
        places, problem.detections, problem.model, associated.fit.motions
    )
    relative, absolute = np.zeros((2, count, 6, 6))
    for drawn, sign in ((np.sqrt(variance.ravel()), 1.0), (np.sqrt(own.held), -1.0)):
        if not drawn.any():
            continue
        numbers = drawn_numbers(drawn)
        moved = own.followed(associated.fit.step.factor, numbers)
        error = (rows_of(slope, index, len(moved)) @ moved).reshape(len(places.image), NUMBERS, -1)
        if sign > 0.0:
            itself = numbers.reshape(count, NUMBERS, -1)[places.image]
            itself[:, 2:] /= places.size[:, None, None]
            error += itself
        left = _without_common(problem, replace(places, vectors=corrected), error)
        relative[places.image] += sign * left @ np.swapaxes(left, 1, 2)
        absolute[places.image] += sign * error @ np.swapaxes(error, 1, 2)
    return relative, absolute


def _without_common(problem: Problem, places: Places, error: FloatArray) -> FloatArray:
    """Errors (M, 6, k) of images without the motions that those of a component have in common."""
    left, group = error.copy(), problem.detections.group[places.near]
    fixed = problem.options.refgroup
    for member in members(problem.component[group]):
        weight = np.where(group[member] == fixed, FIXED, 1.0)
        basis, projected = projection(places.take(member), problem.model, weight)
        left[member] -= basis @ np.einsum("mil,mij->lj", projected, error[member])
    if not problem.model.levels:
        left[group == fixed] = 0.0  # its correction is zero
    return left
