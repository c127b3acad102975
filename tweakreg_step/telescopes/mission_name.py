"""The name of the mission in the header of a FITS or ASDF file."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["mission_in_file"]

BLOCK = 2880  # bytes of a FITS header come in such blocks, of cards of 80
CARD = 80
CHUNK = 1 << 16
LONGEST = 1 << 24  # bytes of a header that are looked through: those of real files have far fewer
GZIP = b"\x1f\x8b"
# The end of the tree in an ASDF file, and the places in it that name the mission.
TREE_END = re.compile(rb"^\.\.\.\r?$", re.MULTILINE)
ROMAN_ROOT = re.compile(rb"^roman:", re.MULTILINE)
IN_TREE = re.compile(rb"^\s+telescope: *['\"]?(\w+)", re.MULTILINE)


def mission_in_file(path: Path) -> str:
    """The mission of a FITS or ASDF file, in capitals; '' if its header names none.

    Files that can't be read are no error here; the error comes when they are opened.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
            file.seek(0)
            if packed:
                with gzip.open(file) as inner:
                    return _mission(cast("BinaryIO", inner))
            return _mission(file)
    except (OSError, EOFError):
        return ""


def _mission(file: BinaryIO) -> str:
    start = file.read(BLOCK)
    if start.startswith(b"SIMPLE"):
        return _in_header(file, start)
    if start.startswith(b"#ASDF"):
        return _in_tree(file, start)
    return ""


def _in_header(file: BinaryIO, block: bytes) -> str:
    """The value of TELESCOP in a primary header whose first block is given."""
    for _ in range(LONGEST // BLOCK):
        for place in range(0, len(block), CARD):
            card = block[place : place + CARD].decode("ascii", "replace")
            if card.startswith("TELESCOP="):
                return card[9:].split("/")[0].strip(" '").upper()
            if card.rstrip() == "END":
                return ""
        block = file.read(BLOCK)
        if not block:
            break
    return ""


def _in_tree(file: BinaryIO, text: bytes) -> str:
    """The mission in the tree of an ASDF file whose first bytes are given."""
    while len(text) < LONGEST and not TREE_END.search(text, max(len(text) - CHUNK - 8, 0)):
        chunk = file.read(CHUNK)
        if not chunk:
            break
        text += chunk
    if ROMAN_ROOT.search(text):
        return "ROMAN"
    found = IN_TREE.search(text)
    return found[1].decode().upper() if found else ""
