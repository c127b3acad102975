"""Lists of names in messages, and suggestions for a name that does not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listed", "nearest"]

_MOST = 20
"""Largest number of names in a list."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """A suggestion, as a question, of the most similar known name; '' if none is similar.

    Parameters
    ----------
    wanted
        The name that the user gave; letter case is ignored.
    known
        The existing names.
    """
    names = {name.lower(): name for name in known}
    found = get_close_matches(wanted.lower(), list(names), n=1)
    return f"Did you mean '{names[found[0]]}'? " if found else ""


def listed(names: Iterable[str]) -> str:
    """Names separated by commas; of many, the first ones and the number of others."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more
