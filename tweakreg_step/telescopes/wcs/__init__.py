"""The WCS of an image: its tangent plane, its correction, its inverse, its footprint."""

from __future__ import annotations

from .footprints import corners_of, epoch_of, group_epochs, group_observatories
from .inverse import pixels_within
from .snapshot import Snapshot, all_or_nothing
from .tangent_plane import from_sky, limits, sky_of, to_detector, to_sky
from .v2v3corr import correct

__all__ = [
    "Snapshot",
    "all_or_nothing",
    "corners_of",
    "correct",
    "epoch_of",
    "from_sky",
    "group_epochs",
    "group_observatories",
    "limits",
    "pixels_within",
    "sky_of",
    "to_detector",
    "to_sky",
]
