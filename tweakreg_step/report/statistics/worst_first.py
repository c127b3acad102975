"""Order of groups and pairs for tables and pictures, the worst first, as space is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import overlapping
from tweakreg_step.core.sphere import directions, mean_frames
from tweakreg_step.report.group_outcome import standings

from .offset_histogram import MARGIN
from .pair_ties import shared_matches

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult


__all__ = ["MISFIT", "groups_by_need", "pairs_by_need"]

MISFIT = 2.0
"""chi2 / dof above which errors or model are wrong."""

_EACH = 2
"""Pictures of pairs for one group at most, so that one bad group does not take all the space."""


def groups_by_need(result: RunResult) -> list[int]:
    """All groups: those left alone first, then the doubtful, then those that fit badly.

    Groups that are aligned and fit as their errors allow are in the order of the run.
    """
    rank = np.array([standing.rank for standing in standings(result)], float)
    badness = np.zeros(len(rank))
    if result.solution is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            badness = np.nan_to_num(
                result.solution.groups.chi2 / result.solution.groups.dof, posinf=0.0
            )
        badness = np.where(badness > MISFIT, badness, 0.0)
    return [int(group) for group in np.lexsort((-badness, rank))]


def pairs_by_need(result: RunResult) -> list[tuple[int, int]]:
    """All pairs of groups that overlap or share matches, those that need attention first.

    First the pairs of groups that need attention, those with most expected matches; then bridges,
    whose offsets are not checked; then the others, those with most matches first.
    """
    expected = _overlaps(result)
    matches = shared_matches(result)
    bridges = _bridges(result)
    ranks = [standing.rank for standing in standings(result)]
    pairs = sorted(set(expected) | set(matches))
    worst = {pair: min(ranks[pair[0]], ranks[pair[1]]) for pair in pairs}
    order = sorted(
        pairs,
        key=lambda p: (
            worst[p],
            p not in bridges,
            -matches.get(p, 0) if worst[p] == 3 else -expected.get(p, 0.0),
            p,
        ),
    )
    return _spread(order, ranks)


def _spread(order: list[tuple[int, int]], ranks: list[int]) -> list[tuple[int, int]]:
    """The pairs, with those beyond the share of a group moved to the end."""
    seen = [0] * len(ranks)
    first: list[tuple[int, int]] = []
    later: list[tuple[int, int]] = []
    for pair in order:
        # a pair counts for the worse of its two groups
        owner = min(pair, key=lambda group: (ranks[group], group))
        seen[owner] += 1
        (first if seen[owner] <= _EACH else later).append(pair)
    return first + later


def _bridges(result: RunResult) -> set[tuple[int, int]]:
    if result.solution is None:
        return set()
    return result.solution.pairs.bridges


def _overlaps(result: RunResult) -> dict[tuple[int, int], float]:
    """How many sources pairs of overlapping groups should share, from their footprints."""
    detections, count = result.catalogs.detections, len(result.groups)
    if detections is None or len(detections) == 0:
        return {}
    good = np.isfinite(detections.ra) & np.isfinite(detections.dec)
    vectors = directions(detections.ra[good], detections.dec[good])
    group = detections.group[good]
    margin = MARGIN * result.run.options.searchrad
    pairs, expected = overlapping(vectors, group, mean_frames(vectors, group, count), margin)
    rows = zip(np.sort(pairs, axis=1).tolist(), expected.tolist(), strict=True)
    return {(first, second): value for (first, second), value in rows}
