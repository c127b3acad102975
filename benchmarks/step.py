"""The whole step from files to files, against the stock step: time, memory, time per stage.

Both run on the same simulated files, each run in a process of its own, in turn: this step and the
stock one, with the exposures on disk and, if asked for, in memory. The stock step runs with the
Python of ``--stock-python``, in whose environment the package ``jwst`` is; without it, this step
runs alone. Of stacks, the stock step gets those of at most nine: one of 36 takes it an hour.

    python benchmarks/step.py --stock-python .venv/jwst-3.11/bin/python [--sizes 4 9 36]

Wall and processor time and memory are those of the whole process with its start and its imports,
and of its workers; with these, memory is the largest of the sums taken each second, memory that
processes share counted once (to look more often slows them down). The floor is what copying the
files and sep's background and extraction on them take, without anything else. Runs are kept in
``results.jsonl`` in the folder, and those that are there are not done again; the tables are of all
of them, and written if there are any of the stock step. They take 20 minutes and 10 GB; 100
exposures (``--sizes 100 --scenes mosaic``) as long again and 20 GB. The table
of what an exposure takes, ``step_exposures``, is also written after fewer runs:

    python benchmarks/step.py --stock-python ... --sizes 4 9 36 --scenes mosaic --workers 1
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil  # comes with dask
import sep
from astropy.io import fits
from tables import publish

from tweakreg_step.simulate import Truth, load_truth, simulate_mosaic

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 7
SIDE = 2048
"""Side of the images [pixels]."""

STOCK_STACK = 9
"""Exposures of the largest stack that the stock step gets."""

RUN = Path(__file__).with_name("step_run.py")
STAGES = ("import", "opening", "sources", "alignment", "writing", "saving")
HEADER = (
    "exposures", "pixels", "step", "workers", "in memory", "wall [s]", "processor [s]", "floor [s]",
    "peak [MB]",
    *(f"{stage} [s]" for stage in STAGES), "aligned",
)  # fmt: skip
RATIOS = (
    "exposures", "pixels", "workers", "in memory", "wall time", "processor time", "peak memory",
)  # fmt: skip
EACH = (
    "exposures", "pixels", "in memory", "ours [s]", "stock [s]", "floor [s]", "ours / floor",
    "each more / floor", "stock / ours",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One process: seconds, MB, and how many exposures it says are aligned.

    The floor is in processor time, measured right before the run.
    """

    scene: str
    exposures: int
    side: int
    step: str
    workers: int
    in_memory: bool
    wall: float
    processor: float
    floor: float
    peak: float
    seconds: dict[str, float]
    aligned: int

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of the table."""
        stages = (f"{self.seconds[s]:.1f}" if s in self.seconds else "" for s in STAGES)
        return (
            f"{self.exposures}, {self.scene}",
            f"{self.side}^2",
            self.step,
            str(self.workers),
            "yes" if self.in_memory else "no",
            *(f"{self.wall:.1f}", f"{self.processor:.1f}", f"{self.floor:.1f}"),
            f"{self.peak:.0f}",
            *stages,
            str(self.aligned),
        )

    @property
    def key(self) -> tuple[object, ...]:
        """What was run."""
        return self.scene, self.exposures, self.side, self.step, self.workers, self.in_memory


def scene_of(folder: Path, kind: str, exposures: int, side: int) -> Truth:
    """The files of a stack or a square mosaic, made where they are not there."""
    home = folder / f"{kind}_{exposures}_{side}"
    if (home / "truth.json").exists():
        return load_truth(home / "truth.json")
    rows = int(exposures**0.5)
    tiles, dithers = ((rows, rows), 1) if kind == "mosaic" else ((1, 1), exposures)
    how = {"seed": SEED, "tiles": tiles, "dithers": dithers, "shape": (side, side)}
    # in a process of its own: those that are started later inherit the peak of this one's memory
    maker = get_context("spawn").Process(target=simulate_mosaic, args=(home,), kwargs=how)
    maker.start()
    maker.join()
    return load_truth(home / "truth.json")


class Watch:
    """What a process and its children use, looked at each second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._seconds: dict[int, float] = {}
        self.peak = 0.0

    def look(self) -> None:
        """Look once."""
        total = 0.0
        for process in [self._process, *self._process.children(recursive=True)]:
            with suppress(psutil.Error):
                used = process.cpu_times()
                self._seconds[process.pid] = used.user + used.system
                total += process.memory_full_info().pss / 2.0**20
        self.peak = max(self.peak, total)

    @property
    def processor(self) -> float:
        """Seconds of all processes, as they were last seen."""
        return sum(self._seconds.values())


