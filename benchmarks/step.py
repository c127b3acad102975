"""The whole step from files to files, against the stock step: time, memory, time per stage.

Both run on the same simulated files, each run in a process of its own, in turn: this step and the
stock one, with the exposures in memory and on disk. The stock step runs with the Python of
``--stock-python``, in whose environment the package ``jwst`` is; without it, this step runs alone.

    python benchmarks/step.py --stock-python .venv/jwst-3.11/bin/python [--sizes 4 9 36 100] [--rst]

Wall and processor time and memory are those of the whole process with its start and its imports.
Runs are kept in ``results.jsonl`` in the folder, and those that are there are not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tables import rst_table

from tweakreg_step.simulate import Truth, load_truth, simulate_mosaic

SEED = 7
FULL, SMALL = 2048, 1024
RUN = Path(__file__).with_name("step_run.py")
STAGES = ("import", "opening", "sources", "alignment", "writing", "saving")
HEADER = (
    "exposures", "pixels", "step", "in memory", "wall [s]", "processor [s]", "peak [MB]",
    *(f"{stage} [s]" for stage in STAGES), "aligned",
)  # fmt: skip
RATIOS = ("exposures", "in memory", "processor time", "wall time", "peak memory")


@dataclass(frozen=True)
class Run:
    """One process: seconds, MB, and how many exposures it says are aligned."""

    scene: str
    exposures: int
    side: int
    step: str
    in_memory: bool
    wall: float
    processor: float
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
            "yes" if self.in_memory else "no",
            *(f"{self.wall:.1f}", f"{self.processor:.1f}", f"{self.peak:.0f}"),
            *stages,
            str(self.aligned),
        )

    @property
    def key(self) -> tuple[object, ...]:
        """What was run."""
        return self.scene, self.exposures, self.side, self.step, self.in_memory


def scene_of(folder: Path, kind: str, exposures: int, side: int) -> Truth:
    """The files of a stack or a square mosaic, made where they are not there."""
    home = folder / f"{kind}_{exposures}_{side}"
    if (home / "truth.json").exists():
        return load_truth(home / "truth.json")
    rows = int(exposures**0.5)
    tiles, dithers = ((rows, rows), 1) if kind == "mosaic" else ((1, 1), exposures)
    return simulate_mosaic(home, seed=SEED, tiles=tiles, dithers=dithers, shape=(side, side))


def run_of(python: str, step: str, truth: Truth, *, in_memory: bool, threads: int) -> Run | None:
    """One run in a process of its own; None, with a line that says why, where it fails."""
    output = truth.folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    arguments = [truth.association, truth.catalog, output, in_memory]
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
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    lines = log.read_text().splitlines()
    found = next((line for line in reversed(lines) if line.startswith("RESULT ")), None)
    if child.returncode or found is None:
        print(f"{step} failed on {truth.folder.name}: {lines[-1:]}", file=sys.stderr, flush=True)
        return None
    result = json.loads(found.removeprefix("RESULT "))
    scene, exposures, side = truth.folder.name.split("_")
    shutil.rmtree(output)
    processor, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0
    what = scene, int(exposures), int(side), step, in_memory
    return Run(*what, wall, processor, peak, result["seconds"], result["aligned"])


def ratios(runs: list[Run]) -> list[tuple[str, ...]]:
    """How many times less this step needs than the stock step, for each scene of both."""
    by_key = {run.key: run for run in runs}
    lines = []
    for run in runs:
        stock = by_key.get((*run.key[:3], "stock", run.in_memory))
        if run.step == "ours" and stock is not None:
            less = (stock.processor / run.processor, stock.wall / run.wall, stock.peak / run.peak)
            memory = "yes" if run.in_memory else "no"
            lines.append(
                (f"{run.exposures}, {run.scene}", memory, *(f"{part:.1f}" for part in less))
            )
    return lines


def text_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Columns of equal width."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (header, *rows)
    ]
    return "\n".join(lines) + "\n"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".bench/step"))
    parser.add_argument("--stock-python", help="of an environment with the package jwst")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 9, 36, 100])
    parser.add_argument("--scenes", nargs="+", default=["mosaic", "stack"])
    parser.add_argument("--shape", type=int, help=f"side [pixels]; {FULL}, {SMALL} above 9 images")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--in-memory", nargs="+", choices=["yes", "no"], default=["yes", "no"])
    parser.add_argument("--rst", action="store_true")
    return parser.parse_args()


def kept(path: Path) -> list[Run]:
    """The runs of earlier calls in this folder."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Run(**json.loads(line)) for line in lines]


def main() -> None:
    """Run what is missing, and print both tables."""
    chosen = options()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    results = chosen.folder / "results.jsonl"
    runs = kept(results)
    pythons = {"ours": sys.executable} | (
        {"stock": chosen.stock_python} if chosen.stock_python else {}
    )
    for exposures in chosen.sizes:
        side = chosen.shape or (FULL if exposures <= 9 else SMALL)
        for kind in chosen.scenes:
            for in_memory in (word == "yes" for word in chosen.in_memory):
                for step, python in pythons.items():
                    if (kind, exposures, side, step, in_memory) in {run.key for run in runs}:
                        continue
                    truth = scene_of(chosen.folder, kind, exposures, side)
                    run = run_of(python, step, truth, in_memory=in_memory, threads=chosen.threads)
                    if run is not None:
                        runs.append(run)
                        print(*run.cells, sep="  ", file=sys.stderr, flush=True)
                        with results.open("a") as sink:
                            sink.write(json.dumps(asdict(run)) + "\n")
    table = rst_table if chosen.rst else text_table
    print(table(HEADER, [run.cells for run in runs]))
    print(table(RATIOS, ratios(runs)))


if __name__ == "__main__":
    main()
