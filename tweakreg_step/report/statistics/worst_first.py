"""Which groups and pairs get a picture of their own: the worst first, because room is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import overlapping
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, mean_frames
from tweakreg_step.report.group_outcome import standings

from .offset_histogram import MARGIN, option

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult


__all__ = ["groups_by_need", "pairs_by_need", "shared_matches"]

_EACH = 2
"""Pictures of pairs for one group, so that one bad group does not take all the room."""


def groups_by_need(result: RunResult) -> list[int]:
    """All groups: those left alone first, then the doubtful, then by how badly they fit."""
    rank = np.array([standing.rank for standing in standings(result)], float)
    badness = np.zeros(len(rank))
    if result.solution is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            badness = np.nan_to_num(
                result.solution.groups.chi2 / result.solution.groups.dof, posinf=0.0
            )
    elif result.fits:
        badness = np.array([fit.rms_mas if fit is not None else 0.0 for fit in result.fits])
    return [int(group) for group in np.lexsort((-badness, rank))]


def shared_matches(result: RunResult) -> dict[tuple[int, int], int]:
    """Matches of each pair of groups, the lower number first, as far as they have any."""
    if result.solution is None:
        return {}
    pairs = np.sort(result.solution.pairs.groups, axis=1).tolist()
    return {
        (first, second): int(count)
        for (first, second), count in zip(pairs, result.solution.pairs.matches, strict=True)
    }


def pairs_by_need(result: RunResult) -> list[tuple[int, int]]:
    """All pairs of groups that overlap or share matches, in the order in which to look at them.

    Groups that need a look come first, each with the pairs in which most is expected; then pairs
    that nothing checks (bridges); then those with the fewest matches.
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
            matches.get(p, 0) if worst[p] == 3 else -expected.get(p, 0.0),
            p,
        ),
    )
    return _spread(order, ranks)


def _spread(order: list[tuple[int, int]], ranks: list[int]) -> list[tuple[int, int]]:
    """The same pairs; those of a group that has had its share already come last."""
    seen = [0] * len(ranks)
    first: list[tuple[int, int]] = []
    later: list[tuple[int, int]] = []
    for pair in order:
        # a pair is counted for the one of the two that made it worth a look
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
    detections, count = result.detections, len(result.group_names)
    if detections is None or len(detections) == 0:
        return {}
    good = np.isfinite(detections.ra) & np.isfinite(detections.dec)
    vectors = directions(detections.ra[good], detections.dec[good])
    group = detections.group[good]
    margin = MARGIN * option(result, "searchrad", Options().searchrad)
    pairs, expected = overlapping(vectors, group, mean_frames(vectors, group, count), margin)
    rows = zip(np.sort(pairs, axis=1).tolist(), expected.tolist(), strict=True)
    return {(first, second): value for (first, second), value in rows}
