"""Memory given back when an exposure is done, not when the garbage collector comes by."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["held", "released", "set_apart"]

_HELD = ContextVar("held", default=False)

PYTHONS_OWN = 1000
"""Objects that Python may have frozen itself: 3.12 starts with some hundred. Whoever else freezes
has thousands."""


@contextmanager
def held() -> Iterator[None]:
    """Keep the collector's searches off what is there, and off what is set apart meanwhile.

    Each of its searches of a process with a hundred models takes a second. What is not in cycles is
    freed as ever; cycles in what is set apart are found by the searches after the end of this.
    """
    if _others_froze():  # they know why
        yield
        return
    gc.collect()  # or the cycles of one run would be set apart by the next, run after run
    token = None
    try:
        token = _HELD.set(True)
        gc.freeze()
        yield
    finally:
        if token is not None:
            _HELD.reset(token)
        gc.unfreeze()


def set_apart() -> None:
    """Free the cycles since the last time, and keep the collector off the rest while it is held."""
    if _HELD.get():
        gc.collect()
        gc.freeze()


@contextmanager
def released() -> Iterator[None]:
    """Free what is made inside and not kept.

    The readers of files keep their arrays in reference cycles, so that several exposures are in
    memory before Python looks for them. Looking at all objects of a process takes as long as
    opening a file; what was there before is therefore left out of it.
    """
    if _HELD.get():
        yield
        set_apart()  # not after an error, which keeps what it came from
        return
    frozen_by_others = _others_froze()
    if not frozen_by_others:
        gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        if not frozen_by_others:
            gc.unfreeze()


def _others_froze() -> bool:
    return gc.get_freeze_count() > PYTHONS_OWN
