"""The image of a model with one GWCS, as the missions whose models have one share it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tweakreg_step.telescopes.wcs import delivered, pixels_within

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["REFERENCE_ANGLES", "GwcsImage", "bounding_box_of"]

REFERENCE_ANGLES = ("v2_ref", "v3_ref", "roll_ref")
"""What a correction needs of ``meta.wcsinfo``."""


@dataclass(frozen=True, slots=True)
class GwcsImage:
    """The part of an `OpenImage` that is told by ``meta.wcs``; the model holds no other image."""

    model: Any

    label = ""

    @property
    def bounding_box(self) -> BoundingBox:
        """Limits of the image in pixels, ((xmin, xmax), (ymin, ymax))."""
        return bounding_box_of(self.model)

    def to_sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, beyond the bounding box as well."""
        ra, dec = self.model.meta.wcs.forward_transform(x, y)
        return ra, dec

    def to_pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The pixels of positions on the sky (N,) [deg], NaN outside the bounding box."""
        return pixels_within(self.model.meta.wcs, self.bounding_box, ra, dec)

    def boxed_wcs(self, *, reset: bool) -> Any:
        """The WCS, with a bounding box; with `reset`, as delivered."""
        wcs = self.model.meta.wcs
        wcs = delivered(wcs) if reset else wcs
        if wcs.bounding_box is None:  # tweakwcs and footprints need one
            wcs = copy.deepcopy(wcs)  # that of the model is not changed before it is aligned
            wcs.bounding_box = self.bounding_box
        return wcs


def bounding_box_of(model: Any) -> BoundingBox:
    """Limits of a model's image in pixels: those of its WCS, else all of its data."""
    box = model.meta.wcs.bounding_box
    if box is None:
        ny, nx = model.data.shape[-2:]
        return ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    (xmin, xmax), (ymin, ymax) = (tuple(float(v) for v in limits) for limits in box)
    return ((xmin, xmax), (ymin, ymax))
