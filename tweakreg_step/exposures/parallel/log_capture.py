"""Log records of a worker, returned with its result and logged in the main process."""

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

__all__ = ["CapturedLog", "captured_log", "forget_handlers", "replay"]

LOGGERS = ("tweakreg_step", "py.warnings")  # whose records are captured


@dataclass(frozen=True, slots=True)
class CapturedLog:
    """A result, and the log records that were made while computing it."""

    result: Any
    records: tuple[logging.LogRecord, ...]


def captured_log(function: Callable[[Any], Any], task: Any, level: int) -> CapturedLog:
    """Call a function on a task, with one thread as in every worker, and capture its log records.

    Parameters
    ----------
    function, task
        The function and its argument.
    level
        Lowest level of the records that are captured.
    """
    with threadpool_limits(1), _collected(level) as records:
        result = function(task)
    return CapturedLog(result, tuple(records))


def replay(captured: CapturedLog) -> Any:
    """Log the captured records in this process; returns the result."""
    for record in captured.records:
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    return captured.result


def forget_handlers() -> None:
    """Free the loggers whose records are captured of what a fork has from its parent.

    The parent's handlers and filters serve the records when they are logged there.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        captured = any(name == one or name.startswith(f"{one}.") for one in LOGGERS)
        if captured and isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.filters.clear()
            logger.setLevel(logging.NOTSET)
            logger.propagate, logger.disabled = True, False


class _RecordCollector(logging.Handler):
    """Collects the log records of one thread, in a form that can be pickled."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            record.msg, record.args = record.getMessage(), None
            record.exc_info = record.stack_info = None  # tracebacks can't be pickled
            self.records.append(record)


@contextmanager
def _collected(level: int) -> Iterator[list[logging.LogRecord]]:
    collector = _RecordCollector(level)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    with warnings.catch_warnings():
        logging.captureWarnings(True)
        for logger in loggers:
            logger.addHandler(collector)
            logger.setLevel(level)
            logger.propagate = False  # or records would be logged twice
        try:
            yield collector.records
        finally:
            logging.captureWarnings(False)
            for logger, (was, spread) in zip(loggers, before, strict=True):
                logger.removeHandler(collector)
                logger.setLevel(was)
                logger.propagate = spread
