"""The eighteen detectors of a camera like Roman's Wide Field Instrument.

The first is where the mission has it, with the distortion that its simulated products have. The
others lie around it as in the camera, in three rows of six that bend, to some arcsec; their
distortion is the first one's, mirrored with the camera.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tweakreg_step.simulate.distortion import Distortion
from tweakreg_step.simulate.optics import Detector

__all__ = ["DETECTORS", "wfi"]

CENTRE = (1546.38, -892.79)
"""V2 and V3 [arcsec] of the middle of the camera."""

ANGLE = -60.0
"""Of the detectors' y axis from V3 [deg]."""

COLUMNS = (245.0, 735.0, 1225.0)
"""Distance of the columns from the middle, to either side [arcsec]."""

ROWS = (
    (128.0, -372.0, 628.0),
    (178.0, -322.0, 678.0),
    (278.0, -222.0, 778.0),
)
"""Places of the three detectors in each column, from the middle [arcsec]."""

DISTORTION_X = (4.1, -0.6, -3.2, -2.1, 1.5, 0.2, 0.1, 0.3, 0.0)
DISTORTION_Y = (1.8, 6.3, 2.9, -1.1, -1.9, 0.0, 0.2, 0.1, 0.3)
"""Departure from the linear field [pixel at the edge]."""


def _detector(number: int) -> Detector:
    """A detector by its number, from 1."""
    side, place = divmod(number - 1, 9)
    column, row = divmod(place, 3)
    x, y = (-1.0, 1.0)[side] * COLUMNS[column], ROWS[column][row]
    turn = np.deg2rad(ANGLE)
    v2 = CENTRE[0] + x * np.cos(turn) + y * np.sin(turn)
    v3 = CENTRE[1] - x * np.sin(turn) + y * np.cos(turn)
    mirror = np.array((1.0, -1.0)[side])
    return Detector(
        name=f"WFI{number:02d}",
        channel="",
        v2_ref=round(float(v2), 2),
        v3_ref=round(float(v3), 2),
        v3_idl_yangle=ANGLE,
        parity=-1,
        pixel_scale=0.11,
        shape=(4088, 4088),
        distortion=Distortion(
            tuple(float(mirror * term) for term in DISTORTION_X),
            tuple(float(mirror * term) for term in DISTORTION_Y),
        ),
    )


DETECTORS: dict[str, Detector] = {
    detector.name: detector for detector in map(_detector, range(1, 19))
}
"""The detectors by name, full arrays of 4088 x 4088 pixels."""


def wfi(name: str, shape: tuple[int, int] = (4088, 4088)) -> Detector:
    """A detector of the table, cut to ``shape`` (ny, nx) around its reference pixel."""
    return replace(DETECTORS[name.upper()], shape=shape)
