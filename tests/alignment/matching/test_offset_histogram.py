"""The search for offsets, against truth and against Poisson's law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import poisson

from tweakreg_step.alignment.matching import offset_histogram as offset
from tweakreg_step.alignment.matching.expectation_maximisation import expectation_maximisation
from tweakreg_step.core import sphere

FRAME = sphere.frames_at(40.0, -60.0)


def _trees(rng, shift, roll, true=60, chance=100, sigma=0.002):
    places = rng.uniform(-32.0, 32.0, (true, 2))
    one = np.concatenate([places, rng.uniform(-32.0, 32.0, (chance, 2))])
    other = offset.rotated(places - shift, -roll)
    other = np.concatenate([other, rng.uniform(-32.0, 32.0, (chance, 2))])
    noise = sigma * rng.normal(size=(2, true + chance, 2))
    both = [sphere.from_plane(part + n, FRAME) for part, n in zip((one, other), noise, strict=True)]
    return tuple(cKDTree(part) for part in both)


def _peaks(trees, radius=2.0, roll=300.0):
    pairs = offset.make_pairs([trees], radius + 0.1)
    rolls = offset.roll_grid(roll, float(pairs.lever[0]), 0.12)
    return pairs, offset.search(pairs, radius, 0.12, rolls)


@pytest.mark.parametrize("seed", range(10))
def test_the_offset_is_found_without_bias(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shift, roll = rng.uniform(-1.3, 1.3, 2), rng.normal() * 5e-4
    pairs, peaks = _peaks(_trees(rng, shift, roll))
    matches = expectation_maximisation(pairs, peaks, np.full(1, 2e-6), 0.12, (2.0, 300.0))
    assert peaks.log_chance[0] < -50.0
    assert not peaks.rival[0]
    # the motion applied to a place, against the truth; five standard deviations of the mean
    turn = sphere.rotation_matrices(matches.vector)[0]
    corners = np.array([[20.0, 20.0], [-20.0, 20.0], [0.0, 0.0]])
    seen = sphere.from_plane(offset.rotated(corners - shift, -roll), FRAME)
    error = sphere.to_plane(seen @ turn.T, FRAME) - corners
    assert np.abs(error).max() < 5.0 * 0.002 * np.sqrt(2.0 / 60.0) * 2.0
    assert matches.true[0] == pytest.approx(60.0, abs=6.0)
    assert matches.sigma[0] == pytest.approx(0.002 * np.sqrt(2.0), rel=0.3)


def test_unrelated_catalogs_are_not_significant() -> None:
    values = []
    for seed in range(200):
        _, peaks = _peaks(_trees(np.random.default_rng(seed), 0.0, 0.0, true=0, chance=150))
        values.append(peaks.log_chance[0])
    # 1e-4 is asked for; of 200 trials none may come near, and most must look like chance
    assert min(values) > np.log(1e-4)
    assert np.median(values) > np.log(0.05)


def test_a_second_peak_is_a_rival() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-32.0, 32.0, (60, 2))
    doubled = np.concatenate([places, places + np.array([0.9, 0.4])])
    trees = tuple(cKDTree(sphere.from_plane(part, FRAME)) for part in (places, doubled))
    _, peaks = _peaks(trees)
    assert peaks.rival[0]


def test_chance_follows_poisson() -> None:
    count, expected = np.array([1.0, 5.0, 30.0, 0.0]), np.array([0.1, 1.0, 12.0, 3.0])
    np.testing.assert_allclose(
        offset.log_chance(count, expected), poisson.logsf(count - 1.0, expected), atol=1e-9
    )
    # far out, where 1 - cdf is no longer a number: the first term of the tail
    far = offset.log_chance(np.array([500.0]), np.array([2.0]))
    assert far[0] == pytest.approx(poisson.logpmf(500, 2.0), rel=1e-4)


def test_edges_without_pairs_have_no_significance() -> None:
    far = cKDTree(sphere.directions([10.0, 10.1], [0.0, 0.0]))
    near = cKDTree(sphere.directions([50.0, 50.1], [0.0, 0.0]))
    pairs = offset.make_pairs([(far, near)], 2.0)
    peaks = offset.search(pairs, 2.0, 0.12, np.zeros(1))
    assert peaks.log_chance[0] == 0.0


def test_the_grid_of_rolls_covers_its_range() -> None:
    rolls = offset.roll_grid(300.0, 40.0, 0.12)
    assert rolls.max() * sphere.ARCSEC >= 300.0 * (1.0 - 1e-12)
    assert np.diff(rolls).max() * 40.0 <= 0.0601
    assert offset.roll_grid(0.0, 40.0, 0.12).tolist() == [0.0]
