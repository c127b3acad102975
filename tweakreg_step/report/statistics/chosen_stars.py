"""Detections to be looked at: those with the largest residuals, and the brightest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.report.result import RunResult

__all__ = ["EACH", "chosen_stars"]

EACH = 10
"""Detections of each kind."""


def chosen_stars(result: RunResult) -> tuple[IntArray, IntArray]:
    """Indices of the detections with the largest residuals, and of the brightest.

    Of a star that is seen several times there is the one detection that comes first; of those with
    the largest residuals the ones that the fit gave up are among them.
    """
    detections, solution = result.catalogs.detections, result.solution
    if detections is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    source = np.full(len(detections), -1)
    residual = np.full(len(detections), np.nan)
    if solution is not None:
        source = solution.detections.source
        residual = np.where(source >= 0, np.hypot(*solution.detections.residual.T), np.nan)
    flux = np.where(detections.flux > 0.0, detections.flux, np.nan)
    return _largest(residual, source), _largest(flux, source)


def _largest(values: FloatArray, source: IntArray) -> IntArray:
    """Indices of the largest values, one for each source."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    order = order[np.isfinite(values[order])][: 50 * EACH]
    own = np.where(source[order] < 0, -1 - order, source[order])  # those without a source: all
    _, first = np.unique(own, return_index=True)
    return np.asarray(order[np.sort(first)][:EACH])
