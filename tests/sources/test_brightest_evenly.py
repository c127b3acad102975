"""The brightest, evenly over the detector."""

from __future__ import annotations

import numpy as np

from tweakreg_step.sources.selection import brightest_evenly

SHAPE = (1000, 1000)


def test_few_sources_are_all_kept_brightest_first() -> None:
    flux = np.array([3.0, 9.0, 3.0, 5.0])
    chosen = brightest_evenly(np.arange(4.0), np.arange(4.0), flux, SHAPE, 10)
    assert chosen.tolist() == [1, 3, 0, 2]


def test_a_bright_cluster_does_not_take_all_places() -> None:
    rng = np.random.default_rng(2)
    x = np.r_[rng.uniform(0, 999, 500), rng.normal(500, 20, 500)]
    y = np.r_[rng.uniform(0, 999, 500), rng.normal(500, 20, 500)]
    flux = np.r_[rng.uniform(1, 2, 500), rng.uniform(100, 200, 500)]
    chosen = brightest_evenly(x, y, flux, SHAPE, 200)
    assert len(chosen) == 200
    assert np.all(np.diff(flux[chosen]) <= 0)
    # 36 cells of 5: the cluster touches 4 of them and fills up the 20 places that are left
    column, row = (((a[chosen] + 0.5) * 6 / 1000).astype(int).clip(0, 5) for a in (x, y))
    cell = row * 6 + column
    assert np.bincount(cell, minlength=36).min() >= 5
    assert np.sum(chosen >= 500) <= 20 + 4 * 5


def test_within_a_cell_the_brightest_are_taken_and_ties_keep_their_order() -> None:
    x, flux = np.full(30, 10.0), np.r_[np.full(15, 2.0), np.full(15, 7.0)]
    assert brightest_evenly(x, x, flux, SHAPE, 17).tolist() == [*range(15, 30), 0, 1]
