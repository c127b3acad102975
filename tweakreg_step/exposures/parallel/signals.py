"""An orderly end where a process is told to terminate."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ended_by_terminate", "uninterrupted"]


@contextmanager
def ended_by_terminate() -> Iterator[None]:
    """End as after ``sys.exit`` when SIGTERM comes, and not at once.

    Systems for batches and time limits send it first. Without a handler the process is gone in the
    middle of whatever it does, and what is half-written stays. A handler that is there, as one of a
    server, is left alone; so are threads, which may have none.
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
    """Let Ctrl-C and SIGTERM wait for the end of what is inside, which must not wait for others.

    An exception that comes while a lock of the standard library is taken can leave it locked, and
    whoever needs it next waits for ever.
    """
    came: list[int] = []
    own: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        own = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in own:
            signal.signal(number, lambda number, _frame: came.append(number))
        yield
    finally:
        for number, handler in own.items():
            signal.signal(number, handler)
        for number in came:
            own[number](number, None)


def _leave(number: int, _frame: Any) -> None:
    raise SystemExit(128 + number)  # as a shell tells of it
