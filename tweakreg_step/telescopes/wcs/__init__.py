"""The WCS of an image: its tangent plane, its correction, its inverse, its footprint."""

from __future__ import annotations

from .delivered import CORRECTED, delivered, is_corrected
from .fits_plane import FitsPlane, put_linear
from .footprints import corners_of, epoch_of, group_epochs, group_observatories, region
from .inverse import pixels_within
from .packed_corrector import PackedCorrector, PackedWcs, packed_corrector
from .packed_gwcs import packed_gwcs, unpacked_gwcs
from .plane import plane_of
from .snapshot import Snapshot, StoredWcs, all_or_nothing
from .tan_mosaic import TanCorrector, is_tan
from .tangent_plane import CorrectorPlane, box_of
from .v2v3corr import affine_between, correct, put

__all__ = [
    "CORRECTED",
    "CorrectorPlane",
    "FitsPlane",
    "PackedCorrector",
    "PackedWcs",
    "Snapshot",
    "StoredWcs",
    "TanCorrector",
    "affine_between",
    "all_or_nothing",
    "box_of",
    "corners_of",
    "correct",
    "delivered",
    "epoch_of",
    "group_epochs",
    "group_observatories",
    "is_corrected",
    "is_tan",
    "packed_corrector",
    "packed_gwcs",
    "pixels_within",
    "plane_of",
    "put",
    "put_linear",
    "region",
    "unpacked_gwcs",
]
