"""The WCS of a chip as delivered, kept in its header while another one stands in its place.

It is archived once, under one alternate key that is ours, card by card: what is restored is the
delivered header to the bit, however often the chip was aligned. Keywords that have no alternate
form are kept under names of our own.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from .cards import Cards, renamed
from .stwcs_package import alternate_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cards import Value

__all__ = [
    "archived",
    "delivered",
    "free_key",
    "is_aligned",
    "name_as_delivered",
    "other_names",
    "sum_of",
    "unique_name",
]

ALTERNATE = re.compile(
    r"(WCSAXES|CRPIX\d|CRVAL\d|CTYPE\d|CUNIT\d|CD\d_\d|PC\d_\d|CDELT\d|CRDER\d|RADESYS|WCSTYPE"
    r"|RMS_RA|RMS_DEC|NMATCH|HDRNAME|FITNAME|FITGEOM)$"
)
"""Keywords of a WCS that have an alternate form: the keyword with a letter."""

OWN = {
    "WCSNAME": "TWDNAME",
    "S_REGION": "TWDREGN",
    "ORIENTAT": "TWDORIE",
    "NMATCHES": "TWDNMAT",
}
"""Keywords that have none, or none that may be the same twice, and where they are kept."""

KEY = "TWDKEY"
"""Keyword of the letter under which the delivered WCS is."""

MARK = "TWDSUM"
"""Keyword of a sum of the WCS that we have written: by it we know that nobody has replaced it."""

_LETTERS = "TUVWXYZSRQPNMLKJIHGFEDCBA"
"""Letters in the order in which we take one: other software takes A, B, C, ... first; O is that of
the first pipeline."""

_LINEAR = re.compile(r"(CRVAL\d|CD\d_\d|PC\d_\d|CDELT\d)$")


def is_aligned(cards: Cards) -> bool:
    """Whether the WCS in a header is one that we have written."""
    header = cards.header
    return KEY in header and header.get(MARK) == sum_of(cards)


def free_key(cards: Cards) -> str:
    """The letter for the delivered WCS, '' where all are taken."""
    if KEY in cards:
        return str(cards.header[KEY])
    header = cards.header
    used = {word[-1] for word in header if ALTERNATE.match(word[:-1]) or word[:-1] == "WCSNAME"}
    used |= set(alternate_names(header))
    return next((letter for letter in _LETTERS if letter not in used), "")


def other_names(cards: Cards) -> set[str]:
    """Names, in capitals, of the alternate WCS of others in a header."""
    ours = str(cards.header.get(KEY, ""))
    names = alternate_names(cards.header)
    return {name.upper() for letter, name in names.items() if letter not in {ours, " "}}


def name_as_delivered(cards: Cards) -> str:
    """The name of the delivered WCS, '' where it has none."""
    header = cards.header
    word = OWN["WCSNAME"] if is_aligned(cards) and OWN["WCSNAME"] in cards else "WCSNAME"
    return str(header.get(word) or "").strip()


def archived(cards: Cards) -> Cards:
    """The header with its WCS archived, unless one is that we have replaced.

    A WCS that other software has put in the place of ours counts as delivered.
    """
    if is_aligned(cards):
        return cards
    key, name = free_key(cards), name_as_delivered(cards)
    cards = _without_archive(cards)
    names = other_names(cards)
    called = name if name.upper() not in names else _unique(f"{name}-DELIVERED", names)
    kept = {word + key: renamed(text, word + key) for word, text in _alternate_cards(cards)}
    kept |= {
        own: renamed(text, own)
        for word, own in OWN.items()
        if (text := cards.find(word)) is not None
    }
    words: dict[str, tuple[Value, str]] = {
        KEY: (key, "key of the WCS as delivered (tweakreg_step)")
    }
    if called:
        words[f"WCSNAME{key}"] = (called, "WCS as delivered")
    return cards.with_texts(kept).with_values(words)


def delivered(cards: Cards, written: Iterable[str]) -> Cards:
    """The header as delivered, to the bit; the same where it has no WCS of ours.

    Parameters
    ----------
    cards
        The header.
    written
        Keywords that are written into aligned headers.
    """
    if not is_aligned(cards):
        return cards
    key = str(cards.header[KEY])
    back, added = {}, []
    for word in written:
        text = cards.find(OWN[word] if word in OWN else word + key)
        if text is None:
            added.append(word)
        else:
            back[word] = renamed(text, word)
    return _without_archive(cards.with_texts(back).without(added))


def sum_of(cards: Cards) -> str:
    """A sum of the values that place a chip on the sky, however they are spelled."""
    header = cards.header
    values = [f"{word}={float(header[word])!r}" for word in sorted(header) if _LINEAR.match(word)]
    return f"{zlib.crc32(' '.join(values).encode()):08x}"


def _alternate_cards(cards: Cards) -> list[tuple[str, str]]:
    """Keyword and text of each card of the WCS that has an alternate form."""
    pairs = zip(cards.keywords(), cards.texts, strict=True)
    return [(word, text) for word, text in pairs if ALTERNATE.match(word)]


def _without_archive(cards: Cards) -> Cards:
    if KEY not in cards:
        return cards
    key = str(cards.header[KEY])
    words = [word for word in cards.keywords() if word[-1:] == key]
    kept = [word for word in words if ALTERNATE.match(word[:-1]) or word == f"WCSNAME{key}"]
    return cards.without([*kept, *OWN.values(), KEY, MARK])


def _unique(name: str, names: set[str]) -> str:
    number, found = 1, name
    while found.upper() in names:
        number += 1
        found = f"{name}-{number}"
    return found


def unique_name(name: str, cards: Cards) -> str:
    """The name, with a number if another WCS of the header has it already."""
    delivered_name = name_as_delivered(cards)
    return _unique(name, other_names(cards) | {delivered_name.upper()})
