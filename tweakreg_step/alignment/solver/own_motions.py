"""What images move by beside all levels: how a fit follows it, and what of it residuals show.

An image's own displacement is affine, E e with six numbers e of each image: two of the image as a
whole, four that grow away from its centre and are displacements at its size. Sources and motions
follow a part of it. With A = E'W its moments, M the means of sources, T the derivatives of
positions and C the covariance of the motions,

    motions follow by   C p e,       p = -T'W (1 - M) E,
    moments are         (A (1 - M) E - p' C p) e,

so that moments over D = diag(A E) are R e. Noise gives them the variances R_kk / D_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.core.sphere import frames_of, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

    from .hierarchy import Linear
    from .iteration import AssociatedFit
    from .links import Links

__all__ = ["NUMBERS", "OwnMotions", "OwnResiduals", "drawn_numbers", "own_motions"]

NUMBERS = 6
"""Numbers of an image's displacement: east and north as a whole, then along two axes."""

_EXACT, _SAMPLES = 200, 128
"""Images up to which the effect of each is computed, and samples of all for more."""


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
    """The matrices of own displacements of I images, see above.

    Attributes
    ----------
    moment
        (6 I, 6 I) A (1 - M) E, sparse [arcsec^-2].
    pull
        (P, 6 I) p, sparse.
    weight
        (6 I,) D [arcsec^-2].
    residual
        (6 I,) moments of the residuals over D [arcsec].
    """

    moment: Any
    pull: Any
    weight: FloatArray
    residual: FloatArray

    def residuals(self, associated: AssociatedFit) -> OwnResiduals:
        """Mean residuals and slopes against what noise and own motions would make them."""
        count = len(self.weight) // NUMBERS
        noise, shares = np.zeros(len(self.weight)), np.zeros((len(self.weight), 2))
        slope = np.arange(len(self.weight)) % NUMBERS >= 2
        for kind, chosen in enumerate((~slope, slope)):
            own = drawn_numbers(np.where(chosen, 1.0, 0.0), signs=True)
            moved = associated.fit.step.factor.solve(self.pull @ own)
            shown = self._over_weight(self.moment @ own - self.pull.T @ moved)
            shares[:, kind] = np.sum(shown**2, axis=1)
            noise += np.sum(own * shown, axis=1)
        expected = self._over_weight(np.maximum(noise, 0.0))
        return OwnResiduals(
            self.residual.reshape(count, NUMBERS) ** 2,
            expected.reshape(count, NUMBERS),
            shares.reshape(count, NUMBERS, 2),
        )

    def _over_weight(self, values: FloatArray) -> FloatArray:
        weight = self.weight if values.ndim == 1 else self.weight[:, None]
        return np.divide(values, weight, out=np.zeros(values.shape), where=weight > 0.0)


def drawn_numbers(sigma: FloatArray, *, signs: bool = False) -> FloatArray:
    """Displacements (6 I, K) whose sum of squares has the variances sigma^2, (6 I,).

    One after another of few images, samples of many; with `signs`, samples of equal size.
    """
    if len(sigma) <= NUMBERS * _EXACT:
        there = np.flatnonzero(sigma)
        drawn = np.zeros((len(sigma), len(there)))
        drawn[there, np.arange(len(there))] = sigma[there]
        return drawn
    rng = np.random.default_rng(0)
    shape = len(sigma), _SAMPLES
    drawn = rng.choice((-1.0, 1.0), shape) if signs else rng.normal(size=shape)
    return np.asarray(drawn * (sigma / np.sqrt(_SAMPLES))[:, None])


def own_motions(associated: AssociatedFit, centre: FloatArray, size: FloatArray) -> OwnMotions:
    """The matrices for images with the directions `centre` (I, 3) and sizes (I,) [arcsec]."""
    links, fit = associated.links, associated.fit
    weight = fit.weight / (0.5 * np.trace(fit.covariance, axis1=1, axis2=2))
    both = sparse.diags(np.repeat(weight, 2))
    displaced = _displaced(links, centre, size)
    weighted = both @ displaced
    row, column = np.arange(2 * len(weight)), np.repeat(2 * links.source, 2)
    column[1::2] += 1
    shape = len(row), 2 * links.source_count
    of_source = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)
    total = np.bincount(links.source, weight, minlength=links.source_count)
    share = np.divide(1.0, total, out=np.zeros(len(total)), where=total > 0.0)
    sums = of_source.T @ weighted
    means = sparse.diags(np.repeat(share, 2)) @ sums
    slope = (both @ _slopes(fit.linear)).T.tocsr()
    gram = displaced.T @ weighted
    diagonal = np.asarray(gram.diagonal())
    shown = weighted.T @ fit.residual.ravel()
    return OwnMotions(
        moment=(gram - sums.T @ means).tocsr(),
        pull=((slope @ of_source) @ means - slope @ displaced).tocsr(),
        weight=diagonal,
        residual=np.divide(shown, diagonal, out=np.zeros(len(shown)), where=diagonal > 0.0),
    )


def _displaced(links: Links, centre: FloatArray, size: FloatArray) -> Any:
    """E (2 L, 6 I), sparse: displacements of the links, east and north of each in turn."""
    own = np.flatnonzero(links.image >= 0)
    image = links.image[own]
    place = to_plane(links.vectors[own], frames_of(centre)[image]) / size[image, None]
    value = np.column_stack([np.ones(len(own)), place])
    axis = np.arange(2)[:, None]
    column = NUMBERS * image[:, None, None] + 2 * np.arange(3) + axis
    row = np.broadcast_to(2 * own[:, None, None] + axis, column.shape)
    entries = np.broadcast_to(value[:, None, :], column.shape)
    shape = 2 * len(links.image), NUMBERS * len(size)
    return sparse.csr_matrix((entries.ravel(), (row.ravel(), column.ravel())), shape=shape)


def _slopes(linear: Linear) -> Any:
    """T (2 L, P), sparse."""
    count, width = linear.index.shape
    columns = np.repeat(linear.index, 2, axis=0).ravel()
    pointer = width * np.arange(2 * count + 1)
    shape = 2 * count, linear.parameter_count
    return sparse.csr_matrix((linear.columns.ravel(), columns, pointer), shape=shape)
