"""What images move by beside all levels: what a fit makes of it, and what of it residuals show.

An image's own displacement is affine, E e with six numbers e of each image: two of the image as a
whole, four that grow away from its centre and are displacements at its size. Sources and motions
follow a part of it. With A = E'W its moments, M the means of sources, T the derivatives of
positions, H the normal matrix of the motions, H d = b, and

    K = A (1 - M) E,     p = -T'W (1 - M) E,     a = A (1 - M) x,

motions follow by H^-1 p e, and moments are (K - Q) e with Q = p' H^-1 p; over D = diag(A E) that is
R e, to which noise adds the variances R_kk / D_k.

Where the variances V of displacements are known, they are eliminated as sources are,

    S = (K + V^-1)^-1,     H - p S p',     b - p S a,

so that what images move by is not taken for a motion: with dithers of an arcsecond, half a mas that
exposures differ by is as good as a roll of a hundred arcsec. Motions follow by p (1 - S K) e then,
H being that without them, and noise adds (K - Q (1 - S K)) (1 + S Q) to moments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.linalg import inverse_2x2, source_sums, times_vectors
from tweakreg_step.core.sphere import frames_of, to_plane

from .motion_variance import derivatives

if TYPE_CHECKING:
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .hierarchy import Linear
    from .links import Links

__all__ = [
    "NUMBERS",
    "OwnMotions",
    "OwnResiduals",
    "drawn_numbers",
    "may_allow",
    "own_motions",
    "usual_variances",
    "with_own_columns",
    "without_own_columns",
]

NUMBERS = 6
"""Numbers of an image's displacement: east and north as a whole, then along two axes."""

_MOST_IMAGES = 200
"""Images up to which a fit allows for their own motions."""

_EXACT, _SAMPLES = 600, 128
"""Displacements up to which the effect of each is computed, and samples of all for more."""

_MOST, _FEW = 3e7, 100
"""Links times displacements above which a part of the sources does; but those of images with fewer
detections than this, in that part, are all taken."""

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
        (n I, n I) K [arcsec^-2].
    pull
        (P, n I) p.
    weight
        (n I,) D [arcsec^-2].
    shown
        (n I,) a [1 / arcsec], of the positions or residuals x.
    held
        (n I,) V: variances that the fit allows for [arcsec^2].
    """

    moment: _LessMeans
    pull: _LessMeans
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
            shown = self._shown(factor, own)
            shares[:, kind] = np.sum(self._over_weight(shown) ** 2, axis=1)
            if self.held.any():
                taken = self.pull.T @ factor.solve(self.pull @ own)
                shown = self._shown(factor, own + self._solved(taken))
            noise += self._over_weight(np.sum(own * shown, axis=1))
        return OwnResiduals(
            (self._over_weight(self.shown) ** 2).reshape(count, NUMBERS),
            self._over_weight(np.maximum(noise, 0.0)).reshape(count, NUMBERS),
            shares.reshape(count, NUMBERS, 2),
        )

    def _shown(self, factor: Factor, own: FloatArray) -> FloatArray:
        """Moments (n I, k) that residuals have of own displacements (n I, k)."""
        return self.moment @ own - self.pull.T @ self.followed(factor, own)

    def _solved(self, values: FloatArray) -> FloatArray:
        """S times values (n I, k), dense: of the displacements that the fit allows for."""
        held = np.flatnonzero(self.held)
        root = np.sqrt(self.held[held])[:, None]
        inner = root * (self.moment @ np.eye(len(self.held))[:, held])[held] * root.T
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
    if len(sigma) <= _EXACT:
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


def may_allow(links: Links, images: int) -> bool:
    """Whether a fit can allow for own motions: of sources that do not move, in few images."""
    return links.tau is None and images <= _MOST_IMAGES


def with_own_columns(linear: Linear, links: Links) -> Linear:
    """The problem with two more parameters for each of I images, east and north.

    They come after those that move detections.
    """
    there, first = links.image >= 0, int(linear.index.max(initial=0)) + 1
    columns = np.where(there[:, None, None], np.eye(2), 0.0)
    index = np.where(there, first + 2 * links.image, 0)[:, None] + np.where(
        there[:, None], [0, 1], 0
    )
    return replace(
        linear,
        columns=np.concatenate([linear.columns, columns], axis=2),
        index=np.concatenate([linear.index, index], axis=1),
        parameter_count=first + 2 * (int(links.image.max()) + 1),
    )


def without_own_columns(
    matrix: FloatArray, right: FloatArray, count: int, variance: float
) -> tuple[FloatArray, FloatArray]:
    """Normal matrix and right side of the first `count` parameters.

    The others are own motions of images, whose variance [arcsec^2] is known: they are eliminated.
    """
    pull, inner = (
        matrix[:count, count:],
        matrix[count:, count:] + np.eye(len(right) - count) / variance,
    )
    taken = np.linalg.solve(inner, np.column_stack([pull.T, right[count:]]))
    return matrix[:count, :count] - pull @ taken[:, :-1], right[:count] - pull @ taken[:, -1]


def own_motions(
    linear: Linear,
    links: Links,
    weight: FloatArray,
    x: FloatArray,
    places: tuple[FloatArray, FloatArray],
) -> OwnMotions:
    """The matrices of the images' displacements.

    Of very many links K and p are those of a part of the sources, which stand for the others:
    nothing is solved with them that is not solved with K of the same sources.

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
    centre, size = places
    images = len(size)
    count = NUMBERS * images
    rows, source, factor = _part(links, count if count <= _EXACT else _SAMPLES, images)
    own, number = links.image[rows] >= 0, int(source.max(initial=-1)) + 1
    terms = _terms(links, centre, size)
    displaced = _displaced(terms[rows], links.image[rows], own, count)
    some = weight[rows] * factor[:, None, None]
    blocks = some, np.arange(len(rows)), np.arange(len(rows) + 1)
    both = sparse.bsr_matrix(blocks, shape=(2 * len(rows), 2 * len(rows))).tocsr()
    in_sources = _sums_over(source, number)
    slope = derivatives(replace(linear, columns=linear.columns[rows], index=linear.index[rows]))
    weighted, inverse = both @ displaced, _inverse_sums(source, number, some)
    sums, slope_sums = in_sources @ weighted, (in_sources @ (both @ slope)).T
    return OwnMotions(
        moment=_LessMeans(displaced.T @ weighted, sums.T.tocsr(), inverse, sums),
        pull=_LessMeans(-(slope.T @ weighted), -slope_sums.tocsr(), inverse, sums),
        weight=_squares(terms, links, weight, images),
        shown=_moments(terms, links, weight, x, images),
        held=np.zeros(count),
    )


