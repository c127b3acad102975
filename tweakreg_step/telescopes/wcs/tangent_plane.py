"""The plane tangent to the sky in which an image's correction is defined.

It is the plane of tweakwcs's correctors [arcsec, axes turned to the image's roll], with one
difference: once an image has a correction, their ``det_to_tanp`` and ``world_to_tanp`` apply it a
second time, while ``set_correction`` composes with it once. Motions fitted in their plane then have
the error of the commutator of the two corrections, 0.1 mas for 0.3" and 90". Here the second
application is undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import ARCSEC, turn

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["from_pixels", "from_sky", "limits", "sky_of", "to_detector", "to_sky"]


def _present(corrector: Any) -> tuple[FloatArray, FloatArray]:
    """Matrix (2, 2) and shift (2,) [arcsec] of the correction in an image's current WCS."""
    frames = list(getattr(corrector.wcs, "available_frames", ()))
    if "v2v3corr" not in frames:
        return np.eye(2), np.zeros(2)
    correction = corrector.wcs.pipeline[frames.index("v2v3corr") - 1].transform["tp_affine"]
    return np.asarray(correction.matrix.value), ARCSEC * np.asarray(correction.translation.value)


def _without(corrector: Any, positions: FloatArray) -> FloatArray:
    matrix, shift = _present(corrector)
    return np.asarray(np.linalg.solve(matrix, (positions - shift).T).T)


def from_pixels(corrector: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    """Positions (N, 2) [arcsec] in the plane, of pixels x, y (N,)."""
    return _without(corrector, np.stack(corrector.det_to_tanp(x, y), axis=-1))


def from_sky(corrector: Any, ra: FloatArray, dec: FloatArray) -> FloatArray:
    """Positions (N, 2) [arcsec] in the plane, of RA and DEC (N,) [deg]."""
    return _without(corrector, np.stack(corrector.world_to_tanp(ra, dec), axis=-1))


def to_sky(corrector: Any, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """RA and DEC (N,) [deg] of positions (N, 2) [arcsec] in the plane."""
    matrix, shift = _present(corrector)
    ra, dec = corrector.tanp_to_world(*(positions @ matrix.T + shift).T)
    return np.asarray(ra), np.asarray(dec)


def limits(corrector: Any) -> BoundingBox:
    """Limits of an image in pixels; those of its catalog where its WCS has none."""
    box: BoundingBox | None = corrector.bounding_box
    if box is not None:
        return box
    x, y = (np.asarray(corrector.meta["catalog"][axis], float) for axis in ("x", "y"))
    return ((np.nanmin(x), np.nanmax(x)), (np.nanmin(y), np.nanmax(y)))


def to_detector(corrector: Any) -> tuple[FloatArray, FloatArray]:
    """Transformation u = matrix (t - centre) from the plane to the detector's own V2-V3 plane.

    Returns
    -------
    matrix
        (2, 2) rotation by the roll angle of the image's plane.
    centre
        (2,) centre of the image in its plane [arcsec].
    """
    (xmin, xmax), (ymin, ymax) = limits(corrector)
    middle = np.array([0.5 * (xmin + xmax)]), np.array([0.5 * (ymin + ymax)])
    return turn(corrector.ref_angles["roll_ref"]), from_pixels(corrector, *middle)[0]


def sky_of(corrector: Any, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """RA and DEC [deg] of pixels, also outside the bounding box."""
    forward = getattr(corrector.wcs, "forward_transform", corrector.det_to_world)
    if x.size == 0:
        return x, y
    ra, dec = forward(x.ravel(), y.ravel())
    return np.asarray(ra, float).reshape(x.shape), np.asarray(dec, float).reshape(x.shape)
