"""Reference catalogs at the epoch of observation: files, the STScI service, HATS."""

from __future__ import annotations

from .chosen_columns import with_chosen_columns
from .epoch import as_published, at_epoch, is_moved, place, with_known_motion
from .fallbacks import Member, members_of, stars_from
from .file import read_reference
from .footprint import Circle, circles
from .hats import ADDRESSES
from .stars import (
    REFERENCE_SIGMA,
    independent_errors,
    motion_is_known,
    position_errors,
    stars_of,
    unstated_errors,
)
from .web.service import RELEASES, service_reachable
from .years import catalog_years, has_motions, years_of

__all__ = [
    "NAMED",
    "REFERENCE_SIGMA",
    "Circle",
    "Member",
    "as_published",
    "at_epoch",
    "catalog_years",
    "circles",
    "has_motions",
    "independent_errors",
    "is_moved",
    "members_of",
    "motion_is_known",
    "place",
    "position_errors",
    "read_reference",
    "service_reachable",
    "stars_from",
    "stars_of",
    "unstated_errors",
    "with_chosen_columns",
    "with_known_motion",
    "years_of",
]

NAMED = ("GAIAREFCAT", *(name for name in RELEASES if name != "GAIAREFCAT"), *ADDRESSES)
"""Names that stand for reference catalogs of a service instead of a file."""
