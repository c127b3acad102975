"""What ties pairs of groups: how many sources they share, and how well these place them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult

__all__ = ["pair_sigmas", "shared_matches"]


def shared_matches(result: RunResult) -> dict[tuple[int, int], int]:
    """Number of matches of each pair of groups that has any, the lower number first."""
    if result.solution is None:
        return {}
    pairs = np.sort(result.solution.pairs.groups, axis=1).tolist()
    return {
        (first, second): int(count)
        for (first, second), count in zip(pairs, result.solution.pairs.matches, strict=True)
    }


def pair_sigmas(result: RunResult) -> dict[tuple[int, int], float]:
    """Error per axis [mas] of each pair's relative position, the lower number first."""
    solution = result.solution
    if solution is None:
        return {}
    trace = np.trace(solution.pairs.covariance, axis1=1, axis2=2)
    sigma = 1000.0 * np.sqrt(0.5 * np.maximum(trace, 0.0))
    pairs = np.sort(solution.pairs.groups, axis=1).tolist()
    return {(a, b): float(value) for (a, b), value in zip(pairs, sigma, strict=True)}
