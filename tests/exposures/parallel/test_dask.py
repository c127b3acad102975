"""A dask cluster on this machine's loopback: a scheduler, two workers, one of them killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from step_outputs import Aligned, models_of

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import WorkerError
from tweakreg_step.exposures.parallel.dask import connected
from tweakreg_step.exposures.parallel.processes import Lost
from tweakreg_step.simulate import Truth

START = 120.0  # seconds that a busy machine may take to start a process of dask


def _dask(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *arguments]
    here = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(here)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and its two workers."""
    from distributed import Client

    file = tmp_path / "scheduler.json"
    options = ("--host", "127.0.0.1", "--scheduler-file", str(file), "--no-dashboard")
    scheduler = _dask("scheduler", "--port", "0", *options)
    options = ("--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard")
    home = ("--local-directory", str(tmp_path))
    workers = [_dask("worker", "--host", "127.0.0.1", *options, *home) for _ in range(2)]
    try:
        deadline = time.monotonic() + START
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(file), set_as_default=False, timeout=START) as client:
            client.wait_for_workers(2, timeout=START)
            address = client.scheduler.address
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def whoami(task: tuple[int, str]) -> tuple[int, int]:
    """Number and process; the first to come waits in the middle of its work, to be killed."""
    number, folder = task
    (Path(folder) / f"{number}-{os.getpid()}").touch()
    if number == 0 and len(list(Path(folder).glob("0-*"))) == 1:
        time.sleep(600.0)
    return number, os.getpid()


def _who_is_stuck(folder: Path) -> int:
    """The process that waits; it may begin later than others end."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if found := list(folder.glob("0-*")):
            return int(found[0].name.split("-")[1])
        time.sleep(0.1)
    raise TimeoutError("no worker has begun with task 0")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of dask's own sockets
def test_a_lost_worker_costs_nothing(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    files: Truth,
    relative: Aligned,
    tmp_path: Path,
) -> None:
    address, workers = cluster
    (tmp_path / "seen").mkdir()
    alone = relative.models
    together = models_of(TweakRegStep.call(str(files.association), scheduler=address))
    for model, one in zip(together, alone, strict=True):
        assert np.array_equal(model.meta.wcs(5.0, 6.0), one.meta.wcs(5.0, 6.0))
    tasks = [(number, str(tmp_path / "seen")) for number in range(6)]
    found: dict[int, Any] = {}
    with connected(address) as crew:
        for number, result in crew.results(whoami, tasks):
            found[number] = result
            if len(found) == 3:  # the other worker has them all
                stuck = _who_is_stuck(tmp_path / "seen")
                victim = next(worker for worker in workers if worker.pid == stuck)
                victim.kill()
                victim.wait()
    assert sorted(found) == list(range(6))
    assert not any(isinstance(result, Lost) for result in found.values())
    assert len({pid for _, pid in found.values()}) == 1
    after = models_of(TweakRegStep.call(str(files.association), scheduler=address))
    assert np.array_equal(after[2].meta.wcs(5.0, 6.0), alone[2].meta.wcs(5.0, 6.0))


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def talking() -> Iterator[str]:
    """Address of something that says what dask does not understand."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):  # it is closed
                while True:
                    server.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

        threading.Thread(target=answer, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "address",
    [
        *("tcp://127.0.0.1:9", "foo://127.0.0.1:1", "tcp://127.0.0.1:port", "tls://127.0.0.1:9"),
        *("silent", "talking"),
    ],
)
def test_a_scheduler_that_is_not_there(
    files: Truth, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, address: str
) -> None:
    monkeypatch.setattr("tweakreg_step.exposures.parallel.dask.PATIENCE", 0.5)
    if "://" not in address:
        address = request.getfixturevalue(address)
    with pytest.raises(WorkerError, match=rf"The scheduler '{address}' can't be reached: \S.*8786"):
        TweakRegStep.call(str(files.association), scheduler=address)


def test_dask_is_an_extra(files: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WorkerError, match=r"dask is not installed.*pip install distributed"):
        TweakRegStep.call(str(files.association), scheduler="tcp://127.0.0.1:8786")
