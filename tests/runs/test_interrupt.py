"""Ctrl-C and full disks: no process and no half-written file is left."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tweakreg_step.simulate import Truth

SCRIPT = """
from tweakreg_step import TweakRegStep

if __name__ == "__main__":
    TweakRegStep.call(
        {files!r}, n_workers=2, save_results=True, save_catalogs=True, output_dir="out"
    )
"""
LONG = 300.0  # seconds, for a busy machine


def start(files: Truth, most_bytes: int | None = None) -> subprocess.Popen[str]:
    Path("script.py").write_text(SCRIPT.format(files=str(files.association)))

    def limit() -> None:
        # jobs in the background, as of some runners of tests, ignore Ctrl-C; a terminal's do not
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.Popen(
        [sys.executable, "script.py"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its processes are a group of their own, as in a terminal
        preexec_fn=limit,  # noqa: PLW1509 - no threads here
    )


def members(group: int) -> list[int]:
    """Processes of a group that are not yet dead."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, own = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(own) == group and state != "Z":
            found.append(int(folder.name))
    return found


def there(sign: str) -> bool:
    """Whether something is in the output folder; a folder may go while it is looked into."""
    try:
        return bool(list(Path("out").glob(sign)))
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("moment", ["finding", "writing"])
@pytest.mark.parametrize("sort", ["Ctrl-C", "terminate"])
def test_a_signal_leaves_nothing(pair: Truth, moment: str, sort: str) -> None:
    process = start(pair)
    sign = {"finding": "*_cat.ecsv", "writing": ".tweakreg*/.tweakreg*"}[moment]
    deadline = time.monotonic() + LONG
    while not there(sign) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.002)
    if sort == "Ctrl-C":  # a terminal sends it to all, systems for batches to one
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    _, said = process.communicate(timeout=LONG)
    assert process.returncode != 0
    assert ("KeyboardInterrupt" in said) == (sort == "Ctrl-C")
    for _ in range(100):  # the clean process that workers fork from ends with its pipe
        if not members(process.pid):
            break
        time.sleep(0.1)
    assert not members(process.pid)
    assert not list(Path("out").glob(".tweakreg*"))
    assert not list(Path().glob(".tweakreg*"))


def test_a_full_disk_leaves_no_half_of_a_file(pair: Truth) -> None:
    size = pair.files[0].stat().st_size
    process = start(pair, most_bytes=size // 2)
    _, said = process.communicate(timeout=LONG)
    assert process.returncode != 0
    assert "2 of 2 results could not be written" in said
    # the system's words, or those of numpy, which counts what it could write
    assert re.search(r"tweakreg\.fits' can't be written: (File too large|\d+ requested)", said)
    assert not list(Path("out").glob("*.fits"))
    assert not list(Path("out").glob(".tweakreg*"))
    assert len(list(Path("out").glob("*_cat.ecsv"))) == 2  # these are small enough
