"""The overlap graph as it stands in a report: pairs of groups, their offsets, their closure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import matched_of, pair_offsets_of

if TYPE_CHECKING:
    from tweakreg_step.alignment import PairOffsets
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.solution import Solution

    from .result import RunResult


__all__ = ["MOST_PAIRS", "overlaps_of"]

MOST_PAIRS = 20_000
"""Pairs listed at most; a stack of 1000 groups has 500,000, and a report of them 300 MB."""

_SEARCHED = 2.0  # arcsec, where the result does not say


def overlaps_of(result: RunResult) -> dict[str, Any]:
    """The overlap graph: how many pairs there are, and what is known of each.

    Parameters
    ----------
    result
        Of a run.
    """
    detections, solution = result.detections, result.solution
    if detections is None or solution is None:
        return {"count": 0, "pairs": []}
    chosen = _chosen(solution)
    matched = matched_of(detections, result.reference, solution)
    offsets = pair_offsets_of(matched, detections, solution, chosen, _searched(result))
    bridge = solution.pairs.bridge[chosen]
    wanted = solution.pairs.covariance[chosen]
    rows = [_row(offsets, row, wanted[row], bridge=bool(bridge[row])) for row in range(len(chosen))]
    return {"count": len(solution.pairs), "pairs": rows}


def _searched(result: RunResult) -> float:
    values = {name: value for name, value, _ in result.parameters}
    given = values.get("searchrad", _SEARCHED)
    return float(given) if isinstance(given, int | float) else _SEARCHED


def _chosen(solution: Solution) -> IntArray:
    """Indices of the pairs to list, ascending: all, or bridges and the least certain ones."""
    count = len(solution.pairs)
    if count <= MOST_PAIRS:
        return np.arange(count)
    variance = np.trace(solution.pairs.covariance, axis1=1, axis2=2)
    order = np.lexsort((-variance, ~solution.pairs.bridge))
    return np.sort(order[:MOST_PAIRS])


def _row(offsets: PairOffsets, row: int, wanted: FloatArray, *, bridge: bool) -> dict[str, Any]:
    """One pair; `wanted` (2, 2) is the covariance of its relative displacement [arcsec^2]."""
    one, other = (int(group) for group in offsets.pairs[row])
    after, covariance = offsets.after[row], offsets.covariance[row]
    known = bool(np.isfinite(covariance).all())
    closed = known and not bridge
    return {
        "first": one,
        "second": other,
        "matches": int(offsets.matches[row]),
        "log10_chance": float(offsets.log10_chance[row]),
        "offset_mas": _mas(offsets.before[row]) if known else None,
        "offset_sigma_mas": _mas(np.sqrt(np.diag(covariance))) if known else None,
        "bridge": bridge,
        "closure_mas": _mas(after) if closed else None,
        "closure_significance": _significance(after, covariance) if closed else None,
        "relative_sigma_mas": _mas(np.sqrt(np.diag(wanted))),
    }


def _mas(values: FloatArray) -> list[float]:
    return [1e3 * float(value) for value in values]


def _significance(vector: FloatArray, covariance: FloatArray) -> float:
    """Length of a vector in units of its error, per axis: 1 where it is as long as expected."""
    return float(np.sqrt(0.5 * vector @ np.linalg.solve(covariance, vector)))
