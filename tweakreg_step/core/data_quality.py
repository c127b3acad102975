"""Bits of data quality as masks are written by hand: ``16+64``, ``16,64``, ``80``, ``~4+8``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .exceptions import ParameterError

if TYPE_CHECKING:
    from .arrays import BoolArray

__all__ = ["ALL", "has_bits", "has_other_bits", "usable_bits"]

_SUM = re.compile(r"(~?)\s*(\d+(?:\s*[+,|]\s*\d+)*)")

ALL = (1 << 32) - 1
"""Every bit of a word of data quality."""

ROWS = 32
"""Rows of an image that a processor has at hand."""


def usable_bits(given: str) -> int | None:
    """The bits that a pixel may have and be used; None where nothing is given.

    Parameters
    ----------
    given
        Bits or sums of bits with ``+`` or ``,`` between them; after ``~`` those that a pixel may
        not have. A negative number is the complement, as of DrizzlePac; 'None' allows all.

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    text = given.strip()
    if not text:
        return None
    if text.upper() in {"NONE", "INDEF"}:
        return ALL
    if re.fullmatch(r"-\d+", text):
        return int(text) & ALL
    found = _SUM.fullmatch(text)
    if found is None:
        raise ParameterError(
            f"Parameter 'dqbits' is {given!r}, but it must be bits of the data quality: a number, "
            "or several with '+' or ',' between them, with '~' before them for those that can't be "
            "used. Write it as 16+64, or leave it out for the bits that the handbooks advise."
        )
    bits = 0
    for word in re.split(r"[+,|]", found[2]):
        bits |= int(word)
    return ALL & ~bits if found[1] else bits


def has_bits(quality: Any, bits: int) -> BoolArray:
    """Mask of the pixels that have one of some bits, a few rows at a time: all take twice as long.

    Parameters
    ----------
    quality
        Data quality (ny, nx), of any type of integers.
    bits
        The bits.
    """
    found = np.empty(np.shape(quality), bool)
    for row in range(0, len(found), ROWS):
        part = slice(row, row + ROWS)
        np.not_equal(quality[part] & bits, 0, out=found[part])
    return found


def has_other_bits(quality: Any, usable: int) -> BoolArray:
    """Mask of the pixels that have a bit beside those that can be used.

    Parameters
    ----------
    quality
        Data quality (ny, nx), of any type of integers.
    usable
        The bits of pixels that can be used.
    """
    quality = np.asarray(quality)
    # the last bit of 16 is no sign
    unsigned = quality.astype(f"u{quality.dtype.itemsize}").astype(np.int64)
    return has_bits(unsigned, ~usable)
