"""The footprints of a run on a map of the sky, before and after, and how far they moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .round_numbers import nice
from .sky_map import Field, field_of, map_unit

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.report.result import RunResult

__all__ = ["FootprintMap", "footprint_map"]


@dataclass(frozen=True, slots=True)
class FootprintMap:
    """The J images that have corners.

    Attributes
    ----------
    field
        The projection.
    unit, arcsec
        Unit of the map, and how many arcsec it has.
    image, group
        (J,) indices of the images and of their groups.
    before, after
        (J, 4, 2) corners on the map, in its unit.
    """

    field: Field
    unit: str
    arcsec: float
    image: IntArray
    group: IntArray
    before: FloatArray
    after: FloatArray

    def offsets(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Offsets (..., 2) on the map of positions (...,) [deg]."""
        return self.field.offsets(ra, dec) / self.arcsec

    @property
    def steps(self) -> FloatArray:
        """(J, 2) what the middles of the footprints move by, in the map's unit."""
        return np.asarray(self.after.mean(axis=1) - self.before.mean(axis=1))

    @property
    def largest_mas(self) -> float:
        """The largest correction of an image."""
        return float(1000.0 * self.arcsec * np.hypot(*self.steps.T).max())

    @property
    def magnification(self) -> float:
        """That of corrections: the larger ones are a third of a footprint."""
        step = np.hypot(*self.steps.T)
        size = float(np.median(np.ptp(self.before, axis=1).max(axis=1)))
        moved = step[step > 0.0]
        return nice(size / 3.0 / float(np.percentile(moved, 90))) if len(moved) else 1.0


def footprint_map(result: RunResult) -> FootprintMap | None:
    """The map of the images that have corners, None where no image has."""
    images = result.images
    both = np.stack([images.corners_before, images.corners_after])
    image = np.flatnonzero(np.isfinite(both).all(axis=(0, 2, 3)))
    if len(image) == 0:
        return None
    before, after = both[:, image]
    field = field_of(before[..., 0].ravel(), before[..., 1].ravel())
    one, other = (field.offsets(corners[..., 0], corners[..., 1]) for corners in (before, after))
    unit, arcsec = map_unit(float(np.ptp(one.reshape(-1, 2), axis=0).max()))
    return FootprintMap(
        field, unit, arcsec, image, images.group[image], one / arcsec, other / arcsec
    )
