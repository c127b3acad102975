"""Headers of chips: changed card by card, delivered WCS archived, results written and undone."""

from __future__ import annotations

from .archive import free_key, is_aligned
from .cards import Cards, Value, cards_of
from .results import apply, restore
from .stwcs_package import alternate_names, require_stwcs
from .update import as_delivered

__all__ = [
    "Cards",
    "Value",
    "alternate_names",
    "apply",
    "as_delivered",
    "cards_of",
    "free_key",
    "is_aligned",
    "require_stwcs",
    "restore",
]
