"""Lists of names in messages, suggestions for those that do not exist, texts that are quoted."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HIDDEN", "counted", "first_line", "listed", "nearest", "printable", "without_secrets"]

HIDDEN = "***"
"""What stands for a password."""

_USERS = re.compile(
    r"(?<=://)[^\s'\"<>]*@|(?<![^\s'\"(=,])[^\s'\"@:/=(,]+:(?!//)[^\s'\"@]+@(?=[\w\[])"
)
"""Names and passwords in addresses, also where http:// was forgotten."""

_KEYS = re.compile(
    r"(?i)([?&;][\w.-]*(?:key|token|secret|passw|pwd|signature|auth|credential)[\w.-]*=)[^&\s'\"#]*"
)
"""Words of queries that let somebody in."""

_MOST = 20
"""Largest number of names in a list."""


def first_line(error: BaseException, most: int | None = None) -> str:
    """The first line of what a library says, without its full stop; its class if it says nothing.

    Parameters
    ----------
    error
        The error of the library.
    most
        Letters to quote at most; None: all.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:most].rstrip(".")


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


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as '1 group' or '2 groups'."""
    plural = "es" if noun.endswith(("ch", "sh", "x")) else "s"
    return f"{count} {noun}{'' if count == 1 else plural}"


def listed(names: Iterable[str]) -> str:
    """Names separated by commas; of many, the first ones and the number of others."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def printable(text: str) -> str:
    """A text of anybody's, with its control characters and what is no character escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def without_secrets(text: str) -> str:
    """A text in which passwords and keys of addresses are hidden, and that can be printed."""
    hidden = _USERS.sub(f"{HIDDEN}@", printable(text))
    return _KEYS.sub(rf"\1{HIDDEN}", hidden)