def ended(child: subprocess.Popen[bytes], workers: int) -> tuple[float, float]:
    """Wait for a process: processor time [s] and peak memory [MB], with those of its workers."""
    if workers == 1:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0
    watch = Watch(child.pid)
    while child.poll() is None:
        with suppress(psutil.Error):
            watch.look()
        with suppress(subprocess.TimeoutExpired):
            child.wait(1.0)
    return watch.processor, watch.peak


def floor_of(truth: Truth) -> float:
    """Processor time to copy the files of a scene and find their sources with sep alone [s]."""
    os.sync()  # or what runs before have written is written now
    for path in truth.files:
        path.read_bytes()  # every run finds the files in the memory of the system
    copy, start = truth.folder / "copy.fits", time.process_time()
    for path in truth.files:
        shutil.copyfile(path, copy)
        with fits.open(copy, memmap=False) as hdus:
            image = hdus["SCI"].data.astype(np.float32)
        bad = ~np.isfinite(image)
        background = sep.Background(image, mask=bad)
        background.subfrom(image)
        sep.extract(image, 10.0, err=background.globalrms, mask=bad)
    copy.unlink()
    return time.process_time() - start


def run_of(
    python: str, step: str, truth: Truth, *, workers: int, in_memory: bool, threads: int
) -> Run | None:
    """One run in a process of its own; None, with a line that says why, where it fails."""
    output = truth.folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    floor = floor_of(truth)
    arguments = [truth.association, truth.catalog, output, workers, in_memory]
    command = [python, RUN, step, *arguments]
    # the stock step asks CRDS for its parameters, and dies without it
    environment = os.environ | {"STPIPE_DISABLE_CRDS_STEPPARS": "true"}
    environment["OMP_NUM_THREADS"] = environment["OPENBLAS_NUM_THREADS"] = str(threads)
    log = output / "log.txt"
    start = time.perf_counter()
    with log.open("w") as sink:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [str(word) for word in command], stdout=sink, stderr=subprocess.STDOUT, env=environment
        )
        processor, peak = ended(child, workers)
    wall = time.perf_counter() - start
    lines = log.read_text().splitlines()
    found = next((line for line in reversed(lines) if line.startswith("RESULT ")), None)
    if child.returncode or found is None:
        print(f"{step} failed on {truth.folder.name}: {lines[-1:]}", file=sys.stderr, flush=True)
        return None
    result = json.loads(found.removeprefix("RESULT "))
    scene, exposures, side = truth.folder.name.split("_")
    states = [fits.getheader(path).get("S_TWKREG") for path in output.glob("*.fits")]
    shutil.rmtree(output)
    what = scene, int(exposures), int(side), step, workers, in_memory
    return Run(*what, wall, processor, floor, peak, result["seconds"], states.count("COMPLETE"))


def ratios(runs: list[Run]) -> list[tuple[str, ...]]:
    """How many times less this step needs than the stock step, for each scene of both."""
    by_key = {run.key: run for run in runs}
    lines = []
    for run in runs:
        stock = by_key.get((*run.key[:3], "stock", 1, run.in_memory))
        if run.step == "ours" and stock is not None:
            less = (stock.wall / run.wall, stock.processor / run.processor, stock.peak / run.peak)
            what = f"{run.exposures}, {run.scene}", f"{run.side}^2", str(run.workers)
            memory = "yes" if run.in_memory else "no"
            lines.append((*what, memory, *(f"{part:.1f}" for part in less)))
    return lines


