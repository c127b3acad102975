"""The WCS of an image: its tangent plane, its correction, its inverse, its footprint."""

from __future__ import annotations

from .footprints import corners_of, epoch_of, group_epochs, group_observatories
from .inverse import pixels_within
from .snapshot import Snapshot, all_or_nothing
from .tan_mosaic import TanCorrector, correction_of, is_tan, without_correction
from .tangent_plane import CorrectorPlane, box_of
from .v2v3corr import affine_between, correct, put

__all__ = [
    "CorrectorPlane",
    "Snapshot",
    "TanCorrector",
    "affine_between",
    "all_or_nothing",
    "box_of",
    "corners_of",
    "correct",
    "correction_of",
    "epoch_of",
    "group_epochs",
    "group_observatories",
    "is_tan",
    "pixels_within",
    "put",
    "without_correction",
]
