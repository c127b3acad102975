"""Names: of images, of files that results go to, and as a FITS header can hold them."""

from __future__ import annotations

import re
import unicodedata

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import printable

__all__ = [
    "LONGEST_NAME",
    "REPORT_ROOM",
    "RESULT_ROOM",
    "check_letters",
    "check_name",
    "file_of",
    "image_name",
    "is_representable",
    "representable",
    "safe_name",
]

LONGEST_NAME = 255
"""Bytes that file systems allow for the name of a file."""

REPORT_ROOM = len("_tweakreg_solution.asdf")
"""Bytes that the longest name of a report adds to that of the product."""

RESULT_ROOM = len("_tweakreg.fits")
"""Bytes that the name of a result adds to that of an image without its suffix."""

_SEPARATORS = re.compile(r"[/\\]")
_LABEL = re.compile(r"\[[^\[\]]+\]$")


def image_name(file_name: str, label: str) -> str:
    """The name of an image: that of its file, with its label if it has one: ``a.fits[SCI,1]``."""
    return f"{file_name}[{label}]" if label else file_name


def file_of(image: str) -> str:
    """The name of the file of an image."""
    return _LABEL.sub("", image)


def check_letters(text: str, what: str) -> None:
    """Refuse a text that is no text, and that nothing can be called.

    Parameters
    ----------
    text
        Of anybody's.
    what
        What it is, for the message, as "'name' in 'a.json'".

    Raises
    ------
    InputError
        If it has a NUL or half of a surrogate pair.
    """
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError(
            f"{what} is '{printable(text[:300])}', but nothing can have such a name: it has a NUL "
            "or a half of a surrogate pair. Change it."
        )


def check_name(name: str, what: str, room: int = 0) -> None:
    """Refuse a text that no file can be called.

    Parameters
    ----------
    name
        Of a file, perhaps with folders.
    what
        What it is, for the message.
    room
        Bytes that are needed besides, for an ending.

    Raises
    ------
    InputError
        If it is no text (see `check_letters`), or a part of it is too long.
    """
    check_letters(name, what)
    longest = max(len(part.encode()) for part in _SEPARATORS.split(name))
    if longest + room > LONGEST_NAME:
        more = f", and results need {room} more" if room else ""
        raise InputError(
            f"{what} is '{printable(name[:40])}...' and has {longest} bytes, but no name of a file "
            f"may have more than {LONGEST_NAME}{more}. Shorten it."
        )


def safe_name(name: str) -> str:
    """The name of one file in one folder: without separators, leading dots, or control characters.

    It is short enough for any ending, and empty if nothing is left.
    """
    letters = (c if c.isprintable() and c not in "/\\" else "_" for c in name)
    short = "".join(letters).encode()[: LONGEST_NAME - REPORT_ROOM].decode(errors="ignore")
    return short.lstrip("._ ").rstrip()


def is_representable(text: str) -> bool:
    """Whether a FITS header can hold a text: ASCII that can be printed."""
    return text.isascii() and text.isprintable()


def representable(text: str) -> str:
    """A text as a FITS header can hold it: letters without accents, ? for what has no likeness."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if is_representable(c) else " " if c.isspace() else "?" for c in plain)
