"""A second population with an offset of its own is seen, patterns of the first are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from star_fields import catalogs, field, noisy

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.matching.false_matches.second_peak import (
    OffsetAmbiguity,
    no_ambiguity,
    second_peaks,
)
from tweakreg_step.alignment.matching.offset_histogram import make_pairs, search
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions
from tweakreg_step.report.sentences import reason_of

WINDOW, RADIUS = 0.12, 2.0


def second(one: np.ndarray, other: np.ndarray) -> tuple[int, float]:
    """Sources that agree with a second offset, and its distance from the first [arcsec]."""
    given = catalogs(one, other)
    own = [given.take(given.group == group) for group in (0, 1)]
    pairs = make_pairs([tuple(cKDTree(directions(part.ra, part.dec)) for part in own)], RADIUS)
    peaks = search(pairs, RADIUS, WINDOW, np.zeros(1))
    doubts = second_peaks(pairs, peaks, RADIUS, WINDOW, np.ones(1, bool))
    return int(doubts.second[0]), float(doubts.distance[0])


def populations(seed: int, sizes: tuple[int, int], shift: float) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    first, other = (field(rng, size) for size in sizes)
    moved = np.concatenate([first, other + np.array([shift, 0.0])])
    return [noisy(rng, np.concatenate([first, other])), noisy(rng, moved)]


@pytest.mark.parametrize("size", [100, 50, 20])
def test_a_second_population_is_counted(size: int) -> None:
    for seed in range(20):
        count, distance = second(*populations(seed, (100, size), 1.2))
        # chance takes one or two out: a neighbour that belongs to the first peak
        assert count == pytest.approx(size, abs=3)
        assert distance == pytest.approx(1.2, abs=0.005)


def test_a_few_per_cent_are_not_told() -> None:
    assert second(*populations(1, (100, 6), 1.2))[0] == 0


def test_populations_within_a_window_are_one() -> None:
    assert second(*populations(2, (100, 50), 0.05))[0] == 0


def companions(seed: int, part: float) -> list[np.ndarray]:
    """Every star with six companions at the same places, of which each image shows a part."""
    rng = np.random.default_rng(seed)
    place, angle = field(rng, 60), np.pi / 3.0 * np.arange(6)
    spikes = 1.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    out = []
    for _ in range(2):
        every = (place[:, None] + spikes)[rng.random((60, 6)) < part]
        out.append(noisy(rng, np.concatenate([place, every])))
    return out


def streaks(seed: int, *, fixed: bool) -> list[np.ndarray]:
    """A hundred stars, and five saturated ones in ten pieces each, elsewhere in each image."""
    rng = np.random.default_rng(seed)
    place, bright = field(rng, 100), field(rng, 5)
    pieces = rng.uniform(-1.5, 1.5, (5, 10, 2))
    out = []
    for _ in range(2):
        broken = bright[:, None] + (pieces if fixed else rng.uniform(-1.5, 1.5, (5, 10, 2)))
        out.append(noisy(rng, np.concatenate([place, broken.reshape(-1, 2)])))
    return out


def crowded(seed: int) -> list[np.ndarray]:
    """One star per square arcsecond, a third of them seen in one image alone."""
    rng = np.random.default_rng(seed)
    place = field(rng, 1600, 40.0)
    return [noisy(rng, place[rng.random(1600) < 0.67]) for _ in range(2)]


@pytest.mark.parametrize(
    "scene",
    [
        lambda seed: companions(seed, 1.0),
        lambda seed: companions(seed, 0.3),
        lambda seed: streaks(seed, fixed=False),
        lambda seed: streaks(seed, fixed=True),
        crowded,
    ],
    ids=["companions", "some companions", "pieces", "the same pieces", "crowded"],
)
def test_no_second_peak_in_what_belongs_to_the_first(scene) -> None:
    assert [second(*scene(seed))[0] for seed in range(30)] == [0] * 30


def test_nothing_is_said_of_edges_that_are_not_believed() -> None:
    given = catalogs(*populations(3, (100, 50), 1.2))
    own = [given.take(given.group == group) for group in (0, 1)]
    pairs = make_pairs([tuple(cKDTree(directions(part.ra, part.dec)) for part in own)], RADIUS)
    peaks = search(pairs, RADIUS, WINDOW, np.zeros(1))
    doubts = second_peaks(pairs, peaks, RADIUS, WINDOW, np.zeros(1, bool))
    assert not doubts.any.any()


def test_a_group_in_two_parts_is_doubtful_and_says_why() -> None:
    given = catalogs(*populations(4, (60, 30), 0.9))
    found = solve_jointly(given, 2, None, Options())
    assert [verdict.code for verdict in found.relative] == ["second_peak"] * 2
    assert all(verdict.applied for verdict in found.relative)
    reason = reason_of(found.relative[0])
    assert "0.90 arcsec away" in reason
    assert "'searchrad'" in reason
    assert found.relative[0].evidence.second_matches == pytest.approx(30, abs=2)


def test_doubts_are_taken_and_joined() -> None:
    some = OffsetAmbiguity(np.array([0, 5]), np.array([np.nan, 1.0]), np.array([7, 0]))
    both = OffsetAmbiguity.joined([some, no_ambiguity(1)])
    assert both.any.tolist() == [True, True, False]
    assert both.take(np.array([1])).second.tolist() == [5]
    only = both.only(np.array([False, True, False]))
    assert only.pinned.tolist() == [0, 0, 0]
    assert only.second.tolist() == [0, 5, 0]
    assert np.isnan(only.distance).tolist() == [True, False, True]
