"""The tails of the prior of exposures in a visit: one that left it is let go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.hierarchy import Model, Motions
    from tweakreg_step.core.arrays import FloatArray

    from .parents import Parent

__all__ = ["VISIT", "departures", "visit_of", "with_tails"]

VISIT = "visit"
"""Name of the level of visits."""

_THRESHOLD = 3.0
"""Distance from the visit, in standard deviations, up to which an exposure has its full weight."""

_LEAST = 1e-8
"""Least weight: no exposure is farther off than 1e4 standard deviations (100 arcsec at 10 mas), and
with less, nothing would hold two exposures that are tied to each other alone."""

_KINDS = slice(0, 2), slice(2, 3)
"""Shift and roll."""


def visit_of(model: Model) -> Parent | None:
    """The level of visits, None where there is none."""
    return next((parent for parent in model.parents if parent.name == VISIT), None)


def departures(model: Model, motions: Motions) -> FloatArray:
    """What each group (G, p) moves by in addition to its visit; 0 where it has none."""
    visit = visit_of(model)
    if visit is None:
        return np.zeros_like(motions.theta)
    own = motions.parents[[parent.name for parent in model.parents].index(VISIT)][visit.unit]
    apart = motions.theta - np.einsum("gpq,gq->gp", visit.carry, own)
    return np.where(visit.unit[:, None] >= 0, apart, 0.0)


def with_tails(model: Model, motions: Motions) -> Model:
    """The model with the weights of exposures about their visits that the motions ask for.

    The weight is 1 up to `_THRESHOLD` standard deviations, and falls with the fourth power beyond:
    the farther an exposure is off, the less it is pulled back.
    """
    visit = visit_of(model)
    if visit is None or visit.within is None:
        return model
    apart = departures(model, motions)
    prior = model.prior.copy()
    own = visit.unit >= 0
    for kind in _KINDS:
        if not visit.within[kind].size:
            continue
        distance = np.sqrt(np.sum(apart[own, kind] ** 2 * visit.within[kind], axis=1))
        weight = np.clip((_THRESHOLD / np.maximum(distance, _THRESHOLD)) ** 4, _LEAST, 1.0)
        prior[own, kind] = weight[:, None] * visit.within[kind]
    return replace(model, prior=prior)
