"""What an exposure leaves behind is gone at once; what others keep stays."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.exposures.parallel.garbage_collection import (
    PYTHONS_OWN,
    collection_limited,
    cycles_collected,
)
from tweakreg_step.simulate import Truth


class Ring:
    """Refers to itself, as the readers of files do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """The collector comes by when it is called, and not by chance; it is nobody else's."""
    gc.unfreeze()  # what conftest froze
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


def test_rings_are_freed() -> None:
    before = Ring()
    with cycles_collected():
        seen = [weakref.ref(Ring()) for _ in range(3)]
        assert all(ring() is not None for ring in seen)
    assert all(ring() is None for ring in seen)
    assert before.itself is before
    assert gc.get_freeze_count() == 0


def test_rings_are_freed_after_an_error() -> None:
    seen = []

    def damaged() -> None:
        with cycles_collected():
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
        with cycles_collected():
            pass
        assert count - 100 < gc.get_freeze_count() <= count  # some are freed
    finally:
        gc.unfreeze()


def test_what_stays_is_not_searched_until_the_end() -> None:
    with collection_limited():
        with cycles_collected():
            gone, stays = weakref.ref(Ring()), Ring()
        assert gone() is None
        seen = weakref.ref(stays)
        del stays
        gc.collect()
        assert seen() is not None
    gc.collect()
    assert seen() is None
    assert gc.get_freeze_count() == 0


def test_what_one_run_leaves_does_not_pile_up() -> None:
    seen = []
    for _ in range(3):
        with collection_limited():
            seen.append(weakref.ref(Ring()))
    assert [ring() is None for ring in seen] == [True, True, False]


def test_an_error_keeps_nothing_apart() -> None:
    def damaged() -> None:
        with cycles_collected():
            own = Ring()
            seen.append(weakref.ref(own))
            raise ValueError("damaged")

    seen: list[weakref.ref[Ring]] = []
    with collection_limited():
        with pytest.raises(ValueError, match="damaged"):
            damaged()
        gc.collect()
        assert seen[0]() is None


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_run_leaves_the_collector_as_it_was(files: Truth, in_memory: bool) -> None:
    counts = []

    class Watched(TweakRegStep):
        def process(self, *arguments: Any) -> Any:
            counts.append(gc.get_freeze_count())
            return super().process(*arguments)

    Watched.call(str(files.association), in_memory=in_memory)
    assert counts[0] > PYTHONS_OWN
    assert gc.get_freeze_count() == 0
    with pytest.raises(InputError):
        Watched.call([], in_memory=in_memory)
    assert gc.get_freeze_count() == 0


def test_nothing_is_held_where_others_froze() -> None:
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        with collection_limited(), cycles_collected():
            ring = weakref.ref(Ring())
        assert ring() is None
        assert count - 100 < gc.get_freeze_count() <= count  # some are freed
    finally:
        gc.unfreeze()


def test_what_is_held_goes_after_an_error() -> None:
    with pytest.raises(ValueError, match="damaged"), collection_limited():
        raise ValueError("damaged")
    assert gc.get_freeze_count() == 0
