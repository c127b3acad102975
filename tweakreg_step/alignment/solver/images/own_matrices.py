"""The matrices of what images move by beside all levels: what a fit and its residuals make of it.

An image's own displacement is affine, E e with the numbers e of each image: two of the image as a
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

from tweakreg_step.alignment.linalg import inverse_2x2, source_pieces, source_sums, times_vectors
from tweakreg_step.alignment.solver.motion_variance import derivatives
from tweakreg_step.core.sphere import frames_of, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.linalg import Factor
    from tweakreg_step.alignment.solver.hierarchy import Linear
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

__all__ = ["NUMBERS", "OwnMatrices", "drawn_numbers", "own_matrices"]

NUMBERS = 6
"""Numbers of an image's displacement: east and north as a whole, then along two axes."""

_WHOLE = 2
"""Those of them, the first, that are of the image as a whole."""

_EXACT, _SAMPLES, _SIGNS = 600, 128, 48
"""Displacements up to which the effect of each is computed, and samples of all for more: those of
equal size scatter less, and tell what most images have."""

_LINKS = 100_000
"""Links whose displacements are worked out at once."""

_COLUMNS, _FEWEST, _NUMBERS = 16, 4, 6_000_000
"""Displacements whose effect on all sources is kept at once: fewer where that would be more than so
many numbers (48 MB), but four at least."""

_MOST, _TOO_MANY, _FEW = 1e7, 3e7, 100
"""Links times displacements above which a part of the sources does, if it has so many detections of
most images, and above which it does in any case if each displacement is computed; but of images
that have fewer there, all are taken."""


