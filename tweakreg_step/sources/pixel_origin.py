"""Whether given positions lie on the sources in the pixels, or a pixel beside them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from .peak_pixels import RING, around, median_of_rows

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.sources import Pixels, Sources

__all__ = ["Origin", "PixelOrigin", "pixel_origin"]

_MOST = 400
"""Sources that are looked at."""

_SIDE = 4
"""Half the side [pixels] of the square in which light is looked for."""

_SIGMA = 1.5
"""Of the window in which the centre of the light is found [pixels]."""

_ROUNDS = 8
_LEAST_SIGNAL = 10.0
"""Least ratio of the light in the window to its noise: centres are then known to 0.2 pixel."""

_NEAR = 0.35
"""Distance along each axis within which a centre agrees with an offset [pixels]."""

_FEWEST = 3
_CLEAR = 10


class Origin(Enum):
    """Where positions are, relative to the sources in the pixels."""

    RIGHT = "on them"
    FROM_ONE = "counted from 1 instead of 0"
    FROM_ZERO = "counted from 0 instead of 1"
    UNKNOWN = "it can't be told"

    @property
    def shift(self) -> float:
        """What must be added to x and y [pixels]."""
        return {Origin.FROM_ONE: -1.0, Origin.FROM_ZERO: 1.0}.get(self, 0.0)


@dataclass(frozen=True, slots=True)
class PixelOrigin:
    """What the pixels say of given positions.

    Attributes
    ----------
    origin
        Where most are.
    clear
        Whether nearly all say so.
    agreeing, looked_at
        Number of sources that are there, and of those with light.
    """

    origin: Origin
    clear: bool
    agreeing: int
    looked_at: int


def pixel_origin(sources: Sources, pixels: Pixels) -> PixelOrigin:
    """Compare given positions with the centres of the light around them.

    Parameters
    ----------
    sources
        Sources of the image, the centre of its first pixel at (0, 0).
    pixels
        The image; masked pixels do not count.
    """
    chosen = _sample(sources, pixels.data.shape)
    offset = _centres(pixels, sources.x[chosen], sources.y[chosen])
    offset = offset[np.isfinite(offset).all(axis=1)]
    counts = {
        origin: int((np.abs(offset - origin.shift).max(axis=1) < _NEAR).sum())
        for origin in (Origin.RIGHT, Origin.FROM_ONE, Origin.FROM_ZERO)
    }
    best = max(counts, key=lambda origin: counts[origin])
    most, others = counts[best], sum(counts.values()) - counts[best]
    if most < max(_FEWEST, 0.25 * len(offset)) or most <= others:
        return PixelOrigin(Origin.UNKNOWN, False, most, len(offset))
    clear = most >= max(_CLEAR, 0.5 * len(offset)) and most >= 3 * others
    return PixelOrigin(best, clear, most, len(offset))


def _sample(sources: Sources, shape: tuple[int, ...]) -> IntArray:
    """Indices of the brightest sources, or of an even sample where no flux is known."""
    (ny, nx), x, y = shape, sources.x, sources.y
    inside = np.flatnonzero((x > -2.0) & (x < nx + 1.0) & (y > -2.0) & (y < ny + 1.0))
    if np.isfinite(sources.flux[inside]).any():
        order = np.argsort(-np.nan_to_num(sources.flux[inside], nan=-np.inf), kind="stable")
        return inside[order[:_MOST]]
    return inside[:: max(1, len(inside) // _MOST)][:_MOST]


def _centres(pixels: Pixels, x: FloatArray, y: FloatArray) -> FloatArray:
    """Centres of the light (N, 2), x and y from the positions [pixels]; NaN without light."""
    data = np.where(pixels.mask, np.nan, pixels.data).astype(float)
    square = np.indices((2 * _SIDE + 1,) * 2).reshape(2, -1) - _SIDE
    side = np.indices((2 * RING + 1,) * 2).reshape(2, -1) - RING
    ring = around(data, x, y, side[:, np.abs(side).max(axis=0) == RING])
    level = median_of_rows(ring)
    noise = 1.4826 * median_of_rows(np.abs(ring - level[:, None]))
    light = np.nan_to_num(around(data, x, y, square) - level[:, None])
    # of the pixels from the position, not from the pixel in the middle
    dx = square[1] + (np.rint(x) - x)[:, None]
    dy = square[0] + (np.rint(y) - y)[:, None]
    centre = np.zeros((len(x), 2))
    total = np.zeros(len(x))
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(_ROUNDS):
            apart = (dx - centre[:, :1]) ** 2 + (dy - centre[:, 1:]) ** 2
            window = np.exp(-0.5 * apart / _SIGMA**2)
            total = (window * light).sum(axis=1)
            mean = np.stack([(window * light * d).sum(axis=1) / total for d in (dx, dy)], axis=1)
            centre = np.clip(centre + 2.0 * (mean - centre), -_SIDE, _SIDE)
        scatter = noise * np.sqrt((window**2).sum(axis=1))
    lit = (total > _LEAST_SIGNAL * scatter) & (total > 0.0) & (np.abs(centre).max(axis=1) < _SIDE)
    return np.where(lit[:, None], centre, np.nan)
