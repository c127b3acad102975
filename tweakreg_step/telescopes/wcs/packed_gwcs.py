"""A GWCS as bytes, and back to the bit: a small ASDF file of its own."""

from __future__ import annotations

import io
from typing import Any

from tweakreg_step.files.asdf_trees import tree_in, writer_of
from tweakreg_step.telescopes.external_references import (
    refers_to_nothing_else,
    refuse_external_in_asdf,
)

__all__ = ["packed_gwcs", "unpacked_gwcs"]

_KEY = "wcs"


def packed_gwcs(wcs: Any) -> bytes:
    """The bytes of a GWCS."""
    content = io.BytesIO()
    writer_of({_KEY: wcs})(content)
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
    return tree_in(io.BytesIO(content))[_KEY]
