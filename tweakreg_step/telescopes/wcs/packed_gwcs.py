"""A GWCS as bytes, and back to the bit: a small ASDF file of its own."""

from __future__ import annotations

import io
from typing import Any

import asdf

__all__ = ["packed_gwcs", "unpacked_gwcs"]

_KEY = "wcs"


def packed_gwcs(wcs: Any) -> bytes:
    """The bytes of a GWCS."""
    content = io.BytesIO()
    asdf.AsdfFile({_KEY: wcs}).write_to(content, all_array_compression="zlib")
    return content.getvalue()


def unpacked_gwcs(content: bytes) -> Any:
    """The GWCS of such bytes."""
    with asdf.open(io.BytesIO(content), lazy_load=False, memmap=False) as file:
        return file.tree[_KEY]
