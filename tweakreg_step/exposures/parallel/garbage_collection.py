"""Memory of reference cycles freed after each exposure, and fewer full garbage collections."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "collect_and_freeze",
    "collection_limited",
    "collection_of_a_fork",
    "cycles_collected",
]

_LIMITED = ContextVar("collection_limited", default=False)

PYTHONS_OWN = 1000
"""Number of frozen objects (`gc.freeze`) up to which Python itself froze them: 3.12 starts with
some hundred, other programs that freeze have thousands."""


@contextmanager
def collection_limited() -> Iterator[None]:
    """Exclude existing objects, and those of `collect_and_freeze`, from garbage collections.

    Each full collection in a process with a hundred models takes a second. Objects outside cycles
    are freed as always; cycles of frozen objects are freed after the end of this context.
    """
    if _frozen_by_others():  # another program manages the collector
        yield
        return
    gc.collect()  # or the cycles of each run would be frozen by the next one
    token = None
    try:
        token = _LIMITED.set(True)
        gc.freeze()
        yield
    finally:
        if token is not None:
            _LIMITED.reset(token)
        gc.unfreeze()


def collect_and_freeze() -> None:
    """Within `collection_limited`: free new cycles, and exclude all other new objects as well."""
    if _LIMITED.get():
        gc.collect()
        gc.freeze()


def collection_of_a_fork() -> None:
    """In a fork: what its parent has is frozen, what it makes itself is collected and freed."""
    _LIMITED.set(False)
    gc.freeze()


@contextmanager
def cycles_collected() -> Iterator[None]:
    """Free the reference cycles that are made in the block, at its end.

    The readers of files keep their arrays in reference cycles, so that several exposures would be
    in memory before Python collects them. Searching all objects of a process takes as long as
    opening a file; objects from before the block are therefore excluded.
    """
    if _LIMITED.get():
        yield
        collect_and_freeze()  # not after an error, whose traceback still refers to the objects
        return
    others = _frozen_by_others()
    if not others:
        gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        if not others:
            gc.unfreeze()


def _frozen_by_others() -> bool:
    """Whether another program has frozen objects, and so manages the collector."""
    return gc.get_freeze_count() > PYTHONS_OWN
