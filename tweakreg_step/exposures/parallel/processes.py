"""Worker processes on this machine; tasks of a worker that dies are done again."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from tweakreg_step.core.exceptions import UnguardedScriptError, WorkerError
from tweakreg_step.core.memory import give_back_arrays

from .garbage_collection import collection_of_a_fork
from .log_capture import captured_log, forget_handlers, replay
from .signals import uninterrupted
from .start_methods import PATIENCE, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .start_methods import Processes

__all__ = ["InProcess", "Lost", "Workers", "worker_count"]

log = logging.getLogger("tweakreg_step")

_UNGUARDED = 64
"""Exit status of a worker that would start workers while it imports the user's script."""

_TAKEN = {signal.SIGTERM, getattr(signal, "SIGCHLD", signal.SIGTERM)}
"""Signals that a worker takes as any process does, whatever its parent does with them."""

_GUARD_IT = (
    "With 'n_workers' above 1 workers import your script where they can't be forked from it (it "
    "has threads, or the system is not Linux), and would run it again, but a script may start "
    "workers once. Put everything that runs under 'if __name__ == \"__main__\":', or set "
    "n_workers=1."
)


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: the worker died on this task, and again when it did this task alone."""

    reason: str


def worker_count(wanted: int) -> int:
    """The number of processes: `wanted`, or for 0 one for each usable core."""
    if wanted:
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class InProcess:
    """The interface of `Workers` without any: tasks are done one by one in this process."""

    def results(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Call a function on each task; yields the index of each, and its result."""
        for number, task in enumerate(tasks):
            yield number, function(task)


class Workers:
    """Worker processes, started when they are first needed and ended with the context.

    They are forks of this process only if it has no other thread, since those of a process with
    threads may hang. Each computes with one thread: several would compete for the cores, and the
    order of sums would change bits.

    Parameters
    ----------
    count
        Number of processes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._context: Processes | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._size = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, also those at work."""
        with uninterrupted():
            if self._context is not None:  # first: the pool may wait for one that begins
                self._context.stop()
                self._context = None
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
            for thread in self._threads:  # with them, the next processes could not be forked
                if thread is not threading.current_thread():
                    thread.join(PATIENCE)
            self._threads = []

    def results(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Call a function on each task.

        If a worker dies, it is not known on which of the running tasks: these are done again at the
        end, each alone in a new process, so that only the one that fails again is `Lost`.

        Parameters
        ----------
        function
            Function of one task; importable by its name.
        tasks
            Tasks that can be pickled, as their results.

        Yields
        ------
        int, object
            Index of a task and its result or `Lost`, in order of completion.
        """
        wanted = min(self.count, len(tasks))
        if self._pool is None or self._size < wanted:
            self.close()
            self._size = wanted
        waiting, suspects = deque(range(len(tasks))), []
        running: dict[Future[Any], int] = {}
        done: SimpleQueue[Future[Any]] = SimpleQueue()
        try:
            while waiting or running:
                while waiting and len(running) < self._size:
                    number = waiting.popleft()
                    running[self._submit(function, tasks[number], done)] = number
                future = done.get()
                if future not in running:
                    continue  # it was at work when another died, see below
                if _is_whole(future):
                    yield running.pop(future), replay(_result(future))
                    continue
                self.close()
                # All at work are suspects, and leave now: what comes of them later must not end the
                # processes that are started next.
                lost = [one for one in running if not (one.done() and _is_whole(one))]
                suspects += [running.pop(one) for one in lost]
            for number in sorted(suspects):
                yield number, self._alone(function, tasks[number])
        except BaseException:
            self.close()
            raise

    def _submit(
        self, function: Callable[[Any], Any], task: Any, done: SimpleQueue[Future[Any]]
    ) -> Future[Any]:
        """Submit a task; its future, which is put into ``done`` when it is completed."""
        if self._pool is None:
            self._pool = self._start(self._size)
        with uninterrupted():
            try:
                future = self._pool.submit(captured_log, function, task, log.getEffectiveLevel())
            except BrokenProcessPool as error:  # it broke since the last result came
                future = Future()
                future.set_exception(error)
            except OSError as error:  # some are started when they are needed
                raise _refused(self._size, error) from error
            future.add_done_callback(done.put)
        return future

    def _start(self, count: int) -> ProcessPoolExecutor:
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            # a worker that imports the user's script, and with it what starts workers: its parent
            # says so, once
            os._exit(_UNGUARDED)
        if multiprocessing.current_process().daemon:
            raise WorkerError(
                "This process is a worker of a pool itself (a 'daemon'), which must not start "
                "others. Set n_workers=1 in it; it is one of several already."
            )
        first: SimpleQueue[Future[Any]] = SimpleQueue()
        with uninterrupted():
            context = self._context = processes()
            before = set(threading.enumerate())
            try:
                pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
                pool.submit(os.getpid).add_done_callback(first.put)
            except (OSError, RuntimeError) as error:
                raise _refused(count, error) from error
            self._threads = [one for one in threading.enumerate() if one not in before]
        try:
            _result(first.get())
        except BrokenProcessPool as error:
            if _UNGUARDED in context.exit_statuses():
                raise UnguardedScriptError(_GUARD_IT) from None
            raise WorkerError(
                "Worker processes can't be started: the first ended at once, but each must be able "
                "to import this package. In a script, everything that runs must stand under 'if "
                '__name__ == "__main__":\', as workers import the script, which must be a file and '
                "not come from standard input; and have memory for them. Else set n_workers=1."
            ) from error
        return pool

    def _alone(self, function: Callable[[Any], Any], task: Any) -> Any:
        self.close()
        self._pool = self._start(1)
        done: SimpleQueue[Future[Any]] = SimpleQueue()
        try:
            self._submit(function, task, done)
            return replay(_result(done.get()))
        except BrokenProcessPool:
            return Lost(
                "The process that worked on it died, and died again when it was tried once more "
                "alone; most often the memory did not suffice. Lower 'n_workers', or use a machine "
                "with more memory."
            )
        finally:
            self.close()


def _refused(count: int, error: Exception) -> WorkerError:
    """The error for processes that the system refuses."""
    return WorkerError(
        f"Worker processes can't be started: {error}. Each of {count} needs memory and a place "
        "among the processes that you may have (ulimit -u). Lower 'n_workers', or set n_workers=1."
    )


def _is_whole(future: Future[Any]) -> bool:
    """Whether a completed future was not cancelled, and its process lived to its end."""
    return not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


def _result(future: Future[Any]) -> Any:
    """The result of a completed future."""
    with uninterrupted():
        return future.result()


def _begin() -> None:
    """Initialise a worker: what a fork has of its parent's is left to the parent, which ends it."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL if number in _TAKEN else signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    give_back_arrays()
    forget_handlers()
    collection_of_a_fork()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End this process when its parent has ended."""
    parent = os.getppid()
    # a fork that was started later has a copy of what the sentinel waits for, and may be held up
    while not wait_for([sentinel], timeout=1.0) and os.getppid() == parent:
        pass
    os._exit(1)  # no clean-up is needed
