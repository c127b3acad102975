"""The numerical core, numpy and scipy alone: from catalogs to corrections, errors and verdicts."""

from __future__ import annotations

from .assess_sequential import assess
from .displacement import (
    Displacement,
    displacement_of,
    image_covariance_at,
    worst_corner,
)
from .image_fits import ImageFits, image_fits
from .joint import solve_jointly
from .matching import KnownPairs
from .pair_offsets import PairOffsets, pair_offsets_of
from .residuals import Matched, corrected_directions, matched_of

__all__ = [
    "Displacement",
    "ImageFits",
    "KnownPairs",
    "Matched",
    "PairOffsets",
    "assess",
    "corrected_directions",
    "displacement_of",
    "image_covariance_at",
    "image_fits",
    "matched_of",
    "pair_offsets_of",
    "solve_jointly",
    "worst_corner",
]
