"""How good the groups' corrections are, beside how good they could be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.bound import bound
from tweakreg_step.covariance import gauged

from .core.correction import design
from .core.sphere import directions, to_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.solve import Model

    from .core.detections import Detections, Reference
    from .core.solution import Solution


__all__ = ["achieved_and_achievable"]


def achieved_and_achievable(
    solution: Solution, detections: Detections, reference: Reference | None
) -> tuple[FloatArray, FloatArray]:
    """Standard deviations (G,) per axis, rms over each group's detections [mas].

    The second is the Cramer-Rao bound for the identifications that were found, with the errors as
    the catalogs give them and no detector motion; NaN for groups that are not aligned. Where groups
    were moved onto the reference as a whole, both are of their alignment to each other.

    Parameters
    ----------
    solution, detections, reference
        The outcome, and what it was made from.
    """
    if (solution.source < 0).all():
        unknown = np.full(len(solution.ra), np.nan)
        return unknown, unknown
    stars = None if reference is None else (reference, solution.reference_star)
    centres = solution.ra, solution.dec
    limit = bound(detections, solution.source, centres, solution.geometry, stars)
    starred = bool((solution.reference_star >= 0).any())
    ties = solution.component, solution.anchored & starred
    weight = solution.gauge
    theta = np.nan_to_num(solution.parameters)
    every = np.arange(len(theta))
    blocks = gauged(limit.known, limit.model, ties, weight, theta).blocks(every, every)
    aligned = solution.component >= 0
    return (
        _displacement(limit.model, detections, solution.covariance, aligned),
        _displacement(limit.model, detections, blocks, aligned),
    )


def _displacement(
    model: Model, detections: Detections, covariance: FloatArray, aligned: NDArray[np.bool_]
) -> FloatArray:
    group, count = detections.group, len(covariance)
    local = to_plane(directions(detections.ra, detections.dec), model.frames[group])
    slope = design(model.geometry, np.zeros((len(group), covariance.shape[1])), local)
    safe = np.where(aligned[:, None, None], covariance, 0.0)
    variance = np.einsum("nik,nkl,nil->n", slope, safe[group], slope) / 2.0
    size = np.bincount(group, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(group, variance, minlength=count) / size
    return np.asarray(np.where(aligned, 1e3 * np.sqrt(np.maximum(mean, 0.0)), np.nan))
