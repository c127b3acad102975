"""What is said while work is done elsewhere, brought back to be said here."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CapturedLog", "captured_log", "replay"]

LOGGERS = ("tweakreg_step", "py.warnings")


@dataclass(frozen=True, slots=True)
class CapturedLog:
    """A result, and the log records that were made on the way to it."""

    result: Any
    records: tuple[logging.LogRecord, ...]


def captured_log(function: Callable[[Any], Any], task: Any, level: int) -> CapturedLog:
    """Call a function on a task with one thread, as every worker does, and keep what it says.

    Parameters
    ----------
    function, task
        The work.
    level
        Of the least important messages that are kept.
    """
    with threadpool_limits(1), _kept(level) as records:
        result = function(task)
    return CapturedLog(result, tuple(records))


def replay(told: CapturedLog) -> Any:
    """Say here what was said there; the result."""
    for record in told.records:
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    return told.result


class _Keeper(logging.Handler):
    """Keeps the records of one thread, ready to travel."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            record.msg, record.args = record.getMessage(), None
            record.exc_info = record.stack_info = None  # tracebacks don't travel
            self.records.append(record)


@contextmanager
def _kept(level: int) -> Iterator[list[logging.LogRecord]]:
    keeper = _Keeper(level)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    with warnings.catch_warnings():
        logging.captureWarnings(True)
        for logger in loggers:
            logger.addHandler(keeper)
            logger.setLevel(level)
            logger.propagate = False  # or it would be said twice
        try:
            yield keeper.records
        finally:
            logging.captureWarnings(False)
            for logger, (was, spread) in zip(loggers, before, strict=True):
                logger.removeHandler(keeper)
                logger.setLevel(was)
                logger.propagate = spread
