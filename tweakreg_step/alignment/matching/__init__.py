"""From catalogs to sources: pairs, offsets, the graph of overlaps, associations."""

from __future__ import annotations

from .association import associate, homeward, nearest_stars, renumber
from .cross_match import Catalog, Reach, catalog_of, window_of
from .initial_registration import Registration, peaks, register_initially
from .offset_histogram import log_chance, make_pairs, search
from .overlap_graph import bridges, members, overlapping, shared_counts, sharing
from .second_peak import OffsetAmbiguity

__all__ = [
    "Catalog",
    "OffsetAmbiguity",
    "Reach",
    "Registration",
    "associate",
    "bridges",
    "catalog_of",
    "homeward",
    "log_chance",
    "make_pairs",
    "members",
    "nearest_stars",
    "overlapping",
    "peaks",
    "register_initially",
    "renumber",
    "search",
    "shared_counts",
    "sharing",
    "window_of",
]
