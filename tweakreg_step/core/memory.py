"""Whether what has to be computed fits into memory, before the memory is gone."""

from __future__ import annotations

from pathlib import Path

from .exceptions import TooLargeError

__all__ = ["free_memory", "require_dense", "require_places"]

_COPIES = 6.0
"""Matrices that are in memory at once: the factors of two solutions, the one that is being made,
what it is made of, and the pairs of groups; a stack of 3000 takes 5 (benchmarks/scale.py)."""

_PLACE = 150.0
"""Bytes of a star's place at the epoch of a group: as it is moved there, and in a tree of its own.
"""

_GIGABYTE = 1e9

_SMALL = 0.25 * _GIGABYTE
"""What a run needs besides, and the system can find: nobody is asked for it."""


def free_memory() -> float:
    """Bytes that a process can still have, infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    sizes = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    free = sizes.get("MemAvailable")
    return float("inf") if free is None else min(1024.0 * float(free.split()[0]), _unclaimed())


def _unclaimed() -> float:
    """What the limit of a container leaves [bytes], infinite where there is none.

    Files that were read stay in memory and count as used, but give way when it is needed.
    """
    home = Path("/sys/fs/cgroup")
    try:
        limit = (home / "memory.max").read_text().strip()
        used = float((home / "memory.current").read_text())
        lines = (home / "memory.stat").read_text().splitlines()
    except OSError:
        return float("inf")
    sizes = {name: float(size) for name, size in (line.split() for line in lines)}
    kept = sizes.get("active_file", 0.0) + sizes.get("inactive_file", 0.0)
    return float("inf") if limit == "max" else max(float(limit) - used + kept, 0.0)


def _require(needed: float, fact: str, remedy: str) -> None:
    if needed < _SMALL:
        return
    free = free_memory()
    if needed > free:
        raise TooLargeError(
            f"{fact}: {needed / _GIGABYTE:.1f} GB of memory are needed, {free / _GIGABYTE:.1f} GB "
            f"are free. {remedy}, or use a machine with more memory."
        )


def require_dense(unknowns: int) -> None:
    """See that there is room to solve for unknowns that are all tied to each other.

    Raises
    ------
    TooLargeError
        If there is not.
    """
    _require(
        _COPIES * 8.0 * float(unknowns) ** 2,
        f"The exposures see the same sources, so that each of their {unknowns} parameters is tied "
        "to all others",
        "Align fewer exposures at a time, or with fitgeometry='shift', which has two parameters "
        "for each",
    )


def require_places(groups: int, stars: int) -> None:
    """See that there is room for the places of moving stars at the epochs of all groups.

    Raises
    ------
    TooLargeError
        If there is not.
    """
    _require(
        _PLACE * float(groups) * float(stars),
        f"The reference catalog has {stars} stars that move, and {groups} groups of exposures were "
        "taken at different times",
        "Give a catalog with fewer stars or without proper motions, or align fewer exposures at a "
        "time",
    )
