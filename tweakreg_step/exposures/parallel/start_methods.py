"""How worker processes begin: forked from this process, from a clean one, or started anew."""

from __future__ import annotations

import multiprocessing
import threading
from contextlib import suppress
from importlib import import_module
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

__all__ = ["Recorded", "process_context"]

PATIENCE = 5.0  # seconds to wait for the end of a worker after SIGTERM, and after SIGKILL

_PRELOADED = [
    "tweakreg_step.exposures.exposure",
    "tweakreg_step.exposures.exposure_catalog",
    "tweakreg_step.exposures.parallel.preloaded",
]
"""Modules that are imported once, by the process from which workers fork."""


class Recorded:
    """Mixin of contexts: records the processes that were started, so that only these are ended."""

    def __init__(self) -> None:
        super().__init__()
        self._started: list[Any] = []

    def Process(self, *args: Any, **options: Any) -> Any:  # noqa: N802
        """A new process, not started yet; the name is that of the standard library."""
        process = self._method().Process(*args, **options)
        self._started.append(process)
        return process

    def _method(self) -> Any:
        raise NotImplementedError

    def exit_statuses(self) -> set[int | None]:
        """The exit statuses of the processes that have ended."""
        started = [process for process in self._started if process.pid is not None]
        for process in started:
            process.join(PATIENCE)
        return {process.exitcode for process in started}

    def stop(self) -> None:
        """End all processes that were started."""
        started = [process for process in self._started if process.pid is not None]
        self._started = []
        for process in started:
            process.terminate()
        for process in started:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join(PATIENCE)


class _Forked(Recorded, ForkContext):  # type: ignore[misc]
    """Forks of this process, which begin at once: what they need is imported."""

    def _method(self) -> Any:
        for name in _PRELOADED:
            import_module(name)
        return multiprocessing.get_context("fork")


class _Clean(Recorded, SpawnContext):  # type: ignore[misc]
    """Forks of a clean process where the system has that, or new ones, which import this package.

    Their beginning takes as long as the import, some two seconds; a script is imported as well.
    """

    def _method(self) -> Any:
        if "forkserver" not in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context("spawn")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        return context


def process_context() -> _Forked | _Clean:
    """The context that starts processes soonest among those that can't hang."""
    return _Forked() if _may_fork() else _Clean()


def _may_fork() -> bool:
    """Whether no other thread can hold a lock that its fork would wait for without end.

    Threads of OpenBLAS do not count, as it ends them before a fork. The threads of a process can be
    counted on Linux; elsewhere system libraries may have some that no one knows of.
    """
    if threading.active_count() > 1 or threading.current_thread() is not threading.main_thread():
        return False
    with suppress(OSError):
        there = len(list(Path("/proc/self/task").iterdir()))
        idle: int = sum(
            pool["num_threads"] - 1
            for pool in threadpool_info()
            if pool["internal_api"] == "openblas" and pool.get("threading_layer") == "pthreads"
        )
        return there <= 1 + idle
    return False
