"""Motions of an exposure on the sky: its dither, and the error of its pointing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import move
from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane, turn

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["NO_MOTION", "Motion", "moved"]

STEP = 100.0
"""Offset [arcsec] of the points by which the motion of the matrix is found; any would do, as
rotations of the sky are linear between tangent planes at a point and where it goes."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion of all chips about one point.

    Attributes
    ----------
    east, north
        Shift [arcsec].
    roll
        Turn [arcsec], from north to east.
    scale
        Growth of distances, as a part of them.
    """

    east: float = 0.0
    north: float = 0.0
    roll: float = 0.0
    scale: float = 0.0


NO_MOTION = Motion()


def moved(header: Header, motion: Motion, centre: tuple[float, float]) -> Header:
    """The header of a chip after a motion of its exposure.

    Parameters
    ----------
    header
        With CRVAL and CD.
    motion
        The motion.
    centre
        RA and DEC [deg] of the point that the shift is that of.
    """
    matrix = np.exp(motion.scale) * turn(-motion.roll / 3600.0)
    shift = np.array([motion.east, motion.north])
    crval = (float(header["CRVAL1"]), float(header["CRVAL2"]))
    corners = STEP * np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    before = ra_dec(from_plane(corners, frames_at(*crval)))
    ra, dec = move(*before, centre, matrix, shift)
    after = to_plane(directions(ra, dec), frames_at(ra[0], dec[0]))
    slopes = np.column_stack([after[1] - after[2], after[3] - after[4]]) / (2.0 * STEP)
    old = np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
    result = header.copy()
    result["CRVAL1"], result["CRVAL2"] = float(ra[0]), float(dec[0])
    for (i, j), value in np.ndenumerate(slopes @ old):
        result[f"CD{i + 1}_{j + 1}"] = float(value)
    return result
