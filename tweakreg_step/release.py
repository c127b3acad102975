"""Memory given back when an exposure is done, not when the garbage collector comes by."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["released"]


@contextmanager
def released() -> Iterator[None]:
    """Free what is made inside and not kept.

    The readers of files keep their arrays in reference cycles, so that several exposures are in
    memory before Python looks for them. Looking at all objects of a process takes as long as
    opening a file; what was there before is therefore left out of it.
    """
    frozen_by_others = gc.get_freeze_count() > 0
    if not frozen_by_others:
        gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        if not frozen_by_others:
            gc.unfreeze()
