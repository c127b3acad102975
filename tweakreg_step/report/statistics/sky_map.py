"""Map projection of the field: offsets from its centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import ARCSEC, directions, frames_at, frames_of, ra_dec

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult


__all__ = ["Field", "field_of", "group_centres", "group_corners", "map_unit"]


class Field:
    """A map around one point of the sky, east and north, true to distances from its middle.

    The zenithal equidistant projection (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.4)
    has no horizon, so that fields far apart can share a map.

    Parameters
    ----------
    ra, dec
        Middle of the map [deg ICRS].
    """

    def __init__(self, ra: float, dec: float) -> None:
        self.ra, self.dec = ra, dec
        self._frame = frames_at(ra, dec)

    def offsets(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Offsets (..., 2) east and north [arcsec] of positions (...,) [deg]."""
        local = directions(ra, dec) @ self._frame.T
        plane = np.hypot(local[..., 0], local[..., 1])
        angle = np.arctan2(plane, local[..., 2])
        stretch = np.divide(angle, plane, out=np.ones_like(plane), where=plane > 0.0)
        return np.asarray(ARCSEC * local[..., :2] * stretch[..., None])


def field_of(ra: FloatArray, dec: FloatArray) -> Field:
    """The field whose middle is the mean of all finite positions [deg]; (0, 0) if there is none."""
    good = np.isfinite(ra) & np.isfinite(dec)
    total = directions(ra[good], dec[good]).sum(axis=0) if good.any() else np.zeros(3)
    if not np.any(np.abs(total) > 1e-9):
        return Field(0.0, 0.0)
    middle = ra_dec(total)
    return Field(float(middle[0]), float(middle[1]))


def group_corners(result: RunResult, group: int) -> FloatArray:
    """Finite corners (K, 2), RA and DEC [deg] as delivered, of a group's images."""
    corners = result.images.corners_before[result.images.group == group].reshape(-1, 2)
    return np.asarray(corners[np.isfinite(corners).all(axis=1)])


def group_centres(result: RunResult) -> FloatArray:
    """Middle (G, 2) [deg] of each group's corners as delivered, NaN where there are none."""
    centres = np.full((len(result.groups), 2), np.nan)
    for group in range(len(centres)):
        corners = group_corners(result, group)
        if len(corners):
            mean = directions(corners[:, 0], corners[:, 1]).mean(axis=0)
            frame = frames_of(mean)
            centres[group] = ra_dec(frame[2])
    return centres


def map_unit(extent: float) -> tuple[str, float]:
    """The unit for a map of some extent [arcsec], and how many arcsec it has."""
    if extent < 300.0:
        return "arcsec", 1.0
    return ("arcmin", 60.0) if extent < 10800.0 else ("deg", 3600.0)
