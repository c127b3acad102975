"""Worker processes: the same results to the bit, no task lost with a worker, none left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tweakreg_step.core.exceptions import CatalogError, UnguardedScriptError, WorkerError
from tweakreg_step.exposures.parallel.processes import Lost, Workers, worker_count
from tweakreg_step.exposures.parallel.start_methods import processes
from tweakreg_step.files import asdf_extensions


def square(number: int) -> int:
    return number * number


def knows_extensions(number: int) -> bool:
    return asdf_extensions._load.cache_info().currsize == 1


def complain(number: int) -> int:
    warnings.simplefilter("always")  # a fork has the filters of these tests, which raise
    warnings.warn(f"number {number}", UserWarning, stacklevel=1)
    return number


def die(task: tuple[int, str]) -> int:
    """Die on the number 3: once if there is a file to remember it by, else always."""
    number, memory = task
    if number == 3 and not (memory and Path(memory).exists()):
        if memory:
            Path(memory).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_or_say_who(task: tuple[int, str]) -> tuple[int, int]:
    """As `die`, slowly enough that all workers are busy; also the process that did it."""
    time.sleep(0.05)
    return die(task), os.getpid()


def fail(number: int) -> int:
    if number == 2:
        raise CatalogError("bad")
    return number


def threads_and_pid(_task: int) -> tuple[int, int]:
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info()), default=1), os.getpid()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def not_ended(pids: set[int]) -> set[int]:
    """Those of some processes that are there after their time to end."""
    deadline = time.monotonic() + 30.0
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return set(filter(alive, pids))


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="no clean process to fork"
)
def test_workers_begin_with_the_extensions_of_asdf() -> None:
    with Workers(1) as workers:
        assert dict(workers.results(knows_extensions, [0])) == {0: True}


def test_every_task_is_done_with_one_thread_and_no_process_is_left() -> None:
    with Workers(2) as workers:
        assert dict(workers.results(square, range(7))) == {n: n * n for n in range(7)}
        found = dict(workers.results(threads_and_pid, range(4)))
    assert {threads for threads, _ in found.values()} == {1}
    pids = {pid for _, pid in found.values()}
    assert os.getpid() not in pids
    assert not any(alive(pid) for pid in pids)


def test_a_task_whose_worker_died_is_tried_once_more(tmp_path: Path) -> None:
    tasks = [(number, str(tmp_path / "memory")) for number in range(6)]
    with Workers(2) as workers:
        assert dict(workers.results(die, tasks)) == {number: number for number in range(6)}


def test_only_what_was_at_work_is_done_again(tmp_path: Path) -> None:
    """A death does not end the processes that are started after it."""
    tasks = [(number, str(tmp_path / "memory")) for number in range(16)]
    with Workers(2) as workers:
        found = dict(workers.results(die_or_say_who, tasks))
    assert all(value == number for number, (value, _) in found.items())
    assert len(found) == 16
    # two before, two after, and one for each of the two that were at work
    assert len({process for _, process in found.values()}) <= 6


def test_a_task_that_kills_its_worker_twice_takes_no_other_along() -> None:
    with Workers(2) as workers:
        found = dict(workers.results(die, [(number, "") for number in range(6)]))
        assert dict(workers.results(square, [5])) == {0: 25}  # and there are workers again
    lost = found.pop(3)
    assert isinstance(lost, Lost)
    assert "died again" in lost.reason
    assert found == {0: 0, 1: 1, 2: 2, 4: 4, 5: 5}


def test_an_error_ends_the_workers() -> None:
    with Workers(2) as workers:
        before = {pid for _, (_, pid) in workers.results(threads_and_pid, range(4))}
        with pytest.raises(CatalogError, match="bad"):
            dict(workers.results(fail, range(4)))
        assert not_ended(before) == set()


def test_what_is_said_there_is_said_here(caplog: pytest.LogCaptureFixture) -> None:
    with Workers(2) as workers:
        dict(workers.results(complain, range(3)))
    said = [record.getMessage() for record in caplog.records if record.name == "py.warnings"]
    assert sorted(text.split("UserWarning: ")[1].split("\n")[0] for text in said) == [
        "number 0", "number 1", "number 2"
    ]  # fmt: skip


@pytest.mark.parametrize(("wanted", "least"), [(3, 3), (0, 1)])
def test_the_number_of_workers(wanted: int, least: int) -> None:
    assert worker_count(wanted) >= least
    if wanted == 0:
        assert worker_count(0) <= (os.cpu_count() or 1)


def ended(script: Path, text: str) -> Any:
    script.write_text(text)
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
    )


UNGUARDED = (
    "from tweakreg_step.exposures.parallel.processes import Workers\n"
    "from math import sqrt\n"
    "print(list(Workers(2).results(sqrt, [4.0])))\n"
)


def test_a_script_without_guard_is_told_so_where_workers_import_it(tmp_path: Path) -> None:
    thread = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    told = ended(tmp_path / "unguarded.py", thread + UNGUARDED)
    assert told.returncode == 1
    assert told.stdout == ""
    # the sentence alone, once: no traceback of this process, none of a worker
    assert told.stderr.startswith("With 'n_workers' above 1 workers import your script")
    assert "under 'if __name__ == \"__main__\":'" in told.stderr
    assert told.stderr.count("\n") == 1


COUNTED = Path("/proc/self/task").exists()  # the threads of a process: only then may it fork


@pytest.mark.skipif(not COUNTED, reason="nobody knows whether the process has other threads")
def test_a_process_without_threads_forks(tmp_path: Path) -> None:
    """So that workers begin at once, and import nothing: not the script either."""
    done = ended(tmp_path / "unguarded.py", UNGUARDED)
    assert done.stdout == "[(0, 2.0)]\n"
    assert done.stderr == ""


FORKED = """
import gc, logging, os, signal, sys
from tweakreg_step.exposures.parallel import collection_limited, cycles_collected
from tweakreg_step.exposures.parallel.processes import Workers

