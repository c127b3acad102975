"""The WCS of a mosaic: pixels laid on one tangent plane, and its correction in that plane.

A resampled image has no distortion and no frame of a telescope: pixels are laid on a plane, and
that on the sky. Its correction is an affine transformation in between: it stays what it was, a
tangential projection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.modeling.models import AffineTransformation2D, Pix2Sky_TAN, RotateNative2Celestial
from gwcs import WCS
from tweakwcs.correctors import WCSCorrector

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["TanCorrector", "correction_of", "is_tan", "without_correction"]

NAME = "tweakreg_correction"
"""Of the affine transformation that is the correction."""

DEGREE = 3600.0  # arcsec


def is_tan(wcs: Any) -> bool:
    """Whether a GWCS lays pixels on one tangent plane, and nothing else."""
    return _parts(wcs) is not None


def correction_of(wcs: Any) -> Any:
    """The correction in the WCS of a mosaic, None where it has none."""
    parts = _parts(wcs)
    return None if parts is None else parts[1]


def without_correction(wcs: Any) -> Any:
    """The WCS of a mosaic without a correction; the same object where it has none."""
    return wcs if correction_of(wcs) is None else _with_affine(wcs, None)


def _parts(wcs: Any) -> tuple[Any, Any, Any, Any] | None:
    """Transform to the plane, its correction or None, projection, rotation; None if no TAN."""
    if wcs is None or len(getattr(wcs, "pipeline", ())) != 2:
        return None
    whole = wcs.pipeline[0].transform
    inner: Any = getattr(whole, "left", None)
    if not isinstance(getattr(whole, "right", None), RotateNative2Celestial):
        return None
    if not isinstance(getattr(inner, "right", None), Pix2Sky_TAN):
        return None
    plane = inner.left
    last = getattr(plane, "right", None)
    if getattr(last, "name", "") == NAME:
        return plane.left, last, inner.right, whole.right
    return plane, None, inner.right, whole.right


def _with_affine(wcs: Any, affine: Any) -> Any:
    """The WCS of a mosaic with another correction."""
    parts = _parts(wcs)
    assert parts is not None  # noqa: S101 - of the callers
    plane, _, projection, rotation = parts
    first = plane if affine is None else plane | affine
    start, end = wcs.pipeline
    result = WCS([(start.frame, first | projection | rotation), (end.frame, None)], name=wcs.name)
    result.bounding_box = wcs.bounding_box
    result.pixel_shape = wcs.pixel_shape
    return result


class TanCorrector(WCSCorrector):
    """Corrector of a mosaic; its plane has the axes of the projection [arcsec]."""

    units = "arcsec"
    _wcs: Any

    def __init__(self, wcs: Any, meta: dict[str, Any] | None = None) -> None:
        if not is_tan(wcs):
            raise ValueError("The WCS is no tangential projection of pixels.")
        super().__init__(wcs, meta)

    @property
    def ref_angles(self) -> dict[str, float]:
        """The plane is not turned against that of a detector."""
        return {"roll_ref": 0.0}

    @property
    def bounding_box(self) -> BoundingBox | None:
        """Limits of the image in pixels, None where its WCS has none."""
        box = self._wcs.bounding_box
        if box is None:
            return None
        (x0, x1), (y0, y1) = (tuple(map(float, limits)) for limits in box)
        return ((x0, x1), (y0, y1))

    def set_correction(
        self,
        matrix: Any = ((1.0, 0.0), (0.0, 1.0)),
        shift: Any = (0.0, 0.0),
        ref_tpwcs: Any = None,
        meta: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Compose an affine transformation [arcsec] with the correction that there is."""
        matrix, shift = np.asarray(matrix, float), np.asarray(shift, float)
        if ref_tpwcs is not None:
            matrix, shift = self._from_plane_of(ref_tpwcs, matrix, shift)
        before = correction_of(self._wcs)
        if before is not None:
            shift = matrix @ (DEGREE * np.asarray(before.translation.value)) + shift
            matrix = matrix @ np.asarray(before.matrix.value)
        affine = AffineTransformation2D(matrix, shift / DEGREE, name=NAME)
        self._wcs = _with_affine(self._wcs, affine)
        super().set_correction(matrix=matrix, shift=shift, meta=meta, **kwargs)

    def _from_plane_of(
        self, other: Any, matrix: FloatArray, shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """A transformation in the plane of another corrector, in this one."""
        places = other.tanp_to_world(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
        x, y = self.world_to_tanp(*places)
        origin = np.array([x[0], y[0]])
        turned = np.array([[x[1] - x[0], x[2] - x[0]], [y[1] - y[0], y[2] - y[0]]])
        matrix = turned @ matrix @ np.linalg.inv(turned)
        return matrix, turned @ shift - matrix @ origin + origin

    def det_to_world(self, x: Any, y: Any) -> Any:
        """RA and DEC [deg] of pixels."""
        return self._wcs.forward_transform(x, y)

    def world_to_det(self, ra: Any, dec: Any) -> Any:
        """Pixels of RA and DEC [deg]."""
        return self._wcs.backward_transform(ra, dec)

    def det_to_tanp(self, x: Any, y: Any) -> Any:
        """Positions in the plane [arcsec] of pixels."""
        plane, affine, _, _ = self._all
        xi, eta = plane(x, y) if affine is None else (plane | affine)(x, y)
        return DEGREE * np.asarray(xi), DEGREE * np.asarray(eta)

    def tanp_to_det(self, x: Any, y: Any) -> Any:
        """Pixels of positions in the plane [arcsec]."""
        return self.world_to_det(*self.tanp_to_world(x, y))

    def world_to_tanp(self, ra: Any, dec: Any) -> Any:
        """Positions in the plane [arcsec] of RA and DEC [deg]."""
        _, _, projection, rotation = self._all
        xi, eta = projection.inverse(*rotation.inverse(ra, dec))
        return DEGREE * np.asarray(xi), DEGREE * np.asarray(eta)

    def tanp_to_world(self, x: Any, y: Any) -> Any:
        """RA and DEC [deg] of positions in the plane [arcsec]."""
        _, _, projection, rotation = self._all
        return rotation(*projection(np.asarray(x) / DEGREE, np.asarray(y) / DEGREE))

    @property
    def _all(self) -> tuple[Any, Any, Any, Any]:
        parts = _parts(self._wcs)
        assert parts is not None  # noqa: S101 - checked when it was made
        return parts
