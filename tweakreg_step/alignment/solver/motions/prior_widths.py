"""How wide the priors of the levels are: estimated from the motions that the data determine.

The width of a kind of parameter (shift, roll, scale) maximises the marginal likelihood of the
units' motions, by the fixed point of MacKay (1992, Neural Computation 4, 415, eq. 2.10)

    sigma^2 = sum w_u phi_u^2 / sum (1 - w_u C_u / sigma^2),

with C_u the posterior variance. The weights w_u = 5 / (4 + phi_u^2 / sigma^2) give the prior the
tails of Student's t with four degrees of freedom: a unit that leaves the others widens its own
prior, not that of all. What is the same in all visits ends with a width near zero in the level of
visits, and is shared; what is not keeps the width that it has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver.normal_equations import factor_with_prior

from .detector_parents import PLACEMENT
from .parents import factored_variances
from .tails import VISIT, visit_of, with_tails

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.alignment.solver.hierarchy import Model
    from tweakreg_step.alignment.solver.iteration import AssociatedFit, Problem
    from tweakreg_step.alignment.solver.robust import Fit
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .field_motion import FieldMotion
    from .levels import Level
    from .parents import Parent
    from .quadratic import Quadratic

__all__ = ["FEWEST", "with_estimated_widths"]

FEWEST = 4
"""Units below which a level keeps the widths that are usual: two can't say how they scatter."""

_NO_PART = 0.02
"""Share of the prior in the precision of a motion below which it need not be fitted again."""

_ROUNDS = 8
_STEP = 10.0
"""Largest factor by which a variance changes in a round."""

_MANY = 100
"""Groups of which the scatter about visits is estimated at most, twice of it at times."""

_KINDS = (slice(0, 2), slice(2, 3), slice(3, None))
"""Parameters of one kind: shifts, roll, scale and what else a geometry has."""

_LEAST = np.array([3e-5, 3e-5, 5e-8, 5e-8, 5e-8, 5e-8])
"""Least widths: 0.03 mas, and 0.03 mas at two arcmin from the centre."""

_TAIL = 4.0
_NORMAL = 1.35
"""Variance of normally distributed motions over the square of the width that is found for them by
the weights of Student's t."""


def with_estimated_widths(
    problem: Problem, associated: AssociatedFit, every: Callable[[], Quadratic]
) -> tuple[Problem, bool]:
    """The problem, its levels with the priors that their motions ask for.

    Parameters
    ----------
    problem, associated
        The problem and its fit, in which the levels have motions.
    every
        chi2 of that fit, see `whole_of_fit`, made when it is asked for.

    Returns
    -------
    problem, matters
        And whether the new priors have a part in what the motions are, so that they must be fitted
        again.
    """
    fit, model = associated.fit, problem.model
    several = any(len(one.prior) >= FEWEST for one in model.units if one.name != VISIT)
    if not several and len(_held(model)) < FEWEST:
        return problem, several
    if not several:
        model, share = _of_visits(model, fit)
        if share < _NO_PART:
            return replace(problem, model=model), False
    chi2 = every()
    matrix, right = chi2.matrix, chi2.right_at(fit.motions.flat)
    for _ in range(_ROUNDS):
        factor, pull = factor_with_prior(matrix, model, fit.motions)
        flat = fit.motions.flat + factor.solve(right - pull)
        model = _with_scatter(_updated(model, factor, flat), factor, flat)
        model = with_tails(model, fit.motions)
    return replace(problem, model=model), True


def _of_visits(model: Model, fit: Fit) -> tuple[Model, float]:
    """The scatter of exposures about their visits, and the largest part that its prior has.

    For the covariance of the fit: where the data determine each exposure it stays what it is.
    """
    factor, flat = fit.step.factor, fit.motions.flat
    phi, variance = _of_held(model, factor, flat)
    for _ in range(_ROUNDS):
        model = with_tails(_scattered(model, phi, variance), fit.motions)
    share = variance * model.prior[_held(model)]
    kinds = min(share.shape[1], 3)
    return model, float(share[:, :kinds].max(initial=0.0))


