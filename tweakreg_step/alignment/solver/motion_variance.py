"""Variance of fitted positions due to the motions, which residuals lack.

Of many parameters the covariance of the motions is not computed: motions are drawn that have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import source_sums

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .hierarchy import Linear
    from .links import Links
    from .normal_equations import Step

__all__ = ["derivatives", "motion_variance"]

_EXACT = 3e7
"""Detections times the square of the number of parameters, up to which the variance is computed,
not sampled."""

_SAMPLES, _ROUNDS_OF_SAMPLES = 4, 8
"""Motions that are drawn at once, and how often."""

_AT_ONCE = 50_000
"""Detections whose displacements by these motions are in memory at once."""

_DENSE = 200_000
"""Entries up to which matrices are dense: sparse ones cost more to build than they save."""

_SMALL = 1000.0
"""The same, from which on an image's mean does for all of its detections: the motions have some
5e-4 of their variance."""

_OF_IMAGE = 100
"""Detections of an image whose displacements by them are worked out."""

_ENOUGH = 50.0
"""Detections N for each of P parameters from which on one round does. Motions have about P / 2N of
the variance of a detection, which the 8 squares of a round know to a half: together 0.5 %."""


def motion_variance(linear: Linear, links: Links, step: Step, weight: FloatArray) -> FloatArray:
    """Variance (L,) per axis of the links' fitted positions due to the motions [arcsec^2].

    Half the trace of T_i C T_i', T_i being the derivative of the difference between the detection's
    corrected position and its source's mean, C the covariance of the motions. Of many parameters C
    is not computed: motions are drawn that have it.

    Parameters
    ----------
    linear, links, step
        The linearised problem, its links, and its solution.
    weight
        (L,) weights of the links in the means of their sources [arcsec^-2].
    """
    count = len(linear.index)
    total = np.bincount(links.source, weight, minlength=links.source_count)
    share = np.divide(weight, total[links.source], out=np.zeros(count), where=weight > 0.0)
    if count * linear.parameter_count**2 <= _EXACT:
        slope = _differences(linear, links, share)
        moved = slope @ step.factor.inverse()
        product = slope * moved if isinstance(slope, np.ndarray) else slope.multiply(moved)
        square = np.asarray(product.sum(axis=1)).ravel()
    elif step.factor.dense is not None:
        small = count >= _SMALL * linear.parameter_count
        return (_of_images if small else _drawn)(linear, links, step, share)
    else:
        square = _sampled(linear, links, step, weight, share)
    return np.asarray(0.5 * (square[::2] + square[1::2]))


def _of_images(linear: Linear, links: Links, step: Step, share: FloatArray) -> FloatArray:
    """The variance (L,), for all links of an image the mean of those of some sources.

    `share` (L,) is what each link has in the mean of its source.
    """
    chosen = _of_some_sources(links)
    some = links.of_links(chosen)
    square = _drawn(linear.of_links(links, chosen), some, step, share[chosen])
    size = np.bincount(some.image + 1)
    mean = np.bincount(some.image + 1, square) / np.maximum(size, 1)
    return np.asarray(mean[links.image + 1])


def _drawn(linear: Linear, links: Links, step: Step, share: FloatArray) -> FloatArray:
    """Mean squares (L,) per axis of what motions drawn from a dense factor move links by."""
    size = linear.parameter_count
    rounds = _rounds(len(links.source), size)
    normal = np.random.default_rng(0).normal(size=(size, _SAMPLES * rounds))
    drawn, square = step.factor.drawn(normal), np.empty(len(links.source))
    for rows, sources in links.pieces():
        one, own = linear.part(rows, sources), links.part(rows, sources)
        moved = np.einsum("nik,nks->nis", one.columns, drawn[one.index])
        shared = share[rows, None, None] * moved
        mean = source_sums(shared, own.source, own.source_count)
        square[rows] = np.mean((moved - mean[own.source]) ** 2, axis=(1, 2))
    return square


def _of_some_sources(links: Links) -> BoolArray:
    """Mask (L,) of the links of every so many sources, which each image has enough of, or all.

    Stars count as one image.
    """
    size = np.bincount(links.image + 1)
    step = max(int(size[size > 0].min()) // _OF_IMAGE, 1)
    while step > 1:
        chosen = links.source % step == 0
        kept = np.bincount(links.image[chosen] + 1, minlength=len(size))
        if (kept >= np.minimum(size, _OF_IMAGE // 2)).all():
            return np.asarray(chosen)
        step //= 2
    return np.ones(len(links.source), bool)


def _sampled(
    linear: Linear, links: Links, step: Step, weight: FloatArray, share: FloatArray
) -> FloatArray:
    """Squares (2 L,) of what motions drawn from the data, and from the priors, move links by."""
    count = len(linear.index)
    rng, root = np.random.default_rng(0), np.sqrt(np.repeat(weight, 2))[:, None]
    rounds, bonds = _rounds(count, linear.parameter_count), step.model.bonds
    parts = [
        (
            rows,
            derivatives(linear.part(rows, own)),
            *_means(links.part(rows, own), share[rows]),
        )
        for rows, own in links.pieces(_AT_ONCE)
    ]
    square = np.zeros(2 * count)
    for _ in range(rounds):  # few at a time: of millions of detections each is large
        pull = np.zeros((linear.parameter_count, _SAMPLES))
        for rows, slope, sums, row in parts:
            data = rng.normal(size=(len(row), _SAMPLES)) * root[2 * rows.start : 2 * rows.stop]
            # T = slope - sums' slope: its products with a few vectors are cheaper than itself
            data -= sums.T @ _added_up(data, row, sums.shape[0])
            pull += slope.T @ data
        more = rng.normal(size=pull.shape)
        more = bonds.rows.T @ (np.sqrt(bonds.precision)[:, None] * more)
        drawn = step.factor.solve(pull + more)
        for rows, slope, sums, row in parts:
            moved = slope @ drawn
            moved -= (sums @ moved)[row]
            both = slice(2 * rows.start, 2 * rows.stop)
            square[both] += np.mean(moved**2, axis=1) / rounds
    return square


def _rounds(count: int, parameters: int) -> int:
    """Rounds of samples that know the variance due to motions well beside that of a detection.

    It falls with the number of detections, and its error with the root of the number of rounds.
    """
    return int(np.clip(np.ceil((_ENOUGH * parameters / max(count, 1)) ** 2), 1, _ROUNDS_OF_SAMPLES))


def _added_up(values: FloatArray, row: IntArray, count: int) -> FloatArray:
    """Sums (count, k) of the rows (n, k) of an array that have the same number `row` (n,)."""
    return np.stack([np.bincount(row, column, minlength=count) for column in values.T], axis=1)


def _differences(linear: Linear, links: Links, share: FloatArray) -> Any:
    """Derivatives T (2 L, P) of the differences between detections and the means of their sources.

    Dense where there are few. `share` (L,) is what each link has in the mean.
    """
    (count, width), size = linear.index.shape, linear.parameter_count
    if 2 * count * size > _DENSE:
        slope, sums, row = derivatives(linear), *_means(links, share)
        return slope - (sums @ slope)[row]
    column = np.repeat(linear.index, 2, axis=0).ravel()
    place = np.repeat(size * np.arange(2 * count), width) + column
    dense = np.bincount(place, linear.columns.ravel(), minlength=2 * count * size)
    dense = dense.reshape(count, 2 * size)
    mean = source_sums(share[:, None] * dense, links.source, links.source_count)
    return (dense - mean[links.source]).reshape(2 * count, size)


def derivatives(linear: Linear) -> Any:
    """Derivatives (2 L, P) of the detections' positions, sparse."""
    count, width = linear.index.shape
    column = np.repeat(linear.index, 2, axis=0).ravel()
    pointer = width * np.arange(2 * count + 1)
    shape = 2 * count, linear.parameter_count
    return sparse.csr_matrix((linear.columns.ravel(), column, pointer), shape=shape)


def _means(links: Links, share: FloatArray) -> tuple[Any, IntArray]:
    """What makes means (2 S, 2 L) of coordinates of detections, and the row (2 L,) of each."""
    count = len(share)
    row = np.repeat(2 * links.source, 2) + np.tile([0, 1], count)
    entries = np.repeat(share, 2), (row, np.arange(2 * count))
    return sparse.csr_matrix(entries, shape=(2 * links.source_count, 2 * count)), row
