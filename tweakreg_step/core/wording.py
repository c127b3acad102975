"""Names that a user may have meant, for messages about one that does not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listed", "nearest"]

_MOST = 20
"""Names that a message lists."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """A question after the known name that is most like a wanted one; '' if none is like it.

    Parameters
    ----------
    wanted
        As the user gave it; letter case is ignored.
    known
        What there is.
    """
    names = {name.lower(): name for name in known}
    found = get_close_matches(wanted.lower(), list(names), n=1)
    return f"Did you mean '{names[found[0]]}'? " if found else ""


def listed(names: Iterable[str]) -> str:
    """Names after commas, of many the first ones and how many more there are."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more
