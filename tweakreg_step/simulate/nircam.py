"""The ten detectors of a NIRCam-like camera.

Positions, angles and distortion were measured on published GWCS of JWST programme 1345 and
rounded; the polynomial departs from the real one by less than 0.1 pixel.
"""

from __future__ import annotations

from dataclasses import replace

from tweakreg_step.simulate.distortion import Distortion
from tweakreg_step.simulate.optics import Detector

# name: v2_ref, v3_ref [arcsec], v3_idl_yangle [deg], distortion in x and in y [pixel at the edge]
_Row = tuple[float, float, float, tuple[float, ...], tuple[float, ...]]
_ROWS: dict[str, _Row] = {
    "NRCA1": (
        *(120.52, -527.68, -0.579),
        (4.41, -0.57, -0.03, -7.15, -1.17, 0.36, 0.06, 0.45, 0.03),
        (1.53, 10.54, 2.21, 1.22, -4.97, -0.01, 0.38, 0.01, 0.41),
    ),
    "NRCA2": (
        *(119.67, -459.97, -0.215),
        (-8.99, -0.27, -0.02, -5.49, -1.15, 0.34, -0.03, 0.42, -0.01),
        (-0.94, -5.68, 2.94, 1.18, -2.66, -0.04, 0.37, -0.05, 0.35),
    ),
    "NRCA3": (
        *(51.91, -528.13, 0.269),
        (9.14, -0.46, 2.23, -7.20, -0.39, 0.35, -0.08, 0.45, -0.02),
        (-4.14, 14.94, 2.21, 2.82, -5.02, -0.01, 0.39, -0.07, 0.40),
    ),
    "NRCA4": (
        *(52.30, -460.10, 0.077),
        (-4.40, -0.41, 2.17, -5.53, -0.42, 0.33, 0.03, 0.43, 0.03),
        (-0.33, -1.50, 2.94, 2.72, -2.68, 0.02, 0.40, 0.03, 0.37),
    ),
    "NRCALONG": (
        *(85.88, -493.59, -0.074),
        (-2.41, -0.36, 1.96, -12.19, -1.62, 1.79, -0.06, 1.95, 0.00),
        (-1.23, 2.56, 5.23, 3.78, -7.09, -0.00, 1.83, -0.07, 1.87),
    ),
    "NRCB1": (
        *(-122.64, -457.77, 0.284),
        (-9.94, -1.07, 0.13, -5.50, 1.22, 0.34, 0.00, 0.41, -0.01),
        (2.41, -6.84, 2.92, -1.19, -2.64, -0.01, 0.36, 0.02, 0.32),
    ),
    "NRCB2": (
        *(-122.87, -525.49, 0.819),
        (3.49, -0.55, 0.17, -7.13, 1.24, 0.36, 0.03, 0.45, -0.01),
        (-0.63, 9.46, 2.18, -1.16, -5.03, 0.01, 0.41, 0.01, 0.38),
    ),
    "NRCB3": (
        *(-54.83, -457.75, -0.489),
        (-5.63, -0.74, -2.13, -5.53, 0.44, 0.32, 0.02, 0.43, 0.00),
        (1.37, -2.73, 2.93, -2.67, -2.67, -0.02, 0.38, -0.00, 0.36),
    ),
    "NRCB4": (
        *(-54.59, -525.68, -0.369),
        (7.87, -0.64, -2.20, -7.20, 0.43, 0.35, 0.05, 0.42, -0.01),
        (5.17, 13.72, 2.18, -2.77, -5.08, -0.01, 0.38, 0.02, 0.38),
    ),
    "NRCBLONG": (
        *(-89.48, -491.49, 0.000),
        (-0.83, -0.52, -1.97, -12.37, 1.71, 1.83, 0.08, 2.00, -0.00),
        (1.87, 4.03, 5.19, -3.88, -7.35, -0.02, 1.88, 0.08, 1.94),
    ),
}


def _detector(name: str, row: _Row) -> Detector:
    """One row of the table as a full-array detector."""
    v2_ref, v3_ref, angle, x, y = row
    long = name.endswith("LONG")
    return Detector(
        name=name,
        channel="LONG" if long else "SHORT",
        v2_ref=v2_ref,
        v3_ref=v3_ref,
        v3_idl_yangle=angle,
        parity=-1,
        pixel_scale=0.0629 if long else 0.031,
        distortion=Distortion(x, y),
    )


DETECTORS: dict[str, Detector] = {name: _detector(name, row) for name, row in _ROWS.items()}
"""The ten detectors by name, full arrays of 2048 x 2048 pixels."""


def nircam(name: str, shape: tuple[int, int] = (2048, 2048)) -> Detector:
    """Return a detector of the table, cut to ``shape`` (ny, nx) around its reference pixel."""
    try:
        return replace(DETECTORS[name.upper()], shape=shape)
    except KeyError:
        raise ValueError(
            f"There is no detector '{name}'. Choose one of {', '.join(DETECTORS)}."
        ) from None