def work(number):
    logging.getLogger("tweakreg_step").warning("number %d", number)
    logging.getLogger("tweakreg_step.exposures").warning("exposure %d", number)
    frozen = gc.get_freeze_count()
    with cycles_collected():
        kept = [[] for _ in range(20_000)]
    free = gc.get_freeze_count() == frozen
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGUSR1)]
    return free and handlers == [signal.SIG_DFL, signal.SIG_IGN], os.getpid()

def handled(name):
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{name} %(message)s"))
    return handler

logging.getLogger().addHandler(handled("root"))
logging.getLogger("tweakreg_step").addHandler(handled("own"))
apart = logging.getLogger("tweakreg_step.exposures")
apart.addHandler(handled("apart"))
apart.propagate = False
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda *_: None)
with Workers(2) as workers, collection_limited():
    as_it_should_be, processes = zip(*dict(workers.results(work, range(4))).values())
    print(all(as_it_should_be), os.getpid() in processes)
"""


@pytest.mark.skipif(not COUNTED, reason="nobody knows whether the process has other threads")
def test_a_fork_has_nothing_that_is_its_parents(tmp_path: Path) -> None:
    """Neither handlers of signals nor those of the log, which would say everything twice."""
    done = ended(tmp_path / "forked.py", FORKED)
    assert done.stdout == "True False\n", done.stderr
    expected = [f"{whose} number {n}" for whose in ("own", "root") for n in range(4)]
    expected += [f"apart exposure {n}" for n in range(4)]
    assert sorted(done.stderr.splitlines()) == sorted(expected)


DYING = """
import os
from tweakreg_step.exposures.parallel.processes import Workers

def work(number):
    if number == 1:
        os._exit(3)
    return number

print("begun")
with Workers(2) as workers:
    found = dict(workers.results(work, range(5)))
print([type(found[number]).__name__ for number in range(5)])
"""


@pytest.mark.skipif(not COUNTED, reason="nobody knows whether the process has other threads")
def test_what_comes_after_a_death_is_forked_too(tmp_path: Path) -> None:
    """Or a script without guard would be run again, in the middle of its work."""
    done = ended(tmp_path / "dying.py", DYING)
    assert done.stdout == "begun\n['int', 'Lost', 'int', 'int', 'int']\n", done.stderr


AGAIN = """
import numpy as np
from math import sqrt
from tweakreg_step.exposures.parallel import ended_by_terminate
from tweakreg_step.exposures.parallel.processes import Workers

print("begun")
with ended_by_terminate():
    for number in (3, 1, 2):
        with Workers(3) as workers:
            print(sorted(workers.results(sqrt, [4.0] * number)))
        np.ones((500, 500)) @ np.ones((500, 500))  # numpy's threads are there again, not scipy's
"""


@pytest.mark.skipif(not COUNTED, reason="nobody knows whether the process has other threads")
def test_one_run_after_another_is_forked(tmp_path: Path) -> None:
    """Also where libraries have started their threads again in between."""
    done = ended(tmp_path / "again.py", AGAIN)
    expected = [str([(n, 2.0) for n in range(number)]) for number in (3, 1, 2)]
    assert done.stdout.splitlines() == ["begun", *expected], done.stderr


ORPHANS = """
import os, signal, sys, time
from tweakreg_step.exposures.parallel.processes import Workers

def work(number):
    time.sleep(0.3)
    return os.getpid()

with Workers(3) as workers:
    print(*{pid for _, pid in workers.results(work, range(9))}, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not COUNTED, reason="nobody knows whether the process has other threads")
def test_no_fork_outlives_its_parent(tmp_path: Path) -> None:
    done = ended(tmp_path / "orphans.py", ORPHANS)
    assert done.returncode == -signal.SIGKILL
    forks = {int(word) for word in done.stdout.split()}
    assert forks
    assert not_ended(forks) == set()


def test_no_more_workers_than_tasks_are_started() -> None:
    with Workers(64) as workers:
        assert dict(workers.results(square, range(2))) == {0: 0, 1: 1}
        assert len(multiprocessing.active_children()) <= 2
        assert dict(workers.results(square, range(3))) == {0: 0, 1: 1, 2: 4}


def test_a_process_that_can_not_be_made_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", refused)
    with Workers(2) as workers, pytest.raises(WorkerError, match=r"unavailable\. Each of 2 needs"):
        dict(workers.results(square, range(2)))


def test_a_process_with_threads_does_not_fork() -> None:
    there = threading.Event()
    thread = threading.Thread(target=there.wait)
    thread.start()
    try:
        assert processes().get_start_method() != "fork"
    finally:
        there.set()
        thread.join()


def test_a_script_without_guard_can_be_caught_as_any_other_error() -> None:
    with pytest.raises(WorkerError, match="Guard it"):
        raise UnguardedScriptError("Guard it.")


def from_a_daemon(conversation: Any) -> None:
    try:
        with Workers(2) as workers:
            conversation.send(list(workers.results(square, range(2))))
    except WorkerError as error:
        conversation.send(str(error))


def test_a_process_that_may_have_none_says_so() -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=from_a_daemon, args=(theirs,), daemon=True
    )
    process.start()
    assert ours.poll(60.0)
    assert "n_workers=1" in ours.recv()
    process.join()
