"""Statistics of a result for pictures and page, before anything is drawn."""

from __future__ import annotations

from .corrections import Corrections, corrections_of
from .needs_attention import hints
from .offset_histogram import REFERENCE, Differences, differences_of
from .residuals import Residuals, residuals_of
from .short_names import shortened
from .sky_map import Field, field_of, group_centres
from .worst_first import groups_by_need, pairs_by_need, shared_matches

__all__ = [
    "REFERENCE",
    "Corrections",
    "Differences",
    "Field",
    "Residuals",
    "corrections_of",
    "differences_of",
    "field_of",
    "group_centres",
    "groups_by_need",
    "hints",
    "pairs_by_need",
    "residuals_of",
    "shared_matches",
    "shortened",
]
