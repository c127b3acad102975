"""Checks that large computations fit into memory, before they start, and what is given back."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = [
    "Need",
    "Shortage",
    "ShortageError",
    "free_memory",
    "give_back_arrays",
    "is_shortage",
    "require_dense",
    "require_detections",
    "require_pairs",
    "require_places",
]

_COPIES = 6.0
"""Dense matrices in memory at once: factors of two solutions, the matrix being factored, its parts,
and the pairs of groups; a stack of 3000 takes 5 (benchmarks/scale.py)."""

_PLACE = 150.0
"""Bytes for a star's position at the epoch of a group: with its error, and in a k-d tree."""

_DETECTION = 1000.0
"""Bytes of a detection in matching and solving, at least: 10,000 catalogs of 400 take 4 GB."""

_PAIR = 250.0
"""Bytes of a pair of detections in the search for the offset of two catalogs."""

_LARGE = 4 * 1024 * 1024
"""Bytes from which on arrays are given back as soon as they are let go. Smaller ones are used again
from a store of twice as much, as the system takes longer to hand out memory than to fill it."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""As ``malloc.h`` of the C library of Linux has them."""

_SETTINGS = "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"
"""Environment variables that set them."""

_SHORTAGE = (
    "cannot allocate memory",
    "unable to allocate",
    "can't start new thread",
    "out of memory",
    "failed to map segment",
    "bad_alloc",
    "arraymemoryerror",
)
"""Words for a lack of memory in errors of other classes, in small letters."""

_SMALL = 0.25e9
"""Smaller requirements [bytes] are not checked."""


class Need(Enum):
    """What the memory is needed for, and what is counted.

    Attributes
    ----------
    DENSE
        A dense solution: its unknowns.
    DETECTIONS
        Matching and solving: detections of all catalogs.
    PAIRS
        The search for an offset: pairs within it, and detections of the largest catalog.
    PLACES
        Positions of stars at the epochs of all groups: groups, and stars.
    """

    DENSE = "dense"
    DETECTIONS = "detections"
    PAIRS = "pairs"
    PLACES = "places"


@dataclass(frozen=True, slots=True)
class Shortage:
    """Memory that a computation would need and that is not there.

    Attributes
    ----------
    need
        What for.
    counts
        The numbers that the need names.
    needed, free
        Memory [bytes].
    """

    need: Need
    counts: tuple[int, ...]
    needed: float
    free: float


class ShortageError(MemoryError):
    """There is too little memory, found before it is used.

    Attributes
    ----------
    shortage
        What is needed and what there is.
    """

    def __init__(self, shortage: Shortage) -> None:
        super().__init__(shortage.need.value, *shortage.counts)
        self.shortage = shortage


def free_memory() -> float:
    """Memory that a process can still allocate [bytes], infinite where unknown."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    sizes = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    free = sizes.get("MemAvailable")
    known = float("inf") if free is None else 1024.0 * float(free.split()[0])
    return min(known, _unclaimed(), _allowed())


def give_back_arrays() -> None:
    """Let the process give large arrays back to the system as soon as they are let go.

    The C library of Linux keeps what it has seen come and go, up to 32 MB a piece. What is then
    allocated between such gaps makes them unusable: a long run took twice the memory of its arrays.
    The setting stays for the life of the process. Other systems do without, and an environment that
    sets it is left alone.
    """
    if any(name in os.environ for name in _SETTINGS):
        return
    try:
        import ctypes  # noqa: PLC0415 - some systems build Python without it

        library = ctypes.CDLL(None)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except (ImportError, AttributeError, OSError, TypeError):
        return


def _allowed() -> float:
    """Bytes that the limit of the process (``ulimit -v``) leaves, infinite without one."""
    import resource  # noqa: PLC0415 - not on every system, as /proc, without which nobody asks

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    pages = float(Path("/proc/self/statm").read_text().split()[0])
    return max(limit - pages * resource.getpagesize(), 0.0)


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


def _require(needed: float, need: Need, *counts: int) -> None:
    if needed < _SMALL:
        return
    free = free_memory()
    if needed > free:
        raise ShortageError(Shortage(need, counts, needed, free))


def is_shortage(error: BaseException) -> bool:
    """Whether an error, or what led to it, is that there was not enough memory.

    Libraries turn it into errors of their own, and systems have words for it beside the class.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, MemoryError) or getattr(cause, "errno", None) == errno.ENOMEM:
            return True
        if any(words in str(cause).lower() for words in _SHORTAGE):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def require_dense(unknowns: int) -> None:
    """Check the memory for a dense solution with a number of unknowns.

    Raises
    ------
    ShortageError
        If there is too little.
    """
    _require(_COPIES * 8.0 * float(unknowns) ** 2, Need.DENSE, unknowns)


def require_detections(detections: int) -> None:
    """Check that all catalogs together can be matched and solved within the memory.

    Raises
    ------
    ShortageError
        If they can't.
    """
    _require(_DETECTION * float(detections), Need.DETECTIONS, detections)


def require_pairs(pairs: int, detections: int) -> None:
    """Check that all pairs of detections of two catalogs within the search fit into memory.

    Raises
    ------
    ShortageError
        If they don't.
    """
    _require(_PAIR * float(pairs), Need.PAIRS, pairs, detections)


def require_places(groups: int, stars: int) -> None:
    """Check the memory for the positions of stars at the epochs of all groups.

    Raises
    ------
    ShortageError
        If there is too little.
    """
    _require(_PLACE * float(groups) * float(stars), Need.PLACES, groups, stars)
