"""Offset and roll of many small bodies, such as the images of a run, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .blocks import source_sums

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = ["offsets_and_rolls"]

_FEWEST = 3
"""Differences from which on a body has an offset and a roll of its own."""


def offsets_and_rolls(
    body: IntArray,
    place: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares for the offset and the roll of each body about its origin.

    A difference at the place (x, y) is the offset plus the roll times (-y, x).

    Parameters
    ----------
    body
        (N,) index of the body of each difference, 0 to `count` - 1.
    place, difference
        (N, 2) [arcsec].
    weight
        (N,) inverse variance of a difference per axis [arcsec^-2].
    count
        Number of bodies I.

    Returns
    -------
    motion, covariance
        (I, 3) offsets [arcsec] and roll [radians], and (I, 3, 3) of them; NaN for bodies of fewer
        than three differences, or of which all are in one place.
    """
    columns = np.zeros((len(body), 2, 3))
    columns[:, 0, 0] = columns[:, 1, 1] = 1.0
    columns[:, 0, 2], columns[:, 1, 2] = -place[:, 1], place[:, 0]
    blocks = np.einsum("n,nik,nil->nkl", weight, columns, columns)
    right = np.einsum("n,nik,ni->nk", weight, columns, difference)
    normal, moment = source_sums(blocks, body, count), source_sums(right, body, count)
    enough = np.bincount(body, minlength=count) >= _FEWEST
    enough &= np.linalg.det(normal) > 0.0
    motion, covariance = np.full((count, 3), np.nan), np.full((count, 3, 3), np.nan)
    covariance[enough] = np.linalg.inv(normal[enough])
    motion[enough] = np.einsum("gij,gj->gi", covariance[enough], moment[enough])
    return motion, covariance
