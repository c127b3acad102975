"""Which groups hang on doubtful edges alone, on graphs small enough to draw."""

from __future__ import annotations

import numpy as np

from tweakreg_step.alignment.matching.corroboration import ambiguity_of_groups
from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity


def doubted(count: int, edges: dict[tuple[int, int], int]) -> tuple[list[int], list[int]]:
    """Ambiguity of the relative and the absolute places, of edges and how many disagree."""
    size = np.array(list(edges.values()), np.int64)
    doubts = OffsetAmbiguity(size, np.where(size > 0, 1.0, np.nan), 0 * size)
    found = ambiguity_of_groups(np.array(list(edges), np.int64), doubts, count)
    return found[0].second.tolist(), found[1].second.tolist()


def test_without_doubtful_edges_no_group_is() -> None:
    assert doubted(3, {(0, 1): 0, (1, 2): 0, (0, 3): 0}) == ([0, 0, 0], [0, 0, 0])


def test_of_two_groups_both_are() -> None:
    assert doubted(2, {(0, 1): 9}) == ([9, 9], [0, 0])


def test_a_chain_of_others_vouches() -> None:
    assert doubted(3, {(0, 1): 9, (1, 2): 0, (0, 2): 0}) == ([0, 0, 0], [0, 0, 0])


def test_what_hangs_on_many_is_doubtful_alone() -> None:
    edges = {(0, 1): 0, (1, 2): 0, (0, 2): 0, (2, 3): 9, (3, 4): 0}
    assert doubted(5, edges) == ([0, 0, 0, 9, 9], [0, 0, 0, 0, 0])


def test_halves_are_both_doubtful() -> None:
    assert doubted(4, {(0, 1): 0, (1, 2): 9, (2, 3): 0})[0] == [9] * 4


def test_the_reference_vouches_for_both_phases() -> None:
    reference = 2
    assert doubted(2, {(0, 1): 9, (0, reference): 0, (1, reference): 0}) == ([0, 0], [0, 0])


def test_a_doubtful_tie_to_the_reference_is_one_of_the_absolute_phase() -> None:
    reference = 3
    edges = {(0, 1): 0, (1, 2): 0, (0, reference): 9}
    assert doubted(3, edges) == ([0, 0, 0], [9, 9, 9])


def test_the_doubt_of_most_sources_is_told() -> None:
    assert doubted(3, {(0, 1): 4, (0, 2): 9, (1, 2): 6})[0] == [9, 6, 9]
