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

from tweakreg_step.alignment.linalg import inverse_2x2

from .detector_parents import PLACEMENT
from .hierarchy import linearise
from .normal_equations import factor_with_prior, normal_equations

if TYPE_CHECKING:
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import FloatArray

    from .hierarchy import Model
    from .iteration import AssociatedFit, Problem
    from .levels import Level
    from .parents import Parent

__all__ = ["with_estimated_widths"]

_FEWEST = 4
"""Units below which a level keeps the widths that are usual: two can't say how they scatter."""

_ROUNDS = 8
_STEP = 10.0
"""Largest factor by which a variance changes in a round."""

_KINDS = (slice(0, 2), slice(2, 3), slice(3, None))
"""Parameters of one kind: shifts, roll, scale and what else a geometry has."""

_LEAST = np.array([3e-5, 3e-5, 5e-8, 5e-8, 5e-8, 5e-8])
"""Least widths: 0.03 mas, and 0.03 mas at two arcmin from the centre."""

_TAIL = 4.0


def with_estimated_widths(problem: Problem, associated: AssociatedFit) -> Problem:
    """The problem, its levels with the priors that their motions ask for.

    Parameters
    ----------
    problem, associated
        The problem and its fit, in which the levels have motions.
    """
    links, fit, model = associated.links, associated.fit, problem.model
    if not any(len(one.prior) >= _FEWEST for one in model.units):
        return problem
    linear = linearise(links, model, fit.motions)
    precision = fit.weight[:, None, None] * inverse_2x2(fit.covariance)
    matrix, right, _ = normal_equations(linear, links, precision)
    for _ in range(_ROUNDS):
        factor, pull = factor_with_prior(matrix, model, fit.motions)
        flat = fit.motions.flat + factor.solve(right - pull)
        model = _updated(model, factor, flat)
    return replace(problem, model=model)


def _updated(model: Model, factor: Factor, flat: FloatArray) -> Model:
    """The model after one round of the fixed point."""
    bonds, start = model.bonds, model.prior.size
    difference = bonds.differences(flat)
    # of the levels alone: there may be many groups, and what they have is no width of theirs
    own = bonds.rows[start:].T.toarray()
    variance = np.einsum("ij,ij->j", own, factor.solve(own))
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


def _widened(one: Level | Parent, phi: FloatArray, variance: FloatArray) -> FloatArray:
    """The prior (U, q) that differences (U q,) of units from their parents ask for."""
    prior = one.prior.copy()
    phi, variance = phi.reshape(prior.shape), variance.reshape(prior.shape)
    if len(phi) < _FEWEST or one.name == PLACEMENT:
        return prior
    for kind in _KINDS:
        if prior[:, kind].size:
            prior[:, kind] = _precision(prior[:, kind], phi[:, kind], variance[:, kind])
    return np.minimum(prior, 1.0 / _LEAST[: prior.shape[1]] ** 2)


def _precision(prior: FloatArray, phi: FloatArray, variance: FloatArray) -> FloatArray:
    """Inverse prior variances (U, k) of one kind of parameter, from motions and variances."""
    # what a round before made of the prior: its width is that of a unit with the weight of one
    width = 1.0 / float(np.median(prior))
    weight = (_TAIL + 1.0) / (_TAIL + (phi**2 + variance) / width)
    known = float(np.sum(np.maximum(1.0 - variance * prior, 0.0)))
    # the width so far counts as one parameter: where the data say nothing, it stays
    fresh = (float(np.sum(weight * phi**2)) + width) / (known + 1.0)
    fresh = float(np.clip(fresh, width / _STEP, width * _STEP))
    weight = (_TAIL + 1.0) / (_TAIL + (phi**2 + variance) / fresh)
    return np.asarray(weight / fresh)
