"""Memory that is not there is said before it is gone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.alignment.solver import normal_equations as solve
from tweakreg_step.core import memory as capacity
from tweakreg_step.core.exceptions import TooLargeError
from tweakreg_step.core.memory import free_memory, is_shortage, require_dense, require_places
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.sky import Setup, layout, make_scene

STACK = make_scene(Setup(layout("stack", 110), density=0.01), 1)


def test_the_fact_the_requirement_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda: 24e9)
    require_dense(20_000)  # 6 matrices of 3.2 GB
    with pytest.raises(TooLargeError) as raised:
        require_dense(30_000)
    message = str(raised.value)
    for part in (
        "30000 parameters",
        "43.2 GB",
        "24.0 GB",
        "fewer exposures",
        "fitgeometry='shift'",
    ):
        assert part in message


def test_places_of_moving_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda: 24e9)
    require_places(1000, 100_000)
    with pytest.raises(TooLargeError) as raised:
        require_places(10_000, 100_000)
    message = str(raised.value)
    for part in ("100000 stars", "10000 groups", "150.0 GB", "24.0 GB", "fewer stars"):
        assert part in message


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

    monkeypatch.setattr(capacity, "Path", Places)
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
    monkeypatch.setattr(capacity, "free_memory", lambda: 0.0)
    require_places(10, 1000)


def test_here_it_is_known() -> None:
    assert free_memory() > 1e6


def test_a_large_stack_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "_SMALL", 0.0)
    monkeypatch.setattr(solve, "DENSE_LIMIT", 300)
    solution = solve_jointly(STACK.detections, 110, None, Options())
    monkeypatch.setattr(capacity, "free_memory", lambda: 1e6)
    with pytest.raises(TooLargeError, match="330 parameters"):
        solve_jointly(STACK.detections, 110, None, Options())
    monkeypatch.setattr(solve, "DENSE_LIMIT", 330)
    same = solve_jointly(STACK.detections, 110, None, Options())
    np.testing.assert_array_equal(same.groups.parameters, solution.groups.parameters)


def test_a_matrix_that_turns_out_full_is_made_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few unknowns in each row, but all pairs of them in some: no sparse factor is worth it."""
    monkeypatch.setattr(capacity, "_SMALL", 0.0)
    monkeypatch.setattr(solve, "DENSE_LIMIT", 300)
    rng = np.random.default_rng(1)
    count, rows = 400, 40_000
    index = rng.integers(0, count, (rows, 6))
    data = rng.normal(size=(rows, 6)).ravel()
    pointer = 6 * np.arange(rows + 1)
    matrix = sparse.csr_matrix((data, index.ravel(), pointer), shape=(rows, count))
    matrix.sum_duplicates()
    square = solve._square(matrix, count)
    assert isinstance(square, np.ndarray)
    np.testing.assert_allclose(square, (matrix.T @ matrix).toarray(), rtol=1e-12)
    monkeypatch.setattr(capacity, "free_memory", lambda: 1e6)
    with pytest.raises(TooLargeError, match="400 parameters"):
        solve._square(matrix, count)
    thin = matrix[:40]
    assert sparse.issparse(solve._square(thin, count))


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
