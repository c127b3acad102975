"""Too little memory: a sentence of what is needed, what there is, and what needs less."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import TooLargeError
from tweakreg_step.core.memory import Need, Shortage, ShortageError, free_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["shortage_named", "shortage_sentence"]

_GIGABYTE = 1e9

_FACTS = {
    Need.DENSE: "The exposures see the same sources, so that each of their {} parameters is tied "
    "to all others",
    Need.DETECTIONS: "The catalogs have {} sources",
    Need.PAIRS: "Catalogs of up to {1} sources have {0} pairs within the search",
    Need.PLACES: "The reference catalog has {1} stars that move, and {0} groups of exposures were "
    "taken at different times",
}
"""What is so large, by what the memory is needed for; places for its counts."""

_REMEDIES = {
    Need.DENSE: "Align fewer exposures at a time, or with fitgeometry='shift', which has two "
    "parameters for each",
    Need.DETECTIONS: "Give catalogs with fewer sources ('brightest'), or align fewer exposures at "
    "a time",
    Need.PAIRS: "Give catalogs with fewer sources ('brightest'), or a smaller 'searchrad' and "
    "'abs_searchrad'",
    Need.PLACES: "Give a catalog with fewer stars or without proper motions, or align fewer "
    "exposures at a time",
}


def shortage_sentence(shortage: Shortage) -> str:
    """The fact, the requirement and the remedy, with memory in GB."""
    return (
        f"{_FACTS[shortage.need].format(*shortage.counts)}: {shortage.needed / _GIGABYTE:.1f} GB "
        f"of memory are needed, {shortage.free / _GIGABYTE:.1f} GB are free. "
        f"{_REMEDIES[shortage.need]}, or use a machine with more memory."
    )


@contextmanager
def shortage_named(work: str) -> Iterator[None]:
    """Where the memory ends within ``work``, such as "to match the catalogs", say that it did.

    Raises
    ------
    TooLargeError
        In place of `MemoryError`, whether it was foreseen or not.
    """
    try:
        yield
    except ShortageError as error:
        raise TooLargeError(shortage_sentence(error.shortage)) from error
    except MemoryError as error:
        raise TooLargeError(
            f"There was not enough memory {work}; {free_memory() / _GIGABYTE:.1f} GB are free now. "
            "Align fewer exposures at a time, give catalogs with fewer sources ('brightest'), "
            "lower 'n_workers', set in_memory=False, or use a machine with more memory."
        ) from error
