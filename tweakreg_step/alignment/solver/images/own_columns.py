"""What images move by beside all levels, eliminated in a fit as sources are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tweakreg_step.alignment.linalg import factorise

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.hierarchy import Linear
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["may_allow", "with_own_columns", "without_own_columns"]

_MOST_IMAGES = 200
"""Images up to which a fit allows for their own motions."""


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


class Eliminated(NamedTuple):
    """What is left of normal equations without own motions of images.

    Attributes
    ----------
    matrix, right
        (P, P) and (P,) of the other parameters.
    less
        By what chi2 is less, own motions being at their best.
    occam
        ln det of the precision of own motions, over that of their prior.
    """

    matrix: FloatArray
    right: FloatArray
    less: float
    occam: float


def without_own_columns(
    matrix: FloatArray, right: FloatArray, count: int, variance: float
) -> Eliminated:
    """Normal equations of the first `count` parameters.

    The others are own motions of images, whose variance [arcsec^2] is known: they are eliminated.
    """
    pull, own = matrix[:count, count:], right[count:]
    inner = factorise(matrix[count:, count:], np.full(len(own), 1.0 / variance))
    taken = inner.solve(np.column_stack([pull.T, own]))
    return Eliminated(
        matrix[:count, :count] - pull @ taken[:, :-1],
        right[:count] - pull @ taken[:, -1],
        float(own @ taken[:, -1]),
        inner.log_determinant() + len(own) * float(np.log(variance)),
    )