def _held(model: Model) -> IntArray:
    """Some of the groups (K,) that have a visit."""
    visit = visit_of(model)
    own = np.zeros(0, np.int64) if visit is None else np.flatnonzero(visit.unit >= 0)
    return own[:: 1 + len(own) // _MANY]


def _with_scatter(model: Model, factor: Factor, flat: FloatArray) -> Model:
    """The model after one round of the fixed point for exposures about their visits."""
    if len(_held(model)) < FEWEST:
        return model
    return _scattered(model, *_of_held(model, factor, flat))


def _of_held(model: Model, factor: Factor, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What groups are apart from their visits, (K, p), and the variances of that."""
    held, width = _held(model), model.prior.shape[1]
    index = held[:, None] * width + np.arange(width)
    rows = model.bonds.rows[index.ravel()]
    return (rows @ flat).reshape(index.shape), factored_variances(rows, factor).reshape(index.shape)


def _scattered(model: Model, phi: FloatArray, variance: FloatArray) -> Model:
    """The model with the scatter (p,) that differences (K, p) from visits ask for."""
    visit, held = visit_of(model), _held(model)
    if visit is None or visit.within is None:
        return model
    within, width = visit.within.copy(), model.prior.shape[1]
    for kind in _KINDS[:2]:
        if within[kind].size:
            prior, usual = model.prior[held, kind], _NORMAL * within[kind]
            within[kind] = _NORMAL**-1 / _width(prior, usual, phi[:, kind], variance[:, kind])
    within = np.minimum(within, 1.0 / _LEAST[:width] ** 2)
    parents = tuple(replace(one, within=within) if one is visit else one for one in model.parents)
    return replace(model, parents=parents)


def _updated(model: Model, factor: Factor, flat: FloatArray) -> Model:
    """The model after one round of the fixed point."""
    bonds, start = model.bonds, model.prior.size
    difference = bonds.differences(flat)
    # of the levels alone: there may be many groups, and what they have is no width of theirs
    variance = factored_variances(bonds.rows[start:], factor)
    ends = np.cumsum([one.prior.size for one in model.units])[:-1]
    parts = zip(np.split(difference[start:], ends), np.split(variance, ends), strict=True)
    levels = len(model.levels)
    prior = [_widened(one, *part) for one, part in zip(model.units, parts, strict=True)]
    return replace(
        model,
        levels=tuple(replace(one, prior=p) for one, p in zip(model.levels, prior, strict=False)),
        parents=tuple(
            replace(one, prior=p) for one, p in zip(model.parents, prior[levels:], strict=True)
        ),
    )


def _widened(
    one: Level | FieldMotion | Parent, phi: FloatArray, variance: FloatArray
) -> FloatArray:
    """The prior (U, q) that differences (U q,) of units from their parents ask for."""
    prior = one.prior.copy()
    phi, variance = phi.reshape(prior.shape), variance.reshape(prior.shape)
    if len(phi) < FEWEST or one.name == PLACEMENT:
        return prior
    for kind in _KINDS:
        if prior[:, kind].size:
            prior[:, kind] = _precision(prior[:, kind], phi[:, kind], variance[:, kind])
    return np.minimum(prior, 1.0 / _LEAST[: prior.shape[1]] ** 2)


def _precision(prior: FloatArray, phi: FloatArray, variance: FloatArray) -> FloatArray:
    """Inverse prior variances (U, k) of one kind of parameter, from motions and variances."""
    # what a round before made of the prior: its width is that of a unit with the weight of one
    usual = np.full(prior.shape[1], _NORMAL * np.median(prior))
    fresh = _width(prior, usual, phi, variance)
    weight = (_TAIL + 1.0) / (_TAIL + (phi**2 + variance) / fresh)
    # the width of Student's t is less than the standard deviation, which is what errors have
    return np.asarray(weight / (_NORMAL * fresh))


def _width(prior: FloatArray, usual: FloatArray, phi: FloatArray, variance: FloatArray) -> float:
    """The variance of one kind of parameter after one round of the fixed point.

    Parameters
    ----------
    prior
        (U, k) inverse variances, with the units' weights.
    usual
        (k,) that of a unit with the weight of one.
    phi, variance
        (U, k) motions and their variances.
    """
    width = 1.0 / float(usual[0])
    weight = (_TAIL + 1.0) / (_TAIL + (phi**2 + variance) / width)
    known = float(np.sum(np.maximum(1.0 - variance * prior, 0.0)))
    # the width so far counts as one parameter: where the data say nothing, it stays
    fresh = (float(np.sum(weight * phi**2)) + width) / (known + 1.0)
    return float(np.clip(fresh, width / _STEP, width * _STEP))