@dataclass(frozen=True, slots=True)
class OwnMatrices:
    """The matrices of own displacements, n numbers for each of I images, see above.

    Attributes
    ----------
    numbers
        n: six, or the two of images as a whole.
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

    numbers: int
    moment: FloatArray | _LessMeans
    pull: FloatArray | _LessMeans
    weight: FloatArray
    shown: FloatArray
    held: FloatArray

    @property
    def as_a_whole(self) -> BoolArray:
        """(n I,) which numbers are of an image as a whole."""
        return np.asarray(np.arange(len(self.weight)) % self.numbers < _WHOLE)

    def followed(self, factor: Factor, own: FloatArray) -> FloatArray:
        """What the motions (P, k) make of own displacements (n I, k)."""
        inside = own
        if self.held.any():
            inside = own - self.taken(self.moment @ own)
        return factor.solve(np.asarray(self.pull @ inside))

    def left(self, factor: Factor, own: FloatArray) -> FloatArray:
        """Moments (n I, k) that residuals have of own displacements (n I, k)."""
        return self.moment @ own - self.pull.T @ self.followed(factor, own)

    def taken(self, values: FloatArray) -> FloatArray:
        """S times values (n I, k), dense: of the displacements that the fit allows for."""
        held = np.flatnonzero(self.held)
        root = np.sqrt(self.held[held])[:, None]
        inner = root * (self.moment @ np.eye(len(self.held))[:, held])[held] * root.T
        inner[np.diag_indices(len(held))] += 1.0
        out = np.zeros_like(values)
        out[held] = root * np.linalg.solve(inner, root * values[held])
        return out

    def over_weight(self, values: FloatArray) -> FloatArray:
        """Moments (n I, ...) over the weights D: mean displacements."""
        weight = self.weight if values.ndim == 1 else self.weight[:, None]
        return np.divide(values, weight, out=np.zeros(values.shape), where=weight > 0.0)


def drawn_numbers(sigma: FloatArray, *, signs: bool = False) -> FloatArray:
    """Displacements (n I, K) whose sum of squares has the variances sigma^2, (n I,).

    One after another of few images, samples of many; with `signs`, samples of equal size.
    """
    if len(sigma) <= _EXACT:
        there = np.flatnonzero(sigma)
        drawn = np.zeros((len(sigma), len(there)))
        drawn[there, np.arange(len(there))] = sigma[there]
        return drawn
    rng = np.random.default_rng(0)
    shape = len(sigma), _SIGNS if signs else _SAMPLES
    drawn = rng.choice((-1.0, 1.0), shape) if signs else rng.normal(size=shape)
    return np.asarray(drawn * (sigma / np.sqrt(shape[1]))[:, None])


def own_matrices(
    linear: Linear,
    links: Links,
    weight: FloatArray,
    x: FloatArray,
    places: tuple[FloatArray, FloatArray],
    numbers: int = NUMBERS,
) -> OwnMatrices:
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
    numbers
        Six, or two for displacements of images as a whole alone.
    """
    centre, size = places
    images = len(size)
    count = numbers * images
    rows, source, factor = _part(links, count, images)
    terms = _terms(links, centre, size)[:, : numbers // 2]
    squares = _squares(terms, links, weight, images)
    shown = _moments(terms, links, weight, x, images)
    some, number = weight[rows] * factor[:, None, None], int(source.max(initial=-1)) + 1
    inverse = _inverse_sums(source, number, some)
    none = slice(0, 0), slice(0, 0)
    parts = [
        _products(
            replace(linear, columns=linear.columns[rows[few]], index=linear.index[rows[few]]),
            _displaced(terms[rows[few]], links.image[rows[few]], count),
            _sums_over(source[few] - own.start, own.stop - own.start),
            some[few],
        )
        for few, own in list(source_pieces(source, number, _LINKS)) or [none]
    ]
    alone, slope_alone, sums, slope_sums = map(list, zip(*parts, strict=True))
    del parts
    slopes = sparse.vstack(slope_sums, "csr")
    slope_sums.clear()  # or all would be there twice
    means = sparse.vstack(sums, "csr")
    sums.clear()
    moment = _LessMeans(sum(alone[1:], alone[0]), means.T, inverse, means)
    pull = _LessMeans(sum(slope_alone[1:], slope_alone[0]), slopes.T, inverse, means)
    every = np.eye(count) if count <= _EXACT else None
    return OwnMatrices(
        numbers,
        moment=moment if every is None else moment @ every,
        pull=pull if every is None else pull @ every,
        weight=squares,
        shown=shown,
        held=np.zeros(count),
    )


def _products(
    linear: Linear, displaced: Any, in_sources: Any, weight: FloatArray
) -> tuple[Any, Any, Any, Any]:
    """E'W E, -T'W E, and the sums over sources of W E and of -W T, of some links."""
    count = len(weight)
    blocks = weight, np.arange(count), np.arange(count + 1)
    both = sparse.bsr_matrix(blocks, shape=(2 * count, 2 * count)).tocsr()
    slope = derivatives(linear)
    weighted = both @ displaced
    return (
        displaced.T @ weighted,
        -(slope.T @ weighted),
        in_sources @ weighted,
        -(in_sources @ (both @ slope)),
    )


def _part(links: Links, count: int, images: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Links (M,) of the sources that are taken, their sources, and how many each stands for.

    Of very many every so many, as long as this is enough for most images; of the others, all.
    """
    own = links.image >= 0
    number = np.bincount(links.image[own], minlength=images)
    enough = int(np.median(number[number > 0])) // _FEW if own.any() else 1
    size = float(len(links.source)) * (count if count <= _EXACT else _SAMPLES)
    every = max(1, min(1 + int(size // _MOST), enough))
    if count <= _EXACT:  # a few images may have nearly all of the detections
        every = max(every, 1 + int(size // _TOO_MANY))
    few = number < _FEW * every
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
        """Its product with a dense matrix, some columns after others: sources are many."""
        product = np.asarray(self.alone @ values)
        step = int(np.clip(_NUMBERS // max(self.inverse.shape[0], 1), _FEWEST, _COLUMNS))
        for first in range(0, values.shape[1], step):
            some = np.s_[:, first : first + step]
            product[some] -= self.left @ (self.inverse @ (self.right @ values[some]))
        return product


def _terms(links: Links, centre: FloatArray, size: FloatArray) -> FloatArray:
    """What displacements of an image count for at each link (L, 3), see above."""
    image = np.maximum(links.image, 0)
    away = to_plane(links.vectors, frames_of(centre)[image]) / size[image, None]
    return np.column_stack([np.ones(len(away)), away])


def _squares(terms: FloatArray, links: Links, weight: FloatArray, count: int) -> FloatArray:
    """Diagonal (n I,) of E' W E, of I = `count` images."""
    own = links.image >= 0
    variance = np.diagonal(weight[own], axis1=1, axis2=2)
    return _sums_by_image(terms[own] ** 2, variance, links.image[own], count)


def _moments(
    terms: FloatArray, links: Links, weight: FloatArray, x: FloatArray, count: int
) -> FloatArray:
    """Moments (n I,) of x (L, 2) less the means of sources, of I = `count` images."""
    own = links.image >= 0
    inverse = _inverse_sums(links.source, links.source_count, weight)
    total = source_sums(times_vectors(weight, x), links.source, links.source_count)
    about = x - np.asarray(inverse @ total.ravel()).reshape(-1, 2)[links.source]
    pulled = times_vectors(weight[own], about[own])
    return _sums_by_image(terms[own], pulled, links.image[own], count)


def _sums_by_image(
    terms: FloatArray, values: FloatArray, image: IntArray, count: int
) -> FloatArray:
    """Sums (n I,) over images of the products of terms (N, n / 2) with values (N, 2)."""
    products = (terms[:, :, None] * values[:, None, :]).reshape(len(image), 2 * terms.shape[1])
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


def _displaced(terms: FloatArray, image: IntArray, size: int) -> Any:
    """E (2 L, n I), sparse: displacements of the links, east and north of each in turn."""
    own = image >= 0
    k, axis = terms.shape[1], np.arange(2)[:, None]
    rows = np.flatnonzero(own)
    column = 2 * k * image[own, None, None] + 2 * np.arange(k) + axis
    row = np.broadcast_to(2 * rows[:, None, None] + axis, column.shape)
    entries = np.broadcast_to(terms[own, None, :], column.shape)
    shape = 2 * len(image), size
    return sparse.csr_matrix((entries.ravel(), (row.ravel(), column.ravel())), shape=shape)
