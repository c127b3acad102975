"""What images move by beside all levels: what a fit makes of it, and what of it residuals show.

An image's own displacement is affine, E e with six numbers e of each image: two of the image as a
whole, four that grow away from its centre and are displacements at its size. Sources and motions
follow a part of it. With A = E'W its moments, M the means of sources, T the derivatives of
positions, H the normal matrix of the motions, H d = b, and

    K = A (1 - M) E,     p = -T'W (1 - M) E,     a = A (1 - M) x,

motions follow by H^-1 p e, and moments are (K - p' H^-1 p) e; over D = diag(A E) that is R e, to
which noise adds the variances R_kk / D_k.

Where the variances V of displacements are known, they are eliminated as sources are,

    S = (K + V^-1)^-1,     H - p S p',     b - p S a,

so that what images move by is not taken for a motion: with dithers of an arcsecond, half a mas that
exposures differ by is as good as a roll of a hundred arcsec. Motions follow by p (1 - S K) e then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import inverse_2x2
from tweakreg_step.core.sphere import frames_of, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray

    from .hierarchy import Linear
    from .links import Links

__all__ = [
    "MOST_IMAGES",
    "NUMBERS",
    "OwnMotions",
    "OwnResiduals",
    "drawn_numbers",
    "own_motions",
    "usual_variances",
    "without_own_motions",
]

NUMBERS = 6
"""Numbers of an image's displacement: east and north as a whole, then along two axes."""

MOST_IMAGES, _SAMPLES = 200, 128
"""Images up to which the effect of each is computed, and samples of all for more."""

_MIDDLE, _SCATTER = (0.693, 0.839), (1.44, 0.95)
"""Of chi2 of two and of four degrees of freedom, over these: the median, and what the median of N
values scatters by, in itself, times the root of N."""

_LEAST_SHARE = 0.1
"""Share of own motions in residuals, below which these tell nothing: a group of one image is moved
as a whole."""

_ERRORS = 3.0
"""Errors of an excess of squares at which half of it is believed."""


@dataclass(frozen=True, slots=True)
class OwnResiduals:
    """Squares of the images' mean residuals and slopes, and what they should be [arcsec^2].

    Attributes
    ----------
    square
        (I, 6) squares; 0 for images that have no detections.
    expected
        (I, 6) variances due to noise.
    share
        (I, 6, 2) part of the variance of own motions that they show: of all images as a whole, and
        of their slopes.
    """

    square: FloatArray
    expected: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True)
