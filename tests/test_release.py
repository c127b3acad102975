"""What an exposure leaves behind is gone at once; what others keep stays."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tweakreg_step.release import released


class Ring:
    """Refers to itself, as the readers of files do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """The collector comes by when it is called, and not by chance."""
    gc.disable()
    yield
    gc.enable()


def test_rings_are_freed() -> None:
    before = Ring()
    with released():
        seen = [weakref.ref(Ring()) for _ in range(3)]
        assert all(ring() is not None for ring in seen)
    assert all(ring() is None for ring in seen)
    assert before.itself is before
    assert gc.get_freeze_count() == 0


def test_rings_are_freed_after_an_error() -> None:
    seen = []

    def damaged() -> None:
        with released():
            seen.append(weakref.ref(Ring()))
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        damaged()
    assert seen[0]() is None
    assert gc.get_freeze_count() == 0


def test_what_others_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        with released():
            pass
        assert gc.get_freeze_count() == count
    finally:
        gc.unfreeze()
