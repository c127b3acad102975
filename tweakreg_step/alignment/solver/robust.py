"""Robust fit: iteratively reweighted least squares, with errors that are estimated on the way.

The first weights come from medians, not from a least-squares fit, which outliers would spoil.
A residual is divided by its own standard error, the leverage of its source included; its weight is
1 up to a threshold, then falls smoothly (Tukey) to 0 at twice that, so that clean data lose
nothing. Errors that nobody gave are estimated from the residuals (`error_components`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import carried_2x2, inverse_2x2, mean_variance

from .error_components import components_of, estimated
from .hierarchy import linearise, narrowed
from .links import image_size
from .motion_variance import motion_variance
from .motions.field_motion import with_spread
from .motions.tails import with_tails
from .normal_equations import solve_step
from .weights import MEDIAN_SQUARE, median_weights, standardised, taper

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

    from .error_components import ErrorComponents
    from .hierarchy import Linear, Model, Motions
    from .links import Links
    from .motions.field_motion import FieldMotion
    from .motions.levels import Level
    from .normal_equations import Step


__all__ = ["Fit", "Start", "fit"]

_NEGLIGIBLE = 1e-6
"""Error of positions [arcsec] that may be left where derivatives are kept."""

_NEGLIGIBLE_AT_FIRST = 1e-7
"""The same where a fit begins with those of another, from which it goes on."""

_CONVERGED, _STEADY = 1e-4, 0.03
"""Mean change of a weight, and largest relative one of an error, below which reweighting ends."""

_SAME = 1e-5
"""Mean change of a weight below which those of an earlier fit are this one's: there is no round
before the first that would tell how fast they change."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The robust solution for a set of N links.

    Attributes
    ----------
    links
        The links, with the scatter of their motions as it was found.
    motions
        The fitted motions.
    linear, step
        The last linearisation and its solution.
    covariance
        (N, 2, 2) of the detections in the planes tangent at the sources, with the errors that were
        estimated [arcsec^2].
    weight
        (N,) robust weights, 0 to 1, of the last step.
    square
        (N,) squares of the standardised residuals.
    residual
        (N, 2) residuals in the planes tangent at the sources [arcsec].
    components
        The errors that were estimated.
    field_path
        (N, 2) path of the field since the source's origin, 0 where it does not follow [arcsec].
    """

    links: Links
    motions: Motions
    linear: Linear
    step: Step
    covariance: FloatArray
    weight: FloatArray
    square: FloatArray
    residual: FloatArray
    components: ErrorComponents
    field_path: FloatArray

    @property
    def precision(self) -> FloatArray:
        """Inverse covariances times robust weights (N, 2, 2) [arcsec^-2]."""
        return np.asarray(self.weight[:, None, None] * inverse_2x2(self.covariance))

    @property
    def begun(self) -> Motions:
        """The motions that `linear` was linearised at, from where the last step went on."""
        return self.motions.plus(-self.step.delta)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a fit begins.

    Attributes
    ----------
    motions
        Initial motions, accurate to a fraction of the match radius.
    width
        How far units may be from where they start, per axis [arcsec].
    before
        A fit of the same links, whose weights and errors are those to start from; None: weights are
        from medians, errors those that are usual.
    """

    motions: Motions
    width: float = 0.0
    before: Fit | None = None


def fit(links: Links, model: Model, start: Start, threshold: float = 3.0, rounds: int = 5) -> Fit:
    """The robust solution.

    Units that the start knows nothing of yet, as a detector that lies off its exposure by many
    errors, look like outliers one by one. The weights of the first rounds therefore allow for a
    `width` that shrinks by three from round to round (graduated non-convexity; Blake & Zisserman
    1987, Visual Reconstruction), so that nothing is rejected that a common motion explains.

    Parameters
    ----------
    links, model
        Associated detections; tangent planes, geometries and priors.
    start
        Where to begin.
    threshold
        Standardised residual at which weights start to fall.
    rounds
        Largest number of reweightings.
    """
    motions = start.motions
    linear = _first(links, model, start)
    components, covariance, weight = _begun(linear, links, start)
    widths = _widths(start.width, covariance)
    rounds, first = rounds + len(widths), 0.0 if start.before is None else _SAME
    for turn in range(rounds):
        precision = weight[:, None, None] * inverse_2x2(covariance)
        solved = linear  # before the step, so that the previous one is freed
        step = solve_step(linear, links, model, motions, precision)
        motions = motions.plus(step.delta)
        model = with_tails(model, motions)
        square = standardised(step.position, covariance, weight, links)
        scale = _scale(square)
        if turn == rounds - 1:
            break
        linear = _relinearised(linear, links, model, motions, step)
        links = with_spread(links, linear.position, precision)
        del precision  # hundreds of megabytes of a large mosaic, while its errors are estimated
        if turn < len(widths):
            allowed = covariance + widths[turn] ** 2 * np.eye(2)
            square = standardised(step.position, allowed, weight, links)
            weight = taper(np.sqrt(square), threshold)
            continue
        last, components = components, _with_errors(components, linear, links, step, weight)
        covariance = _covariance(linear, links, components)
        square = standardised(step.position, covariance, weight, links)
        fresh = taper(np.sqrt(square) / min(scale, _scale(square)), threshold)
        if _settled(last, components, fresh - weight, _CONVERGED if turn > len(widths) else first):
            break
        weight = fresh
    return Fit(
        *(links, motions, solved, step, covariance, weight, square, step.residual, components),
        field_path=_field_path(links, model, motions),
    )