class OwnMotions:
    """The matrices of own displacements, n numbers for each of I images, see above.

    Attributes
    ----------
    moment
        (n I, n I) K, sparse [arcsec^-2].
    pull
        (P, n I) p, sparse.
    weight
        (n I,) D [arcsec^-2].
    shown
        (n I,) a [1 / arcsec], of the positions or residuals x.
    held
        (n I,) V: variances that the fit allows for [arcsec^2].
    """

    moment: Any
    pull: Any
    weight: FloatArray
    shown: FloatArray
    held: FloatArray

    def followed(self, factor: Factor, own: FloatArray) -> FloatArray:
        """What the motions (P, k) make of own displacements (n I, k)."""
        inside = own
        if self.held.any():
            inside = own - self._solved(self.moment @ own)
        return factor.solve(np.asarray(self.pull @ inside))

    def residuals(self, factor: Factor) -> OwnResiduals:
        """Mean residuals and slopes against what noise and own motions would make them."""
        count = len(self.weight) // NUMBERS
        noise, shares = np.zeros(len(self.weight)), np.zeros((len(self.weight), 2))
        slope = np.arange(len(self.weight)) % NUMBERS >= 2
        for kind, chosen in enumerate((~slope, slope)):
            own = drawn_numbers(np.where(chosen, 1.0, 0.0), signs=True)
            moved = self.followed(factor, own)
            shown = self._over_weight(self.moment @ own - self.pull.T @ moved)
            shares[:, kind] = np.sum(shown**2, axis=1)
            noise += np.sum(own * shown, axis=1)
        return OwnResiduals(
            (self._over_weight(self.shown) ** 2).reshape(count, NUMBERS),
            self._over_weight(np.maximum(noise, 0.0)).reshape(count, NUMBERS),
            shares.reshape(count, NUMBERS, 2),
        )

    def eliminated(self, matrix: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Normal matrix (P, P), dense, and right side (P,) without the own displacements."""
        both = np.column_stack([self.pull.T.toarray(), self.shown])
        taken = self.pull @ self._solved(both)
        return matrix - taken[:, :-1], right - taken[:, -1]

    def _solved(self, values: FloatArray) -> FloatArray:
        """S times values (n I, k), dense: of the displacements that the fit allows for."""
        held = np.flatnonzero(self.held)
        root = np.sqrt(self.held[held])[:, None]
        inner = root * self.moment[held][:, held].toarray() * root.T
        inner[np.diag_indices(len(held))] += 1.0
        out = np.zeros_like(values)
        out[held] = root * np.linalg.solve(inner, root * values[held])
        return out

    def _over_weight(self, values: FloatArray) -> FloatArray:
        weight = self.weight if values.ndim == 1 else self.weight[:, None]
        return np.divide(values, weight, out=np.zeros(values.shape), where=weight > 0.0)


def drawn_numbers(sigma: FloatArray, *, signs: bool = False) -> FloatArray:
    """Displacements (6 I, K) whose sum of squares has the variances sigma^2, (6 I,).

    One after another of few images, samples of many; with `signs`, samples of equal size.
    """
    if len(sigma) <= NUMBERS * MOST_IMAGES:
        there = np.flatnonzero(sigma)
        drawn = np.zeros((len(sigma), len(there)))
        drawn[there, np.arange(len(there))] = sigma[there]
        return drawn
    rng = np.random.default_rng(0)
    shape = len(sigma), _SAMPLES
    drawn = rng.choice((-1.0, 1.0), shape) if signs else rng.normal(size=shape)
    return np.asarray(drawn * (sigma / np.sqrt(_SAMPLES))[:, None])


def usual_variances(found: OwnResiduals, seen: BoolArray) -> FloatArray:
    """Variances (2,) [arcsec^2] of what most images move by: as a whole, and away from the centre.

    Parameters
    ----------
    found
        Residuals of the images.
    seen
        (I,) those that have enough detections.
    """
    usual = np.zeros(2)
    for kind, part in enumerate((slice(0, 2), slice(2, 6))):
        square = np.median(np.mean(found.square[seen, part], axis=1)) / _MIDDLE[kind]
        expected, share = (
            np.median(np.mean(each[seen, part], axis=1), axis=0)
            for each in (found.expected, found.share)
        )
        if share[kind] < _LEAST_SHARE:
            continue
        excess = float(square - expected - share[:kind] @ usual[:kind])
        noise = _SCATTER[kind] * float(expected) / np.sqrt(seen.sum() * share[kind])
        usual[kind] = _drawn_to_none(excess, _ERRORS * noise) / share[kind]
    return usual


def _drawn_to_none(excess: float, noise: float) -> float:
    """The part of an excess of squares that is believed: noise alone makes it positive, too."""
    return excess**5 / (excess**4 + noise**4) if excess > 0.0 else 0.0


def without_own_motions(
    matrix: Any, right: FloatArray, linear: Linear, links: Links, fit: tuple[FloatArray, float]
) -> tuple[Any, FloatArray]:
    """Normal matrix (P, P) and right side (P,) that allow for images that move by themselves.

    The matrix of a mosaic, which is sparse, and that of sources that move stay as they are.

    Parameters
    ----------
    matrix, right, linear, links
        The normal equations, what they are made of.
    fit
        (L, 2, 2) inverse covariances times robust weights, and the variance [arcsec^2].
    """
    weight, variance = fit
    images = int(links.image.max(initial=-1)) + 1
    if links.tau is not None or images > MOST_IMAGES or not isinstance(matrix, np.ndarray):
        return matrix, right
    own = own_motions(linear, links, weight, linear.position)
    return replace(own, held=np.full(len(own.weight), variance)).eliminated(matrix, right)


def own_motions(
    linear: Linear,
    links: Links,
    weight: FloatArray,
    x: FloatArray,
    places: tuple[FloatArray, FloatArray] | None = None,
) -> OwnMotions:
    """The matrices of the images' displacements, as a whole alone where they have no places.

    Parameters
    ----------
    linear, links
        The linearised problem and its detections.
    weight
        (L, 2, 2) inverse covariances times robust weights.
    x
        (L, 2) positions, or residuals [arcsec].
    places
        Directions (I, 3) of the images' centres, and their sizes (I,) [arcsec].
    """
    count = len(links.image)
    blocks = np.ascontiguousarray(weight), np.arange(count), np.arange(count + 1)
    both = sparse.bsr_matrix(blocks, shape=(2 * count, 2 * count))
    displaced = _displaced(links, places)
    row, column = np.arange(2 * count), np.repeat(2 * links.source, 2)
    column[1::2] += 1
    of_source = sparse.csr_matrix(
        (np.ones(2 * count), (row, column)), shape=(2 * count, 2 * links.source_count)
    )
    inverse = _inverse_sums(links, weight)
    weighted = (both @ displaced).tocsr()
    means = inverse @ (of_source.T @ weighted)
    slope = (both @ _slopes(linear)).T.tocsr()
    about = x.ravel() - of_source @ (inverse @ (of_source.T @ (both @ x.ravel())))
    return OwnMotions(
        moment=(displaced.T @ weighted - (of_source.T @ weighted).T @ means).tocsr(),
        pull=((slope @ of_source) @ means - slope @ displaced).tocsr(),
        weight=np.asarray((displaced.multiply(weighted)).sum(axis=0)).ravel(),
        shown=weighted.T @ about,
        held=np.zeros(displaced.shape[1]),
    )


def _inverse_sums(links: Links, weight: FloatArray) -> Any:
    """Inverse sums of the sources' weights (2 S, 2 S), block by block; 0 where there are none."""
    count = links.source_count
    total = np.stack(
        [np.bincount(links.source, each, minlength=count) for each in weight.reshape(-1, 4).T],
        axis=1,
    ).reshape(count, 2, 2)
    some = total[:, 0, 0] > 0.0
    inverse = np.zeros_like(total)
    inverse[some] = inverse_2x2(np.asarray(total[some], float))
    return sparse.bsr_matrix((inverse, np.arange(count), np.arange(count + 1)))


def _displaced(links: Links, places: tuple[FloatArray, FloatArray] | None) -> Any:
    """E (2 L, n I), sparse: displacements of the links, east and north of each in turn."""
    own = np.flatnonzero(links.image >= 0)
    image, value = links.image[own], np.ones((len(own), 1))
    count = int(links.image.max(initial=-1)) + 1
    if places is not None:
        centre, size = places
        count = len(size)
        away = to_plane(links.vectors[own], frames_of(centre)[image]) / size[image, None]
        value = np.column_stack([value, away])
    terms, axis = value.shape[1], np.arange(2)[:, None]
    column = 2 * terms * image[:, None, None] + 2 * np.arange(terms) + axis
    row = np.broadcast_to(2 * own[:, None, None] + axis, column.shape)
    entries = np.broadcast_to(value[:, None, :], column.shape)
    shape = 2 * len(links.image), 2 * terms * count
    return sparse.csr_matrix((entries.ravel(), (row.ravel(), column.ravel())), shape=shape)


def _slopes(linear: Linear) -> Any:
    """T (2 L, P), sparse."""
    count, width = linear.index.shape
    columns = np.repeat(linear.index, 2, axis=0).ravel()
    pointer = width * np.arange(2 * count + 1)
    shape = 2 * count, linear.parameter_count
    return sparse.csr_matrix((linear.columns.ravel(), columns, pointer), shape=shape)
