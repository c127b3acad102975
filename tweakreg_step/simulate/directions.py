"""Directions on the sky as unit vectors: the only module here that speaks radians.

The simulator has its own few lines of spherical geometry on purpose: it judges the package, so
it must not share an error with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tweakreg_step.core.arrays import FloatArray

ARCSEC = 1.0 / 3600.0
"""One arc second in degrees."""

MAS_PER_RADIAN = float(np.degrees(1.0)) * 3.6e6
"""Milliarcseconds in one radian."""


def direction(lon: ArrayLike, lat: ArrayLike) -> FloatArray:
    """Unit vectors, shape (..., 3), of longitudes and latitudes in degrees, shape (...)."""
    a, d = np.radians(np.asarray(lon, float)), np.radians(np.asarray(lat, float))
    vectors: FloatArray = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], -1)
    return vectors


def longitude_latitude(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Longitude in [0, 360) and latitude, degrees, of vectors of any length, shape (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def angular_axes(lon: ArrayLike, lat: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Unit vectors towards East and North, shape (..., 3) each, at directions in degrees."""
    a, d = np.radians(np.asarray(lon, float)), np.radians(np.asarray(lat, float))
    east = np.stack([-np.sin(a), np.cos(a), np.zeros_like(a)], -1)
    north = np.stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)], -1)
    return east, north


def rotation(axis: str, angle: float) -> FloatArray:
    """Matrix, shape (3, 3), that turns vectors by ``angle`` degrees about 'x', 'y' or 'z'."""
    t = np.radians(angle)
    c, s = float(np.cos(t)), float(np.sin(t))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def separation_mas(first: FloatArray, second: FloatArray) -> FloatArray:
    """Angle between unit vectors, shape (..., 3), in mas: 2 arcsin(|a - b| / 2).

    The chord keeps its relative precision for the smallest angles, where the arc cosine of the
    scalar product has lost it.
    """
    chord = np.linalg.norm(first - second, axis=-1)
    angle: FloatArray = 2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0)) * MAS_PER_RADIAN
    return angle
