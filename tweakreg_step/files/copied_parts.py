"""Files made of new bytes and of parts of another file, which the system copies by itself."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Part", "write_parts"]

CHUNK = 1 << 22
"""Bytes that are copied at once where the system can't do it."""

NOT_HERE = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}
"""Errors of `os.copy_file_range` that say that it can't be used on these files."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of the other file.

    Attributes
    ----------
    start, size
        Where they begin, and how many.
    """

    start: int
    size: int


def write_parts(path: Path, other: Path, parts: Iterable[bytes | Part]) -> None:
    """Write a file.

    Parameters
    ----------
    path
        The new file.
    other
        The file that parts are copied from.
    parts
        What is written, in its order.

    Raises
    ------
    OSError
        If it can't be written, or the other file ends before one of its parts does.
    """
    with path.open("wb", buffering=0) as target, other.open("rb", buffering=0) as source:
        for part in parts:
            if isinstance(part, Part):
                _copy(source.fileno(), target.fileno(), part)
            else:
                _write(target.fileno(), part)


def _write(target: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(target, left) :]


def _copy(source: int, target: int, part: Part) -> None:
    place, left = part.start, part.size
    while left:
        done = _copied(source, target, place, left)
        if not done:
            raise OSError(errno.EIO, f"the input ends {left} bytes too early")
        place, left = place + done, left - done


def _copied(source: int, target: int, place: int, count: int) -> int:
    """Copy some of the bytes, at the end of the target; how many, 0 at the end of the source."""
    try:
        done = os.copy_file_range(source, target, count, offset_src=place)
        if done:
            return done
    except AttributeError:  # not on this system
        pass
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
    content = os.pread(source, min(count, CHUNK), place)
    _write(target, content)
    return len(content)
