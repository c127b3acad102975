"""Attitude and optics of a NIRCam-like telescope: from pixels to the sky, with known truth.

The geometry follows the conventions of the JWST Science Instrument Aperture File (SIAF) and of
the GWCS that the JWST pipeline writes into its ``cal`` files: the frames are ``detector``,
``v2v3`` (field angles in arcsec), optionally ``v2v3vacorr`` (differential velocity aberration
removed) and ``world`` (ICRS, degrees).  The last transform is a rotation named ``v23tosky``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.coordinates import ICRS
from astropy.modeling.models import (
    AffineTransformation2D,
    RotationSequence3D,
    Scale,
    Shift,
)
from gwcs import WCS
from gwcs import coordinate_frames as cf
from gwcs.geometry import CartesianToSpherical, SphericalToCartesian

from tweakreg_step.simulate.directions import (
    ARCSEC,
    angular_axes,
    direction,
    longitude_latitude,
    rotation,
)
from tweakreg_step.simulate.distortion import Distortion, distortion_model

if TYPE_CHECKING:
    from astropy.modeling import Model

    from tweakreg_step.core.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Pointing:
    """Attitude of the telescope: where one point of the field looks, and how it is turned.

    Parameters
    ----------
    ra, dec : float
        Direction of the field point (v2, v3), degrees ICRS.
    roll : float
        Position angle of the V3 axis at that point, degrees from North through East.
    v2, v3 : float
        The field point, arcsec.  (0, 0) is the telescope's boresight V1.
    """

    ra: float
    dec: float
    roll: float
    v2: float = 0.0
    v3: float = 0.0


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector of the camera in the field of the telescope.

    Parameters
    ----------
    name : str
        The name in file headers, e.g. 'NRCA1'.
    channel : str
        'SHORT' or 'LONG'.
    v2_ref, v3_ref : float
        Field angles of the reference pixel, arcsec.
    v3_idl_yangle : float
        Angle from the V3 axis to the detector's y axis, towards V2, degrees.
    parity : int
        -1 where x runs against V2, as on all NIRCam detectors; else +1.
    pixel_scale : float
        Arcsec per pixel at the reference pixel, before distortion.
    shape : tuple of int
        (ny, nx).  A smaller shape is a cut-out around the reference pixel.
    distortion : Distortion
        Departure from the linear field.
    """

    name: str
    channel: str
    v2_ref: float
    v3_ref: float
    v3_idl_yangle: float
    parity: int
    pixel_scale: float
    shape: tuple[int, int] = (2048, 2048)
    distortion: Distortion = field(default_factory=Distortion)

    @property
    def reference_pixel(self) -> tuple[float, float]:
        """Zero-based (x, y) of the reference pixel: the middle of the array."""
        ny, nx = self.shape
        return (nx - 1) / 2.0, (ny - 1) / 2.0


@dataclass(frozen=True, slots=True)
class DetectorOffset:
    """How far a detector lies from where the calibration says it is.

    Parameters
    ----------
    v2, v3 : float
        Shift, arcsec.
    roll : float
        Change of ``v3_idl_yangle``, arcsec.
    scale : float
        Relative change of the pixel scale.
    """

    v2: float = 0.0
    v3: float = 0.0
    roll: float = 0.0
    scale: float = 0.0


def displaced(detector: Detector, offset: DetectorOffset) -> Detector:
    """Return the detector moved, turned and stretched about its reference pixel."""
    return replace(
        detector,
        v2_ref=detector.v2_ref + offset.v2,
        v3_ref=detector.v3_ref + offset.v3,
        v3_idl_yangle=detector.v3_idl_yangle + offset.roll * ARCSEC,
        pixel_scale=detector.pixel_scale * (1.0 + offset.scale),
    )


def attitude(pointing: Pointing) -> FloatArray:
    """Rotation matrix, shape (3, 3), from directions in the V frame to directions in ICRS.

    A = R_z(ra) R_y(-dec) R_x(-roll) R_y(v3) R_z(-v2), with R_a(t) the rotation of vectors by t
    about the axis a.

    References
    ----------
    .. [1] C. Cox and M. Lallo, "Description and Use of the JWST Science Instrument Aperture
       File", JWST-STScI-001550, section 3.
    """
    return (
        rotation("z", pointing.ra)
        @ rotation("y", -pointing.dec)
        @ rotation("x", -pointing.roll)
        @ rotation("y", pointing.v3 * ARCSEC)
        @ rotation("z", -pointing.v2 * ARCSEC)
    )


