"""The cards of a FITS header as they stand in the file, changed one by one.

astropy writes some cards of a header anew when it writes the header. Here a card that nobody
changes stays as it is to the bit, and a change can be taken back to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from astropy.io.fits import Card, Header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CARD", "Cards", "Value", "cards_of"]

CARD = 80
"""Bytes of a card."""

BLOCK = 2880
"""A header fills a whole number of blocks of as many bytes."""

LONGEST_KEYWORD = 8

_END = "END".ljust(CARD)
_CONTINUE = "CONTINUE"

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Cards:
    """A header without its END.

    Attributes
    ----------
    texts
        Cards of 80 characters each; a value that is continued is one text of several times 80.
    """

    texts: tuple[str, ...]

    @classmethod
    def of(cls, header: str) -> Cards:
        """The cards of a header's text, with or without END and what follows it."""
        texts: list[str] = []
        for place in range(0, len(header), CARD):
            text = header[place : place + CARD].ljust(CARD)
            if text.rstrip() == "END":
                break
            if text.startswith(_CONTINUE) and texts:
                texts[-1] += text
            else:
                texts.append(text)
        return cls(tuple(texts))

    @property
    def text(self) -> str:
        """The header's text, whole blocks."""
        text = "".join(self.texts) + _END
        return text + " " * (-len(text) % BLOCK)

    @property
    def header(self) -> Header:
        """The header, for reading: it is shared."""
        return _parsed(self.texts)

    def __contains__(self, keyword: str) -> bool:
        return self.find(keyword) is not None

    def find(self, keyword: str) -> str | None:
        """The text of the first card of a keyword, None where there is none."""
        start = _start(keyword)
        return next((text for text in self.texts if text.startswith(start)), None)

    def with_texts(self, changes: Mapping[str, str]) -> Cards:
        """With the texts of some keywords replaced where they stand, new ones at the end."""
        left, texts = dict(changes), list(self.texts)
        for place, text in enumerate(texts):
            changed = left.pop(_keyword(text), None)
            if changed is not None:
                texts[place] = changed
        return Cards((*texts, *left.values()))

    def with_values(self, values: Mapping[str, tuple[Value, str]]) -> Cards:
        """With values and comments of some keywords replaced where they stand, new ones at the end.

        A card that says the same already stays as it is.
        """
        return self.with_texts({key: _text(key, *value) for key, value in values.items()})

    def without(self, keywords: Iterable[str]) -> Cards:
        """Without the cards of some keywords."""
        gone = set(keywords)
        return Cards(tuple(text for text in self.texts if _keyword(text) not in gone))

    def keywords(self) -> list[str]:
        """The keyword of each card, '' for a blank one."""
        return [_keyword(text) for text in self.texts]


@lru_cache(maxsize=512)
def _parsed(texts: tuple[str, ...]) -> Header:
    """A header is asked for its values many times, and slow to read."""
    return Header.fromstring("".join(texts))


def cards_of(header: Header) -> Cards:
    """The cards of a header of astropy's."""
    return Cards.of(header.tostring(endcard=False, padding=False))


def renamed(text: str, keyword: str) -> str:
    """The text of a card with another keyword, its value to the letter."""
    return keyword.ljust(LONGEST_KEYWORD) + text[LONGEST_KEYWORD:]


def _start(keyword: str) -> str:
    return f"{keyword.ljust(LONGEST_KEYWORD)}="


def _keyword(text: str) -> str:
    return text[:LONGEST_KEYWORD].rstrip()


def _text(keyword: str, value: Value, comment: str) -> str:
    return str(Card(keyword, value, comment).image)
