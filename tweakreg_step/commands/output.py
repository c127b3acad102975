"""What the command says: results on the standard output, the log and errors beside it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["logging_to_terminal", "say", "warn"]


def say(text: object) -> None:
    """Write a result to the standard output; nobody may be listening any more, as in ``| head``."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # or Python says so once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: object) -> None:
    """Write a message beside the results, to the standard error."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def logging_to_terminal(level: int) -> Iterator[None]:
    """Show the log of the package, without its last table, which is the result."""
    log = logging.getLogger("tweakreg_step")
    handler = _BesideBars(sys.stderr)
    handler.setFormatter(_Plain())
    handler.addFilter(_is_news)
    handler.addFilter(lambda record: record.funcName != "log_end" or record.levelno > logging.INFO)
    before = log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is of interest: not each file that is saved, which one line counts."""
    return not str(record.msg).startswith("Saved model in") or record.levelno > logging.INFO


class _BesideBars(logging.StreamHandler[TextIO]):
    """Writes lines above the bars of progress, which are drawn anew below."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)


class _Plain(logging.Formatter):
    """Sentences alone, warnings and errors marked."""

    def format(self, record: logging.LogRecord) -> str:
        """The message of a record."""
        text = record.getMessage()
        if record.levelno < logging.WARNING:
            return text
        return f"{record.levelname.capitalize()}: {text}"
