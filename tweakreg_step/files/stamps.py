"""When a file was written: whether it is still the one that was read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tweakreg_step.core.exceptions import InputError

__all__ = ["Stamp", "check_unchanged", "stamp_of"]


class Stamp(NamedTuple):
    """Size [bytes] and time of the last change [ns] of a file."""

    size: int
    changed: int


def stamp_of(path: str | Path) -> Stamp | None:
    """The stamp of a file, None if there is none."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return Stamp(state.st_size, state.st_mtime_ns)


def check_unchanged(path: str | Path, before: Stamp | None) -> None:
    """Check that a file is still the one that was read.

    Parameters
    ----------
    path
        The file.
    before
        Its stamp when it was read; None if that is not known.

    Raises
    ------
    InputError
        If it was changed, or is gone.
    """
    now = stamp_of(path)
    if before is None or now == before:
        return
    what = "is gone" if now is None else f"has now {now.size} bytes, and had {before.size}"
    raise InputError(
        f"'{path}' was changed by something else while the step ran (it {what}), but a result must "
        "be that of the file whose sources were found. Nothing was written for it; run the step "
        "again once the file is complete."
    )
