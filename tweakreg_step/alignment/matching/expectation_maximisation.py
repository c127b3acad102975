"""Relative motion of two catalogs by expectation-maximisation over the pairs around a peak.

A pair is a true one with a Gaussian error (both catalogs' noise and errors of the model) or a
chance one, uniformly distributed (Tian, Budavari & White 2019). The width of the Gaussian decreases
from the window of the search to that of the data; the match radius follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import ARCSEC, rotation_matrices, rotation_vectors

from .offset_histogram import log_chance, mutual_count, rotated

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .offset_histogram import Pairs, Peaks


__all__ = ["Matches", "expectation_maximisation"]

_ROUNDS = 14
"""Rounds of EM; the width at most halves in each, which spans a factor of 4096."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The relative motion of E edges.

    Attributes
    ----------
    vector
        (E, 3) rotation [arcsec] that moves the second catalog onto the first.
    direction
        (E, 3) mean direction of the pairs.
    lever
        (E,) rms distance of the pairs from it [arcsec].
    sigma
        (E,) error of a difference of two positions per axis [arcsec].
    true
        (E,) expected number of true pairs.
    shift_variance, roll_variance
        (E,) variances of the motion, arcsec^2 per axis and radians^2.
    log_chance
        (E,) logarithm of the probability of as many chance pairs at any offset and roll.
    """

    vector: FloatArray
    direction: FloatArray
    lever: FloatArray
    sigma: FloatArray
    true: FloatArray
    shift_variance: FloatArray
    roll_variance: FloatArray
    log_chance: FloatArray


@dataclass(frozen=True, slots=True)
class _State:
    """Parameters of the mixture after a round."""

    motion: FloatArray  # (E, 3): shift [arcsec], and roll [radians] relative to the peak's
    variance: FloatArray  # (E,) of true pairs per axis [arcsec^2]
    true: FloatArray  # (E,) expected number of true pairs
    normal: FloatArray  # (E, 3, 3) normal matrix of the motion


def _sums(edge: IntArray, values: FloatArray, count: int) -> FloatArray:
    return np.bincount(edge, values, minlength=count).astype(float)


def _round(
    state: _State,
    pairs: tuple[IntArray, FloatArray, FloatArray],
    density: FloatArray,
    noise: FloatArray,
    roll_sigma: float,
) -> _State:
    """One round: the probability of each pair to be true, then the motion and the width.

    Parameters
    ----------
    state
        That of the round before.
    pairs
        Edge (N,) of each pair, the positions (2, N) of its second detection after the peak's roll,
        and how far from there the first is (2, N) [arcsec].
    density
        (E,) of chance pairs, per arcsec^2.
    noise, roll_sigma
        Smallest variances (E,), and the prior's width of a roll.
    """
    edge, (x, y), (east, north) = pairs
    count, motion = len(density), state.motion.T[:, edge]
    east, north = east - motion[0] + motion[2] * y, north - motion[1] - motion[2] * x
    variance, square = state.variance[edge], east**2 + north**2
    peak = state.true[edge] / (2.0 * np.pi * variance)
    peak = peak * np.exp(-0.5 * square / variance)
    chance = peak / (peak + density[edge])
    true = _sums(edge, chance, count)
    normal = np.zeros((count, 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = true + 1e-9
    normal[:, 0, 2] = normal[:, 2, 0] = -_sums(edge, chance * y, count)
    normal[:, 1, 2] = normal[:, 2, 1] = _sums(edge, chance * x, count)
    normal[:, 2, 2] = _sums(edge, chance * (x**2 + y**2), count) + state.variance / roll_sigma**2
    moments = (east, north, north * x - east * y)
    right = np.stack([_sums(edge, chance * moment, count) for moment in moments], axis=1)
    right[:, 2] -= state.motion[:, 2] * state.variance / roll_sigma**2
    motion = state.motion + np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    width = _sums(edge, chance * square, count) / (2.0 * np.maximum(true, 1e-9))
    variance = np.maximum(np.maximum(width, 0.25 * state.variance), noise)
    return _State(motion, variance, np.maximum(true, 0.1), normal)


def expectation_maximisation(
    pairs: Pairs, peaks: Peaks, noise: FloatArray, window: float, trials: tuple[float, float]
) -> Matches:
    """The relative motion of each edge, and its significance at the fitted width.

    Parameters
    ----------
    pairs, peaks
        Pairs of E edges, and the peaks of their offset histograms.
    noise
        (E,) smallest variance of a difference per axis [arcsec^2].
    window
        Side of the search's window [arcsec].
    trials
        Largest offset [arcsec] and largest roll [arcsec as angle] that were tried.
    """
    difference = pairs.first - rotated(pairs.second, peaks.roll[pairs.edge])
    away = np.max(np.abs(difference - peaks.offset[pairs.edge]), axis=1)
    close = pairs.take(away <= 1.5 * window)
    count = len(pairs.frames)
    # a prior limits the roll to about its step of the grid: two pairs alone would fit any roll
    lever = np.maximum(close.lever, window)
    roll_sigma = float(np.median(window / lever)) if count else 1.0
    start = np.column_stack([peaks.offset, np.zeros(count)])
    state = _State(
        start,
        np.full(count, (0.3 * window) ** 2),
        np.maximum(peaks.count.astype(float), 1.0),
        np.zeros((count, 3, 3)),
    )
    second = rotated(close.second, peaks.roll[close.edge])
    compared = close.edge, second.T.copy(), (close.first - second).T.copy()
    for _ in range(_ROUNDS):
        state = _round(state, compared, peaks.density, noise, roll_sigma)
    return _summary(state, close, peaks, trials)


def _summary(state: _State, pairs: Pairs, peaks: Peaks, trials: tuple[float, float]) -> Matches:
    edge = pairs.edge
    roll = peaks.roll + state.motion[:, 2]
    rest = pairs.first - rotated(pairs.second, roll[edge]) - state.motion[edge, :2]
    within = np.sum(rest**2, axis=1) <= 9.0 * state.variance[edge]
    found = mutual_count(pairs, within)
    lever = pairs.lever
    cell = np.maximum(3.0 * np.sqrt(state.variance), 1e-9)
    tried = np.pi * (trials[0] / cell) ** 2 * (1.0 + 2.0 * trials[1] / ARCSEC * lever / cell)
    area = np.pi * 9.0 * state.variance
    fine = log_chance(found.astype(float), peaks.density * area) + np.log(np.maximum(tried, 1.0))
    chance = np.minimum(fine, peaks.log_chance) + np.log(2.0)
    inverse = np.linalg.inv(state.normal) * state.variance[:, None, None]
    shift, out = state.motion[:, :2], pairs.frames[:, 2]
    # A shift (a, b) of the point c = east x north is the rotation a north - b east.
    push = shift[:, :1] * pairs.frames[:, 1] - shift[:, 1:] * pairs.frames[:, 0]
    # first the roll, then the shift: large rotation vectors can't simply be added
    turn = rotation_matrices(push) @ rotation_matrices(ARCSEC * roll[:, None] * out)
    return Matches(
        vector=rotation_vectors(turn),
        direction=out,
        lever=lever,
        sigma=np.sqrt(state.variance),
        true=state.true,
        shift_variance=0.5 * (inverse[:, 0, 0] + inverse[:, 1, 1]),
        roll_variance=inverse[:, 2, 2],
        log_chance=np.minimum(chance, 0.0),
    )
