"""Cosmic rays in a CCD: short tracks of charge, sharper than stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.simulate.render import Psf, star_image

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["Hits", "cosmic_rays"]

STEP = 0.35
"""Distance [pixels] of the points of which a track is made."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Cosmic rays.

    Attributes
    ----------
    number
        Tracks per million pixels. On ACS about 2700 in 1000 s.
    energy
        Median charge of a track [electrons].
    spread
        Of its logarithm.
    length
        Mean length of a track [pixels].
    blur
        FWHM of the diffusion of charge [pixels].
    """

    number: float
    energy: float = 1500.0
    spread: float = 0.8
    length: float = 2.5
    blur: float = 0.9


def cosmic_rays(shape: tuple[int, int], hits: Hits, rng: np.random.Generator) -> FloatArray:
    """The charge (ny, nx) of cosmic rays [electrons]."""
    ny, nx = shape
    count = int(rng.poisson(hits.number * 1e-6 * ny * nx))
    start = rng.random((count, 2)) * [nx, ny] - 0.5
    angle, length = 2.0 * np.pi * rng.random(count), rng.exponential(hits.length, count)
    charge = hits.energy * np.exp(hits.spread * rng.standard_normal(count))
    points = 1 + (length / STEP).astype(int)
    track = np.repeat(np.arange(count), points)
    along = STEP * (np.arange(len(track)) - np.repeat(np.cumsum(points) - points, points))
    x = start[track, 0] + along * np.cos(angle[track])
    y = start[track, 1] + along * np.sin(angle[track])
    return star_image(x, y, (charge / points)[track], shape, Psf(hits.blur))
