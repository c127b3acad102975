"""Checks that large computations fit into memory, before they start."""

from __future__ import annotations

from pathlib import Path

from .exceptions import TooLargeError

__all__ = ["free_memory", "require_dense", "require_places"]

_COPIES = 6.0
"""Dense matrices in memory at once: factors of two solutions, the matrix being factored, its parts,
and the pairs of groups; a stack of 3000 takes 5 (benchmarks/scale.py)."""

_PLACE = 150.0
"""Bytes for a star's position at the epoch of a group: with its error, and in a k-d tree."""

_GIGABYTE = 1e9

_SMALL = 0.25 * _GIGABYTE
"""Smaller requirements [bytes] are not checked."""


def free_memory() -> float:
    """Memory that a process can still allocate [bytes], infinite where unknown."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    sizes = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    free = sizes.get("MemAvailable")
    return float("inf") if free is None else min(1024.0 * float(free.split()[0]), _unclaimed())


def _unclaimed() -> float:
    """Memory left below the limit of a container [bytes], infinite where there is no limit.

    The page cache counts as used by the container, but is freed when memory is needed.
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
    """Check the memory for a dense solution with a number of unknowns.

    Raises
    ------
    TooLargeError
        If there is too little.
    """
    _require(
        _COPIES * 8.0 * float(unknowns) ** 2,
        f"The exposures see the same sources, so that each of their {unknowns} parameters is tied "
        "to all others",
        "Align fewer exposures at a time, or with fitgeometry='shift', which has two parameters "
        "for each",
    )


def require_places(groups: int, stars: int) -> None:
    """Check the memory for the positions of stars at the epochs of all groups.

    Raises
    ------
    TooLargeError
        If there is too little.
    """
    _require(
        _PLACE * float(groups) * float(stars),
        f"The reference catalog has {stars} stars that move, and {groups} groups of exposures were "
        "taken at different times",
        "Give a catalog with fewer stars or without proper motions, or align fewer exposures at a "
        "time",
    )