def each(runs: list[Run]) -> list[tuple[str, ...]]:
    """Processor time for each exposure [s] of mosaics that both have aligned in one process.

    And what each exposure more than in the next smaller mosaic takes, without start and imports.
    """
    by_key = {run.key: run for run in runs if run.scene == "mosaic"}
    lines = []
    for run in by_key.values():
        stock = by_key.get((*run.key[:3], "stock", 1, run.in_memory))
        if run.step == "ours" and run.workers == 1 and stock is not None:
            floor = 0.5 * (run.floor + stock.floor)
            what = f"{run.exposures}", f"{run.side}^2", "yes" if run.in_memory else "no"
            spent = (run.processor, stock.processor, floor)
            seconds = (f"{value / run.exposures:.2f}" for value in spent)
            less = [one for one in by_key.values() if _is_smaller(one, run)]
            more = _each_more(max(less, key=lambda one: one.exposures), run) if less else ""
            times = f"{run.processor / floor:.1f}", more, f"{stock.processor / run.processor:.1f}"
            lines.append((*what, *seconds, *times))
    return lines


def _is_smaller(one: Run, run: Run) -> bool:
    """Whether a run is that of fewer exposures, and else the same."""
    return one.exposures < run.exposures and one.key[2:] == run.key[2:]


def _each_more(less: Run, run: Run) -> str:
    """Processor time for each exposure that a run has more than another, in floors."""
    return f"{(run.processor - less.processor) / (run.floor - less.floor):.1f}"


def options() -> tuple[argparse.Namespace, bool]:
    """The command line, and whether it asks for all runs of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".bench/step"))
    parser.add_argument("--stock-python", help="of an environment with the package jwst")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 9, 36])
    parser.add_argument("--scenes", nargs="+", default=["mosaic", "stack"])
    parser.add_argument("--shape", type=int, default=SIDE, help="side of the images [pixels]")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--in-memory", nargs="+", choices=["yes", "no"], default=["no"])
    chosen = parser.parse_args()
    home = ["--folder", str(chosen.folder)]
    stock = ["--stock-python", chosen.stock_python] if chosen.stock_python else []
    return chosen, bool(stock) and chosen == parser.parse_args([*home, *stock])


def kept(path: Path) -> list[Run]:
    """The runs of earlier calls in this folder."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Run(**json.loads(line)) for line in lines]


def wanted(chosen: argparse.Namespace) -> Iterator[tuple[str, int, int, str, int, bool]]:
    """The runs that were asked for, the steps in turn."""
    for exposures in chosen.sizes:
        for kind in chosen.scenes:
            for in_memory in (word == "yes" for word in chosen.in_memory):
                for workers in chosen.workers:
                    yield kind, exposures, chosen.shape, "ours", workers, in_memory
                if chosen.stock_python and (kind == "mosaic" or exposures <= STOCK_STACK):
                    yield kind, exposures, chosen.shape, "stock", 1, in_memory


def main() -> None:
    """Run what is missing, print and write the tables."""
    chosen, whole = options()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    results = chosen.folder / "results.jsonl"
    runs = kept(results)
    done = {run.key for run in runs}
    for kind, exposures, side, step, workers, in_memory in wanted(chosen):
        if (kind, exposures, side, step, workers, in_memory) in done:
            continue
        truth = scene_of(chosen.folder, kind, exposures, side)
        python = chosen.stock_python if step == "stock" else sys.executable
        how = {"workers": workers, "in_memory": in_memory, "threads": chosen.threads}
        run = run_of(python, step, truth, **how)
        if run is not None:
            runs.append(run)
            print(*run.cells, sep="  ", file=sys.stderr, flush=True)
            with results.open("a") as sink:
                sink.write(json.dumps(asdict(run)) + "\n")
    runs.sort(key=lambda run: (*run.key[1::-1], run.side, not run.in_memory, run.step, run.workers))
    publish(__file__, "step", (HEADER, [run.cells for run in runs]), write=whole)
    publish(__file__, "step_ratios", (RATIOS, ratios(runs)), write=whole)
    compared = each(runs)
    publish(__file__, "step_exposures", (EACH, compared), write=bool(compared))


if __name__ == "__main__":
    main()
