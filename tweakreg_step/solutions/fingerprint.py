"""The fingerprint of an image's WCS: the sky positions of a grid of its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import ARCSEC, directions, frames_at, to_plane
from tweakreg_step.telescopes.wcs import affine_between

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Plane

__all__ = ["SAME", "affine_on_sky", "fingerprint", "grid", "largest_distance"]

SAME = 1e-6
"""Distance [arcsec] up to which two positions are the same: rounding is a thousand times smaller,
and no correction that anybody wants is."""


def grid(box: Any) -> tuple[FloatArray, FloatArray]:
    """Pixels x, y (9,) of a grid over limits ((xmin, xmax), (ymin, ymax)), x fastest."""
    (x0, x1), (y0, y1) = np.asarray(box, float)
    x, y = np.meshgrid(np.linspace(x0, x1, 3), np.linspace(y0, y1, 3))
    return x.ravel(), y.ravel()


def fingerprint(plane: Plane, box: Any) -> FloatArray:
    """RA, DEC (9, 2) [deg] of the grid over an image, through its present WCS."""
    return np.stack(plane.sky(*grid(box)), axis=-1)


def largest_distance(one: FloatArray, other: FloatArray) -> float:
    """Largest distance [arcsec] between positions (9, 2) [deg]; NaN where one is not finite."""
    chords = np.linalg.norm(directions(*one.T) - directions(*other.T), axis=-1)
    return float(np.max(ARCSEC * 2.0 * np.arcsin(np.clip(0.5 * chords, 0.0, 1.0))))


def affine_on_sky(
    before: FloatArray, after: FloatArray, centre: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Matrix (2, 2) and shift (2,) [arcsec] of the motion of positions (n, 2) [deg].

    In the plane tangent at ``centre``, RA and DEC [deg], axes east and north.
    """
    frame = frames_at(*centre)
    start, end = (to_plane(directions(*places.T), frame) for places in (before, after))
    return affine_between(start, end)
