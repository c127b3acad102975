"""Memory that is not there is said before it is gone."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from tweakreg_step.core import memory
from tweakreg_step.core.memory import (
    Need,
    Shortage,
    ShortageError,
    free_memory,
    is_shortage,
    require_dense,
    require_places,
)


def test_what_is_needed_and_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 24e9)
    require_dense(20_000)  # 6 matrices of 3.2 GB
    with pytest.raises(ShortageError) as raised:
        require_dense(30_000)
    assert raised.value.shortage == Shortage(Need.DENSE, (30_000,), 43.2e9, 24e9)


def test_places_of_moving_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 24e9)
    require_places(1000, 100_000)
    with pytest.raises(ShortageError) as raised:
        require_places(10_000, 100_000)
    assert raised.value.shortage == Shortage(Need.PLACES, (10_000, 100_000), 150e9, 24e9)


def test_free_memory_is_that_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {"meminfo": "MemTotal: 9000 kB\nMemAvailable:    2000 kB\n"}

    class Places:
        def __init__(self, name: str) -> None:
            self.name = name

        def __truediv__(self, other: str) -> Places:
            return Places(f"{self.name}/{other}")

        def read_text(self) -> str:
            key = self.name.rsplit("/", 1)[1]
            if key not in files:
                raise FileNotFoundError(key)
            return files[key]

    monkeypatch.setattr(memory, "Path", Places)
    assert free_memory() == 2000 * 1024.0
    files |= {"memory.max": "max\n", "memory.current": "5\n", "memory.stat": "anon 3\n"}
    assert free_memory() == 2000 * 1024.0
    files["memory.max"] = "1000005\n"
    assert free_memory() == 1e6
    files["memory.stat"] = "anon 3\ninactive_file 300\nactive_file 200\n"  # gives way
    assert free_memory() == 1e6 + 500.0
    files["memory.current"] = "2000505\n"
    assert free_memory() == 0.0
    del files["meminfo"]
    assert free_memory() == float("inf")


def test_little_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0.0)
    require_places(10, 1000)


def test_here_it_is_known() -> None:
    assert free_memory() > 1e6


def nested(error: Exception) -> Exception:
    """As libraries raise it that have an error of their own for everything."""
    found = ValueError("ERROR loading embedded ASDF")
    found.__cause__ = error
    return found


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        OSError(0, "[Errno 12] Cannot allocate memory: 'a.fits'"),
        RuntimeError("can't start new thread"),
        TypeError("_ArrayMemoryError.__init__() missing 1 required positional argument: 'dtype'"),
        ValueError("Unable to allocate 64.0 MiB for an array"),
        ImportError("libblas.so: failed to map segment from shared object"),
    ],
)
def test_a_shortage_is_known_in_any_words(error: Exception) -> None:
    assert is_shortage(error)
    assert is_shortage(nested(error))
    assert not is_shortage(ValueError("a number that can't be"))
    assert not is_shortage(nested(OSError(2, "No such file")))


def test_a_limit_of_the_process_counts() -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "from tweakreg_step.core.memory import free_memory; print(free_memory() < 4 << 30)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def _with_mallopt() -> bool:
    try:
        return hasattr(ctypes.CDLL(None), "mallopt")
    except (OSError, TypeError):
        return False


@pytest.mark.skipif(not _with_mallopt(), reason="what other systems give back is theirs to decide")
@pytest.mark.parametrize("given_back", [False, True])
def test_large_arrays_are_given_back(*, given_back: bool) -> None:
    """What a process holds after arrays between small ones that stay: the small ones alone.

    Without, the gaps that the large ones leave, 240 MB, are held as well.
    """
    assert (_printed(_HELD, given_back=given_back) < 200.0) == given_back


def test_smaller_arrays_are_not_fetched_anew() -> None:
    """Arrays of 0.5 to 3 MB that come and go: less than one page is fetched for each."""
    assert _printed(_FETCHED, given_back=True) < 1.0


_HELD = """
large = np.ones(24 * 2**17)  # from now on, as large ones are kept
del large
some = [(np.ones(6 * 2**17), np.ones(2**12)) for _ in range(40)]
kept = [small for _, small in some]
del some
pages = int(open("/proc/self/statm").read().split()[1])
print(pages * resource.getpagesize() / 1e6)
"""

_FETCHED = """
sizes = [2**16, 2**17, 3 * 2**17]
for size in sizes:
    np.ones(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    for size in sizes:
        np.ones(size)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 300.0)
"""


def _printed(program: str, *, given_back: bool) -> float:
    """What a program in a process of its own prints."""
    begun = "import resource, sys\nimport numpy as np\n"
    begun += "from tweakreg_step.core.memory import give_back_arrays\n"
    begun += "give_back_arrays()\n" if given_back else ""
    others = "MALLOC_", "GLIBC_", "LD_PRELOAD"
    run = subprocess.run(
        [sys.executable, "-c", begun + program],
        check=True,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith(others)},
    )
    return float(run.stdout)
