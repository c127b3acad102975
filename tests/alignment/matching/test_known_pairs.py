"""Pairs of groups that are known are not matched again, and all comes out the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from star_fields import catalogs, field, noisy

from tweakreg_step.alignment import KnownPairs, solve_jointly
from tweakreg_step.alignment.matching import known_pairs
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.options import Options
from tweakreg_step.core.solution import Solution

OFFSETS = ((0.0, 0.0), (0.2, -0.1), (-0.3, 0.1), (0.1, 0.3))
"""Pointing errors [arcsec]."""


@pytest.fixture
def four() -> Detections:
    """Four exposures of the same stars, by two detectors."""
    rng = np.random.default_rng(5)
    place = field(rng, 60)
    found = catalogs(*(noisy(rng, place) + offset for offset in OFFSETS))
    detector = np.array([1, 0, 1, 0])[found.group]
    return replace(found, unit=detector, detector=detector)


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs are matched, each time that some are."""
    counts: list[int] = []
    find = known_pairs.find_edges_around

    def counting(nodes: Any, *arguments: Any) -> Any:
        counts.append(len(nodes))
        return find(nodes, *arguments)

    monkeypatch.setattr(known_pairs, "find_edges_around", counting)
    return counts


def relative(matched: list[int]) -> list[int]:
    """Without the searches for pairs with a reference, of which there are none."""
    return [count for count in matched if count]


def assert_same(one: Solution, other: Solution) -> None:
    sigma = np.sqrt(np.einsum("gii->gi", one.groups.covariance))
    gap = np.abs(one.groups.parameters - other.groups.parameters)
    assert np.max(gap / sigma) < 1e-6
    assert [found.code for found in one.relative] == [found.code for found in other.relative]


def test_pairs_with_what_is_new_alone_are_matched(four: Detections, matched: list[int]) -> None:
    at_once = solve_jointly(four, 4, None, Options())
    assert relative(matched) == [6]
    matched.clear()
    known = KnownPairs()
    solve_jointly(four.take(four.group < 3), 3, None, Options(), known)
    assert relative(matched) == [3]
    assert len(known) == 3
    matched.clear()
    known = KnownPairs.of_columns(known.columns())  # as from a file
    grown = solve_jointly(four, 4, None, Options(), known)
    assert relative(matched) == [3]
    assert len(known) == 6
    assert_same(grown, at_once)
    matched.clear()
    assert_same(solve_jointly(four, 4, None, Options(), known), at_once)
    assert relative(matched) == []


def test_what_has_changed_is_matched_anew(four: Detections, matched: list[int]) -> None:
    known = KnownPairs()
    options = Options(start=(0.1, 0.0))
    solve_jointly(four, 4, None, options, known)
    matched.clear()
    moved = replace(four, ra=four.ra + np.where(four.group == 1, 1e-5, 0.0))
    solve_jointly(moved, 4, None, options, known)
    assert relative(matched) == [3]
    for other in (Options(searchrad=1.0, start=(0.1, 0.0)), Options(start=(0.0, 0.1))):
        matched.clear()
        solve_jointly(four, 4, None, other, known)
        assert relative(matched) == [6]


def test_none_are_known() -> None:
    assert len(KnownPairs.of_columns(KnownPairs().columns())) == 0
