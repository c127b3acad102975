"""Orderly end of a run on SIGTERM and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ended_by_terminate", "uninterrupted"]


@contextmanager
def ended_by_terminate() -> Iterator[None]:
    """On SIGTERM, end as after ``sys.exit``, so that temporary files are removed.

    Batch systems send SIGTERM at the time limit. Without a handler the process would end at once
    and leave incomplete files. An existing handler, as of a server, is kept; other threads than the
    main one can't have handlers.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the end of the block, which must not wait for other processes.

    An exception raised while a lock of the standard library is held could leave it locked, and the
    next thread that needs it would wait for ever.
    """
    came: list[int] = []
    owner = os.getpid()

    def later(number: int, _frame: Any) -> None:
        if os.getpid() == owner:
            came.append(number)
        elif number == signal.SIGTERM:
            os._exit(1)  # a fork that has not begun yet, whose parent ends it

    own: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        own = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in own:
            signal.signal(number, later)
        yield
    finally:
        for number, handler in own.items():
            signal.signal(number, handler)
        for number in came:
            own[number](number, None)


def _leave(number: int, _frame: Any) -> None:
    raise SystemExit(128 + number)  # the exit code that shells use for signals