def _first(links: Links, model: Model, start: Start) -> Linear:
    """The problem linearised where the fit begins; derivatives are kept where they are known."""
    before, motions = start.before, start.motions
    if before is None:
        return linearise(links, model, motions)
    known = before.step.model
    if not all(_holds(known, level) for level in model.levels):
        return linearise(links, model, motions)
    linear = narrowed(before.linear, known, before.begun.flat, model, motions)
    return _moved(before.linear, links, model, motions, linear, _NEGLIGIBLE_AT_FIRST)


def _holds(known: Model, level: Level | FieldMotion) -> bool:
    """Whether a model has a level with the same units, and with motions as general at least."""
    number = known.level(level.name)
    if number < 0:
        return False
    (count, width), (units, least) = known.levels[number].prior.shape, level.prior.shape
    return bool(count == units and width >= least)


def _begun(
    linear: Linear, links: Links, start: Start
) -> tuple[ErrorComponents, FloatArray, FloatArray]:
    """Errors, covariances (N, 2, 2) and weights (N,) of the first round."""
    if start.before is not None:
        components = start.before.components
        return components, _covariance(linear, links, components), start.before.weight
    components = components_of(links)
    covariance = _covariance(linear, links, components)
    allowed = covariance + start.width**2 * np.eye(2)
    return components, covariance, median_weights(linear.position, allowed, links)


def _with_errors(
    components: ErrorComponents, linear: Linear, links: Links, step: Step, weight: FloatArray
) -> ErrorComponents:
    """The components as the residuals of a step ask for."""
    fitted = motion_variance(linear, links, step, weight / components.variance)
    return estimated(components, linear.position, links, weight, fitted)


def _settled(
    before: ErrorComponents, after: ErrorComponents, change: FloatArray, limit: float
) -> bool:
    """Whether errors and weights, which change by `change` (N,), stay as they are.

    `limit` is the mean change of a weight that is none. Errors far below those of most detections
    may still change: they count for nothing beside these.
    """
    variance = after.variance
    part = np.bincount(after.label, variance / (variance + np.median(variance)))
    step = np.abs(after.log_factor - before.log_factor) * 2.0 * part / np.maximum(after.count, 1)
    return bool(step.max(initial=0.0) < _STEADY and np.mean(np.abs(change)) < limit)


def _covariance(linear: Linear, links: Links, components: ErrorComponents) -> FloatArray:
    """Covariances (N, 2, 2) in the planes tangent at the sources, with the estimated errors."""
    catalog = mean_variance(links.covariance)
    turned = carried_2x2(linear.transform, links.covariance)
    return np.asarray(turned * (components.variance / catalog)[:, None, None])


def _field_path(links: Links, model: Model, motions: Motions) -> FloatArray:
    """Path (N, 2) [arcsec] of the field since the sources' origins."""
    if model.field is None:
        return np.zeros((len(links.source), 2))
    return -model.field.offset(links, motions.phi[model.level(model.field.name)])


def _widths(width: float, covariance: FloatArray) -> list[float]:
    """Widths of the first rounds [arcsec], from `width` down to the errors of the detections."""
    variance = mean_variance(covariance)
    least = float(np.sqrt(np.median(variance))) if len(variance) else 0.0
    widths = []
    while width > least > 0.0:
        width /= 3.0
        widths.append(width)
    return widths


def _relinearised(
    linear: Linear, links: Links, model: Model, motions: Motions, step: Step
) -> Linear:
    """The problem linearised at the new motions after a step."""
    return _moved(linear, links, model, motions, replace(linear, position=step.position))


def _moved(
    linear: Linear,
    links: Links,
    model: Model,
    motions: Motions,
    there: Linear,
    negligible: float = _NEGLIGIBLE,
) -> Linear:
    """The problem linearised at other motions; where these are near, with the same derivatives.

    A step d turns and stretches an image of size s by d / s at most, so that positions `there` are
    off by d^2 / s, derivatives by d / s of themselves.
    """
    step_size = np.abs(there.position - linear.position).max(initial=0.0)
    turned = step_size**2 / negligible
    # a step of 1 mas turns no image of an arcsecond; sizes are found for larger ones alone
    if turned > 1.0 and turned > image_size(links):
        return linearise(links, model, motions)
    return there


def _scale(square: FloatArray) -> float:
    """Robust ratio of the residuals to their catalog errors, 1 at least."""
    seen = square[square > 0.0]
    return max(1.0, float(np.sqrt(np.median(seen) / MEDIAN_SQUARE))) if len(seen) else 1.0
