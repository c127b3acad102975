"""Statistics of a result for pictures and page, before anything is drawn."""

from __future__ import annotations

from .chosen_stars import chosen_stars
from .corrections import Corrections, corrections_of
from .footprint_map import FootprintMap, footprint_map
from .graph_layout import graph_layout
from .needs_attention import common_motion, hints
from .offset_histogram import REFERENCE, Differences, differences_of
from .pair_ties import pair_sigmas, shared_matches
from .residuals import Residuals, magnitudes, residuals_of
from .round_numbers import nice
from .short_names import shortened
from .sky_map import Field, field_of, group_centres, map_unit
from .spread import spread
from .unit_motions import unit_motions, unit_names
from .worst_first import groups_by_need, pairs_by_need

__all__ = [
    "REFERENCE",
    "Corrections",
    "Differences",
    "Field",
    "FootprintMap",
    "Residuals",
    "chosen_stars",
    "common_motion",
    "corrections_of",
    "differences_of",
    "field_of",
    "footprint_map",
    "graph_layout",
    "group_centres",
    "groups_by_need",
    "hints",
    "magnitudes",
    "map_unit",
    "nice",
    "pair_sigmas",
    "pairs_by_need",
    "residuals_of",
    "shared_matches",
    "shortened",
    "spread",
    "unit_motions",
    "unit_names",
]
