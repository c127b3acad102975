"""Dithers of two detectors that lie off."""

from __future__ import annotations

from pathlib import Path

from tweakreg_step.simulate import DetectorOffset, Truth, simulate_mosaic

__all__ = ["two_detectors"]


def two_detectors(folder: Path, dithers: int) -> Truth:
    """Dithers of one field by two detectors, which are 20 mas off, 45 stars an image."""
    return simulate_mosaic(
        folder,
        seed=8,
        tiles=(1, 1),
        dithers=dithers,
        detectors=("NRCALONG", "NRCBLONG"),
        shape=(512, 512),
        stars_per_image=45,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
        detector_offset=DetectorOffset(v2=0.02, v3=0.02, roll=10.0),
    )
