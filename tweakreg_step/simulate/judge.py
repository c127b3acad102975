"""An alignment against the truth of its scene, and against the best that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import renumber
from tweakreg_step.alignment.solver import bound, displacement_covariance, without_common
from tweakreg_step.core.sphere import directions
from tweakreg_step.simulate.sky import displacement_errors

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import IntArray
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.simulate.sky import Scene


__all__ = ["Judgement", "judge", "true_sources"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Errors at the centres and corners of all fields, a common motion removed if it is free.

    Attributes
    ----------
    rms_mas, bound_mas
        Root mean square per axis of the errors, and of the Cramer-Rao bound.
    normalised
        Errors' square in units of the bound's covariance, over its rank: 1 for an alignment at the
        bound, with a scatter of sqrt(2 / rank).
    rank
        Number of independent errors.
    """

    rms_mas: float
    bound_mas: float
    normalised: float
    rank: int


def true_sources(scene: Scene) -> tuple[IntArray, IntArray]:
    """True sources (N,) of the detections, -1 where none, and the star (S,) of the reference."""
    count = int(max(scene.star.max(initial=-1), scene.reference_star.max(initial=-1))) + 1
    entry = np.full(count, -1, np.int64)
    entry[scene.reference_star] = np.arange(len(scene.reference_star))
    source = renumber(scene.star, np.where(entry >= 0, 1, 2))
    star = np.full(int(source.max(initial=-1)) + 1, -1, np.int64)
    inside = source >= 0
    star[source[inside]] = entry[scene.star[inside]]
    return source, star


def judge(
    scene: Scene, solution: Solution, prior: tuple[float, float, float] = (0.3, 100.0, 1e-4)
) -> Judgement:
    """The errors of a solution and the bound of its scene, which has no detector motions.

    Parameters
    ----------
    scene, solution
        The truth and the result.
    prior
        Of the pointing, see `tweakreg_step.core.correction.prior_precision`.
    """
    source, star = true_sources(scene)
    reference = None if scene.reference is None else (scene.reference, star)
    centre = scene.centre[:, 0], scene.centre[:, 1]
    best = bound(scene.detections, source, centre, solution.geometry, reference, prior)
    found = (solution.groups.ra, solution.groups.dec)
    error = displacement_errors(scene, found, solution.groups.matrix, solution.groups.shift).ravel()
    group = np.repeat(np.arange(scene.group_count), scene.grid.shape[1])
    vectors = directions(scene.grid_true[..., 0].ravel(), scene.grid_true[..., 1].ravel())
    covariance = displacement_covariance(best, group, vectors)
    if reference is None:
        projection = without_common(best.model, group, vectors)
        error = projection @ error
        covariance = projection @ covariance @ projection.T
    values, axes = np.linalg.eigh(covariance)
    kept = values > 1e-9 * values[-1]
    square = (axes[:, kept].T @ error) ** 2 / values[kept]
    return Judgement(
        rms_mas=1e3 * float(np.sqrt(np.mean(error**2))),
        bound_mas=1e3 * float(np.sqrt(np.trace(covariance) / len(error))),
        normalised=float(square.mean()),
        rank=int(kept.sum()),
    )
