"""The motions of the detectors as numbers with units, and the detectors' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import ARCSEC

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult

__all__ = ["unit_motions", "unit_names"]


def unit_motions(solution: Solution) -> tuple[FloatArray, FloatArray, list[str]]:
    """Values and errors (U, q), and what they are, with units."""
    width = solution.units.covariance.shape[1]
    theta = parameters_of("rscale", solution.units.matrix, solution.units.shift)[:, :width]
    variance = np.diagonal(solution.units.covariance, axis1=1, axis2=2)
    factor = np.array([1000.0, 1000.0, ARCSEC, 1e6])[: theta.shape[1]]
    labels = ["shift in V2 [mas]", "shift in V3 [mas]", "roll [arcsec]", "scale [ppm]"]
    sigma = np.sqrt(np.maximum(variance, 0.0))[:, : theta.shape[1]]
    return theta * factor, sigma * factor, labels[: theta.shape[1]]


def unit_names(result: RunResult, detections: Detections, count: int) -> list[str]:
    """The detector and filter of each unit, by the first of its detections."""
    names = []
    for unit in range(count):
        own = np.flatnonzero(detections.unit == unit)
        name = result.images.detectors[detections.image[own[0]]] if len(own) else ""
        names.append(name or f"detector {unit + 1}")
    return names
