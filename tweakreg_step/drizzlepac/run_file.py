"""The log of a run in a file, as TweakReg writes it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["logging_to_file"]


@contextmanager
def logging_to_file(name: str, *, verbose: bool) -> Iterator[None]:
    """Write what the package logs to a file as well, which is replaced.

    Parameters
    ----------
    name
        Path of the file; '' for none.
    verbose
        Whether all of the log is written.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    if not name:
        yield
        return
    path = Path(name).expanduser()
    try:
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The log file '{path}' can't be written: {error.strerror or error}. Give another name "
            "as 'runfile', or '' for none."
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.setLevel(logging.DEBUG if verbose else logging.INFO)
    log = logging.getLogger("tweakreg_step")
    before = log.level
    log.addHandler(handler)
    wanted = handler.level
    log.setLevel(min(before, wanted) if before else wanted)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
        handler.close()
