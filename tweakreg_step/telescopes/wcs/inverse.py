"""Pixels of sky positions: the inverse of a WCS, refined by Newton's method.

The inverse transform of a WCS is a fit, accurate to some hundredths of a pixel. The forward
transform is the definition, so the pixel is refined by Newton steps on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import angular_distance, directions, frames_at, to_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox


__all__ = ["pixels_within"]

TOLERANCE = 1e-6
"""Largest last step accepted [pixels]; the remaining error is less, as steps converge
quadratically."""

ROUNDS = 20


def pixels_within(
    wcs: Any, box: BoundingBox, ra: FloatArray, dec: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The pixels of positions on the sky that lie on an image.

    Parameters
    ----------
    wcs
        A GWCS with output in degrees ICRS.
    box
        ((xmin, xmax), (ymin, ymax)), the image [pixels].
    ra, dec
        (N,) [deg ICRS], finite.

    Returns
    -------
    x, y
        (N,) [pixels]; NaN outside the box.
    """
    x, y = np.full(len(ra), np.nan), np.full(len(ra), np.nan)
    near = _near(wcs, box, ra, dec)
    if not near.any():
        return x, y
    found = _newton(wcs, ra[near], dec[near])
    (xmin, xmax), (ymin, ymax) = box
    inner = (found[0] > xmin) & (found[0] < xmax) & (found[1] > ymin) & (found[1] < ymax)
    x[near], y[near] = np.where(inner, found, np.nan)
    return x, y


def _near(wcs: Any, box: BoundingBox, ra: FloatArray, dec: FloatArray) -> NDArray[np.bool_]:
    """Mask (N,) of positions within 1.1 times the corners' distance from the image's centre.

    Farther away the distortion is extrapolated, and could map positions onto the image.
    """
    (xmin, xmax), (ymin, ymax) = box
    x = np.array([0.5 * (xmin + xmax), xmin, xmax, xmax, xmin])
    y = np.array([0.5 * (ymin + ymax), ymin, ymin, ymax, ymax])
    points = directions(*wcs.forward_transform(x, y))
    radius = np.max(angular_distance(points[0], points[1:]))
    return np.asarray(angular_distance(points[0], directions(ra, dec)) < 1.1 * radius)


def _newton(wcs: Any, ra: FloatArray, dec: FloatArray) -> FloatArray:
    """Pixels (2, N) of positions (N,) [deg]; NaN where Newton's method does not converge."""
    frames = frames_at(ra, dec)
    pixels = np.array(wcs.backward_transform(ra, dec), dtype=float)
    step = np.full(pixels.shape, np.inf)
    with np.errstate(all="ignore"):  # what diverges ends as NaN
        for _ in range(ROUNDS):
            step = _step(wcs, pixels, frames)
            pixels = pixels + step
            if not np.any(np.abs(step) > TOLERANCE):
                break
    return np.where(np.all(np.abs(step) <= TOLERANCE, axis=0), pixels, np.nan)


def _step(wcs: Any, pixels: FloatArray, frames: FloatArray) -> FloatArray:
    """One Newton step (2, N) [pixels]: J step = -(position in the plane tangent at the target).

    The Jacobian J is from differences over one pixel.
    """
    x = pixels[0] + np.array([0.0, 1.0, 0.0])[:, None]
    y = pixels[1] + np.array([0.0, 0.0, 1.0])[:, None]
    points = directions(*wcs.forward_transform(x, y))
    here, right, up = (to_plane(point, frames) for point in points)
    (a, c), (b, d) = (right - here).T, (up - here).T
    determinant = a * d - b * c
    xi, eta = here.T
    return np.stack([(b * eta - d * xi) / determinant, (c * xi - a * eta) / determinant])