def pointing_at(pointing: Pointing, v2: float, v3: float) -> Pointing:
    """Describe the same attitude by another field point (v2, v3), in arcsec."""
    matrix = attitude(pointing)
    lon, lat = v2 * ARCSEC, v3 * ARCSEC
    ra, dec = longitude_latitude(matrix @ direction(lon, lat))
    east, north = angular_axes(ra, dec)
    v3_axis = matrix @ angular_axes(np.asarray(lon), np.asarray(lat))[1]
    roll = np.degrees(np.arctan2(v3_axis @ east, v3_axis @ north)) % 360.0
    return Pointing(float(ra), float(dec), float(roll), v2, v3)


def perturbed(pointing: Pointing, east: float, north: float, roll: float) -> Pointing:
    """Move the whole field of view rigidly on the sky.

    Parameters
    ----------
    pointing : Pointing
        The attitude; its field point is the centre of the motion.
    east, north : float
        Displacement of that point in its tangent plane, arcsec.
    roll : float
        Rotation about that point, North through East, arcsec.

    Returns
    -------
    Pointing
        The new attitude, given at the same field point.
    """
    centre = direction(pointing.ra, pointing.dec)
    e_axis, n_axis = angular_axes(np.asarray(pointing.ra), np.asarray(pointing.dec))
    moved = centre + np.radians(ARCSEC) * (east * e_axis + north * n_axis)
    ra, dec = longitude_latitude(moved)
    # Carry the V3 axis along, so that the roll does not jump with the meridian near a pole.
    turn = np.radians(pointing.roll + roll * ARCSEC)
    v3_axis = np.sin(turn) * e_axis + np.cos(turn) * n_axis
    new_east, new_north = angular_axes(ra, dec)
    new_roll = np.degrees(np.arctan2(v3_axis @ new_east, v3_axis @ new_north)) % 360.0
    return replace(pointing, ra=float(ra), dec=float(dec), roll=float(new_roll))


def _detector_to_v2v3(detector: Detector) -> Model:
    """Pixels to field angles [arcsec] by the linear equations of the SIAF."""
    x_ref, y_ref = detector.reference_pixel
    angle = np.radians(detector.v3_idl_yangle)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    parity = detector.parity
    to_field = AffineTransformation2D([[parity * cosine, sine], [-parity * sine, cosine]])
    return (
        Shift(-x_ref) & Shift(-y_ref)
        | distortion_model(detector.distortion, detector.pixel_scale)
        | to_field
        | Shift(detector.v2_ref) & Shift(detector.v3_ref)
    )


def _aberration(scale: float, v2_ref: float, v3_ref: float) -> Model:
    """Differential velocity aberration: a stretch by ``scale`` about a point of the field."""
    stretch = Scale(scale, name="dva_scale_v2") & Scale(scale, name="dva_scale_v3")
    centre = Shift((1.0 - scale) * v2_ref, name="dva_v2_shift") & Shift(
        (1.0 - scale) * v3_ref, name="dva_v3_shift"
    )
    model = stretch | centre
    model.name = "DVA_Correction"
    return model


def _v23tosky(pointing: Pointing) -> Model:
    """Field angles [arcsec] to ICRS [deg]: the rotation of :func:`attitude`."""
    angles = [
        pointing.v2 * ARCSEC,
        -pointing.v3 * ARCSEC,
        pointing.roll,
        pointing.dec,
        -pointing.ra,
    ]
    model = (
        Scale(ARCSEC) & Scale(ARCSEC)
        | SphericalToCartesian(wrap_lon_at=180)
        | RotationSequence3D(angles, axes_order="zyxyz")
        | CartesianToSpherical(wrap_lon_at=360)
    )
    model.name = "v23tosky"
    return model


def _field_frame(name: str) -> cf.Frame2D:
    """Return a frame of field angles in arcsec."""
    return cf.Frame2D(
        name=name, axes_order=(0, 1), axes_names=("v2", "v3"), unit=(u.arcsec, u.arcsec)
    )


