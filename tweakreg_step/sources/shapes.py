"""Second moments of stars as matrices: what differs between two images of the same stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .psf import FWHM_OF_SIGMA

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["ellipticity", "fwhm_of", "moments"]

ROUNDS = 4
"""Each moves the window onto the star that it has found."""

REACH, RING = 5.0, 4.0
"""Half width of a stamp, and inner radius of the ring whose mean is the background, in sigmas of
the window. A mean is linear in the pixels: it is the same for an image as for the parts of it."""


def moments(data: Any, x: FloatArray, y: FloatArray, sigma: float) -> FloatArray:
    """Second moments of stars, each about its own centre, without the effect of the window.

    Windowed moments M in a Gaussian window of variance W are those of a Gaussian star of moments
    (M^-1 - W^-1)^-1.

    Parameters
    ----------
    data
        (ny, nx), with its background or without.
    x, y
        (N,) about where the stars are [pixels].
    sigma
        Of the window [pixels].

    Returns
    -------
    FloatArray
        (N, 2, 2) [pixels^2]; NaN where a star is too near the edge, has pixels that are not finite
        or is no star.
    """
    half = int(np.ceil(REACH * sigma))
    found = np.full((len(x), 2, 2), np.nan)
    for number, (right, up) in enumerate(zip(x, y, strict=True)):
        column, row = round(float(right)), round(float(up))
        stamp = data[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]
        if stamp.shape != (2 * half + 1, 2 * half + 1) or not np.isfinite(stamp).all():
            continue
        inside = float(right) - column, float(up) - row
        matrix = _windowed(np.asarray(stamp, float), half, inside, sigma)
        narrower = np.linalg.inv(matrix) - np.eye(2) / sigma**2
        if np.isfinite(narrower).all() and (np.linalg.eigvalsh(narrower) > 0).all():
            found[number] = np.linalg.inv(narrower)
    return found


def _windowed(
    stamp: FloatArray, half: int, centre: tuple[float, float], sigma: float
) -> FloatArray:
    """Moments (2, 2) of a stamp in a window that is moved onto the star."""
    offsets = np.arange(-half, half + 1.0)
    stamp = stamp - stamp[np.hypot(offsets[None, :], offsets[:, None]) > RING * sigma].mean()
    place = np.array(centre, float)
    matrix = np.full((2, 2), np.nan)
    for _ in range(ROUNDS):
        dx, dy = offsets[None, :] - place[0], offsets[:, None] - place[1]
        light = stamp * np.exp(-0.5 * (dx**2 + dy**2) / sigma**2)
        total = light.sum()
        if not total > 0:
            return np.full((2, 2), np.nan)
        mean = np.array([(light * dx).sum(), (light * dy).sum()]) / total
        xx, yy, xy = ((light * term).sum() / total for term in (dx**2, dy**2, dx * dy))
        matrix = np.array([[xx, xy], [xy, yy]]) - np.outer(mean, mean)
        place = place + 2.0 * mean  # the window holds the mean back, of a star as wide by half
    return matrix


def fwhm_of(matrices: FloatArray) -> FloatArray:
    """FWHM (N,) of stars of moments (N, 2, 2), in the unit of their root."""
    return np.asarray(FWHM_OF_SIGMA * np.sqrt(np.trace(matrices, axis1=-2, axis2=-1) / 2.0))


def ellipticity(matrices: FloatArray) -> FloatArray:
    """1 - minor / major axis (N,) of stars of moments (N, 2, 2)."""
    trace = np.trace(matrices, axis1=-2, axis2=-1) / 2.0
    spread = np.hypot((matrices[..., 0, 0] - matrices[..., 1, 1]) / 2.0, matrices[..., 0, 1])
    return np.asarray(1.0 - np.sqrt((trace - spread) / (trace + spread)))
