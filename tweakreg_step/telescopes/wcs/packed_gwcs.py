"""A GWCS as bytes, and back to the bit: a small ASDF file of its own."""

from __future__ import annotations

import io
from typing import Any

import asdf

from tweakreg_step.files.asdf_extensions import load_extensions
from tweakreg_step.telescopes.external_references import (
    refers_to_nothing_else,
    refuse_external_in_asdf,
)

__all__ = ["packed_gwcs", "unpacked_gwcs"]

_KEY = "wcs"


def packed_gwcs(wcs: Any) -> bytes:
    """The bytes of a GWCS."""
    load_extensions()
    content = io.BytesIO()
    asdf.AsdfFile({_KEY: wcs}).write_to(content, all_array_compression="zlib")
    return content.getvalue()


def unpacked_gwcs(content: bytes) -> Any:
    """The GWCS of such bytes.

    Raises
    ------
    ValueError
        If they refer to another file.
    """
    if not refers_to_nothing_else(content, "#"):
        refuse_external_in_asdf(io.BytesIO(content))
    load_extensions()
    with asdf.open(io.BytesIO(content), lazy_load=False, memmap=False) as file:
        return file.tree[_KEY]
