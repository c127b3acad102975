"""How worker processes begin: forked from this process, from a clean one, or started anew."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["PATIENCE", "Processes", "processes"]

PATIENCE = 5.0  # seconds to wait for the end of a worker after SIGTERM, and after SIGKILL

_PRELOADED = [
    "tweakreg_step.exposures.exposure",
    "tweakreg_step.exposures.exposure_catalog",
    "tweakreg_step.exposures.parallel.preloaded",
]
"""Modules that are imported once, by the process from which workers fork."""

_LOOKS = 20
"""How often the threads of this process are counted before it is said to have too many."""


class Processes(SpawnContext):
    """A context that records the processes that were started, so that only these are ended.

    Parameters
    ----------
    method
        Name of a start method of `multiprocessing`.
    """

    def __init__(self, method: str) -> None:
        super().__init__()
        self._method = multiprocessing.get_context(method)
        self._started: list[Any] = []

    def get_start_method(self, allow_none: bool = False) -> str:
        """The name of the start method, which decides when a pool starts its processes."""
        return str(self._method.get_start_method(allow_none))

    def Process(self, *args: Any, **options: Any) -> Any:  # type: ignore[override]  # noqa: N802
        """A new process, not started yet; the name is that of the standard library."""
        process = self._method.Process(*args, **options)  # type: ignore[attr-defined]
        self._started.append(process)
        return process

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


def processes() -> Processes:
    """The context that starts processes soonest among those that can't hang.

    Forks of this process begin at once. Those of a clean process, where the system has that, begin
    when it has imported this package, and new ones when each has; a script is imported as well.
    """
    if _may_fork():
        for name in _PRELOADED:
            import_module(name)
        if _may_fork():  # extensions of ASDF may have started threads
            return Processes("fork")
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return Processes("spawn")
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOADED)
    return Processes("forkserver")


def _may_fork() -> bool:
    """Whether no other thread can hold a lock that its fork would wait for without end.

    The threads of a process can be counted on Linux; elsewhere system libraries may have some that
    no one knows of. Those of OpenBLAS do not count, as it ends them before a fork and starts them
    again; other libraries might wait in the fork for threads that are not there.
    """
    if threading.active_count() > 1 or threading.current_thread() is not threading.main_thread():
        return False
    known = 1
    for pool in ThreadpoolController().lib_controllers:
        if pool.num_threads > 1:
            if pool.internal_api != "openblas" or pool.threading_layer != "pthreads":
                return False
            pool.set_num_threads(pool.num_threads)  # after a fork it has none until it needs them
            known += pool.num_threads - 1
    with suppress(OSError):
        for _ in range(_LOOKS):  # a thread that has ended is there a moment longer
            if len(list(Path("/proc/self/task").iterdir())) == known:
                return True
            time.sleep(0.01)
    return False