def detector_wcs(
    detector: Detector,
    pointing: Pointing,
    velocity_aberration: float | None = None,
    aberration_centre: tuple[float, float] | None = None,
) -> WCS:
    """Build the GWCS that the JWST pipeline would assign to an image of this detector.

    Parameters
    ----------
    detector : Detector
        The optics.
    pointing : Pointing
        The attitude, at any field point.
    velocity_aberration : float, optional
        Scale factor of the differential velocity aberration; None leaves the frame
        ``v2v3vacorr`` out, as for data without the keyword.
    aberration_centre : (float, float), optional
        Point (v2, v3) [arcsec] about which the field is stretched, the same for all detectors;
        None is the convention of the JWST pipeline, each detector's own reference point.

    Returns
    -------
    gwcs.WCS
        Zero-based pixels to ICRS degrees, with bounding box and array shape.
    """
    frames = [
        cf.Frame2D(name="detector", axes_order=(0, 1), unit=(u.pix, u.pix)),
        _field_frame("v2v3"),
    ]
    transforms = [_detector_to_v2v3(detector)]
    if velocity_aberration is not None:
        centre = aberration_centre or (detector.v2_ref, detector.v3_ref)
        transforms.append(_aberration(velocity_aberration, *centre))
        frames.append(_field_frame("v2v3vacorr"))
    transforms.append(_v23tosky(pointing_at(pointing, detector.v2_ref, detector.v3_ref)))
    world = cf.CelestialFrame(reference_frame=ICRS(), name="world")
    wcs = WCS([*zip(frames, transforms, strict=True), (world, None)])
    ny, nx = detector.shape
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    wcs.pixel_shape = (nx, ny)
    return wcs


def pixel_of(
    wcs: WCS, ra: FloatArray, dec: FloatArray, *, tolerance: float = 1e-7, rounds: int = 20
) -> tuple[FloatArray, FloatArray]:
    """Invert a GWCS exactly: Newton steps on its forward transform.

    The residual is measured in the plane tangent to the sphere at each target, hence poles and
    RA = 0 need no care.  The Jacobian comes from differences over one pixel.

    Parameters
    ----------
    wcs : gwcs.WCS
        An imaging WCS with ICRS output in degrees; its own inverse gives the first guess.
    ra, dec : ndarray, shape (n,)
        Degrees.
    tolerance : float
        Largest last step accepted, in pixels; the error left is far smaller.  Degrees in
        double precision resolve about 1e-8 pixel.
    rounds : int
        Number of steps allowed.

    Returns
    -------
    x, y : ndarray, shape (n,)
        Zero-based pixels.  NaN where the steps do not settle: such a point is far outside the
        image, beyond the reach of the distortion polynomial.
    """
    ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
    if not ra.size:
        return ra.copy(), dec.copy()
    target = direction(ra, dec)
    axes = angular_axes(ra, dec)
    forward = wcs.forward_transform
    x, y = (np.array(a, dtype=float) for a in wcs.backward_transform(ra, dec))
    step = np.full(x.shape, np.inf)
    with np.errstate(all="ignore"):  # a diverging point ends as NaN, as documented
        for _ in range(rounds):
            dx, dy = _newton_step(forward, x, y, target, axes)
            x, y, step = x + dx, y + dy, np.hypot(dx, dy)
            if not np.any(step > tolerance):
                break
    settled = step <= tolerance
    return np.where(settled, x, np.nan), np.where(settled, y, np.nan)


def _newton_step(
    forward: Model,
    x: FloatArray,
    y: FloatArray,
    target: FloatArray,
    axes: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """One step (dx, dy) [pixel], each of shape (n,), towards the target directions (n, 3)."""
    points = direction(*forward(np.stack([x, x + 1.0, x]), np.stack([y, y, y + 1.0])))
    xi, eta = (np.einsum("knc,nc->kn", points - target, axis) for axis in axes)
    a, b, c, d = xi[1] - xi[0], xi[2] - xi[0], eta[1] - eta[0], eta[2] - eta[0]
    determinant = a * d - b * c
    return (
        (b * eta[0] - d * xi[0]) / determinant,
        (c * xi[0] - a * eta[0]) / determinant,
    )
