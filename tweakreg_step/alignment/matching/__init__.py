"""Matching of catalogs: pairs, offset histograms, the graph of overlaps, association to sources."""

from __future__ import annotations

from .association import associate, nearest_stars, renumber, to_reference_epoch
from .bodies import Bodies, BodyPair, beyond, compare_bodies, wide_ranges
from .cross_match import Catalog, Reach, catalog_of, find_edges, window_of
from .false_matches.repeated_pixels import repeated_pixels
from .false_matches.second_peak import OffsetAmbiguity
from .initial_registration import Registration, peak_offsets, register_initially
from .known_pairs import KnownPairs
from .offset_histogram import log_chance, make_pairs, search
from .overlap_graph import (
    bridges,
    members,
    overlapping,
    shared_counts,
    sharing,
    well_connected,
)
from .sky_cells import searched_cells

__all__ = [
    "Bodies",
    "BodyPair",
    "Catalog",
    "KnownPairs",
    "OffsetAmbiguity",
    "Reach",
    "Registration",
    "associate",
    "beyond",
    "bridges",
    "catalog_of",
    "compare_bodies",
    "find_edges",
    "log_chance",
    "make_pairs",
    "members",
    "nearest_stars",
    "overlapping",
    "peak_offsets",
    "register_initially",
    "renumber",
    "repeated_pixels",
    "search",
    "searched_cells",
    "shared_counts",
    "sharing",
    "to_reference_epoch",
    "well_connected",
    "wide_ranges",
    "window_of",
]
