"""Whole runs on hostile input: what they come to (docs/reliability.rst).

``python benchmarks/reliability.py`` prints the table (make fuzz); with a number, as 0.1, that share
of its runs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tables import publish

from tweakreg_step.simulate import Truth, simulate_mosaic

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # as pytest does

from fuzz.runs import KINDS, Run, run_case, signalled  # noqa: E402

SIGNALS = 20
HEAD = ("what is thrown in", "runs", "done", "refused or ended", "raw errors", "hangs over 60 s",
        "runs with files elsewhere", "good images lost")  # fmt: skip


def scene(folder: Path) -> Truth:
    """Three small dithers."""
    return simulate_mosaic(
        folder,
        seed=3,
        tiles=(1, 1),
        dithers=3,
        shape=(256, 256),
        stars_per_image=40,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
    )


def row(name: str, runs: list[Run]) -> tuple[str, ...]:
    outcomes = Counter(run.outcome for run in runs)
    for run in runs:
        if run.what or run.outside or run.lost or run.outcome == "hang":
            print(name, run, file=sys.stderr)
    counts = (
        len(runs),
        *(outcomes[kind] for kind in ("done", "refused", "raw error", "hang")),
        sum(bool(run.outside) for run in runs),
        sum(len(run.lost) for run in runs),
    )
    return (name, *map(str, counts))


def rows(folder: Path, share: float) -> list[tuple[str, ...]]:
    truth, table = scene(folder / "input"), []
    for n_workers in (1, 2):
        work = folder / f"signals{n_workers}"
        work.mkdir()
        start = time.monotonic()
        signalled(0, n_workers, truth, work, None)
        seconds = time.monotonic() - start
        runs = [
            signalled(seed, n_workers, truth, work, seconds)
            for seed in range(round(SIGNALS * share))
        ]
        table.append(row(f"signals at random moments, n_workers={n_workers}", runs))
    for kind, (_, count) in KINDS.items():
        work = folder / kind.replace(" ", "_")
        work.mkdir()
        runs = [run_case(kind, seed, truth, work) for seed in range(round(count * share))]
        table.append(row(kind, runs))
    return table


def main() -> None:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder:
        table = rows(Path(folder), share)
    publish(__file__, "reliability", (HEAD, table), write=share >= 0.2)
    bad = [cells for cells in table if any(int(cell) for cell in cells[4:])]
    sys.exit(f"{len(bad)} kinds of runs went wrong" if bad else 0)


if __name__ == "__main__":
    main()
