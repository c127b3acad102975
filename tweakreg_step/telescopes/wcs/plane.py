"""The plane of an image, by the kind of its WCS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakwcs.correctors import FITSWCSCorrector

from .fits_plane import FitsPlane
from .packed_corrector import PackedCorrector
from .packed_plane import PackedPlane
from .tangent_plane import CorrectorPlane

if TYPE_CHECKING:
    from tweakreg_step.core.sources import BoundingBox

__all__ = ["plane_of"]


def plane_of(corrector: Any, box: BoundingBox | None) -> CorrectorPlane:
    """The plane of the image of a tweakwcs corrector, or of a packed one.

    Parameters
    ----------
    corrector
        With a GWCS or a FITS WCS.
    box
        Limits of the image in pixels, None where nothing tells them.
    """
    if isinstance(corrector, PackedCorrector):
        return PackedPlane(corrector, box)
    kind = FitsPlane if isinstance(corrector, FITSWCSCorrector) else CorrectorPlane
    return kind(corrector, box)