def _part(links: Links, columns: int, images: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Links (M,) of the sources that are taken, their sources, and how many each stands for.

    Of very many every so many, but for sources of images that have few.
    """
    every = 1 + int(len(links.source) * columns // _MOST)
    own = links.image >= 0
    few = np.bincount(links.image[own], minlength=images) < _FEW * every
    whole = np.zeros(links.source_count, bool)
    whole[links.source[own][few[links.image[own]]]] = True
    taken = whole | (np.arange(links.source_count) % every == 0)
    rows = np.flatnonzero(taken[links.source])
    source = (np.cumsum(taken) - 1)[links.source[rows]]
    return rows, source, np.where(whole, 1.0, float(every))[links.source[rows]]


@dataclass(frozen=True, slots=True)
class _LessMeans:
    """A matrix A - B D^-1 C, of what displacements do but for the means of sources, by its parts.

    The product of the parts would be dense where many images see each source.
    """

    alone: Any
    left: Any
    inverse: Any
    right: Any

    @property
    def T(self) -> _LessMeans:  # noqa: N802 - as numpy has it
        """The transposed matrix; D is symmetric."""
        return _LessMeans(self.alone.T, self.right.T, self.inverse, self.left.T)

    def __matmul__(self, values: FloatArray) -> FloatArray:
        """Its product with a dense array."""
        means = self.left @ (self.inverse @ (self.right @ values))
        return np.asarray(self.alone @ values - means)


def _terms(links: Links, centre: FloatArray, size: FloatArray) -> FloatArray:
    """What displacements of an image count for at each link (L, 3), see `own_motions`."""
    image = np.maximum(links.image, 0)
    away = to_plane(links.vectors, frames_of(centre)[image]) / size[image, None]
    return np.column_stack([np.ones(len(away)), away])


def _squares(terms: FloatArray, links: Links, weight: FloatArray, count: int) -> FloatArray:
    """Diagonal (6 I,) of E' W E, of I = `count` images."""
    own = links.image >= 0
    variance = np.diagonal(weight[own], axis1=1, axis2=2)
    return _sums_by_image(terms[own] ** 2, variance, links.image[own], count)


def _moments(
    terms: FloatArray, links: Links, weight: FloatArray, x: FloatArray, count: int
) -> FloatArray:
    """Moments (6 I,) of x (L, 2) less the means of sources, of I = `count` images."""
    own = links.image >= 0
    inverse = _inverse_sums(links.source, links.source_count, weight)
    total = source_sums(times_vectors(weight, x), links.source, links.source_count)
    about = x - np.asarray(inverse @ total.ravel()).reshape(-1, 2)[links.source]
    pulled = times_vectors(weight[own], about[own])
    return _sums_by_image(terms[own], pulled, links.image[own], count)


def _sums_by_image(
    terms: FloatArray, values: FloatArray, image: IntArray, count: int
) -> FloatArray:
    """Sums (6 I,) over images of the products of terms (N, 3) with values (N, 2)."""
    products = (terms[:, :, None] * values[:, None, :]).reshape(len(image), -1)
    return source_sums(products, image, count).ravel()


def _inverse_sums(source: IntArray, count: int, weight: FloatArray) -> Any:
    """Inverse sums of the sources' weights (2 S, 2 S), block by block; 0 where there are none."""
    total = source_sums(weight, source, count)
    some = total[:, 0, 0] > 0.0
    inverse = np.zeros_like(total)
    inverse[some] = inverse_2x2(total[some])
    return sparse.bsr_matrix((inverse, np.arange(count), np.arange(count + 1)))


def _sums_over(source: IntArray, count: int) -> Any:
    """Sums over the links of a source (2 S, 2 L), sparse, of both axes in turn."""
    size = 2 * len(source)
    row = np.repeat(2 * source, 2)
    row[1::2] += 1
    return sparse.csr_matrix((np.ones(size), (row, np.arange(size))), shape=(2 * count, size))


def _displaced(terms: FloatArray, image: IntArray, own: BoolArray, size: int) -> Any:
    """E (2 L, n I), sparse: displacements of the links, east and north of each in turn."""
    k, axis = terms.shape[1], np.arange(2)[:, None]
    rows = np.flatnonzero(own)
    column = 2 * k * image[own, None, None] + 2 * np.arange(k) + axis
    row = np.broadcast_to(2 * rows[:, None, None] + axis, column.shape)
    entries = np.broadcast_to(terms[own, None, :], column.shape)
    shape = 2 * len(image), size
    return sparse.csr_matrix((entries.ravel(), (row.ravel(), column.ravel())), shape=shape)
