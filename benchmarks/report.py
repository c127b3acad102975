"""How much processor time reports take and how large they get.

Usage: python benchmarks/report.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table, vstack

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from made_results import make_result
from tables import publish

from tweakreg_step.report import report_of, write_report
from tweakreg_step.report.log import summary_table
from tweakreg_step.report.match_table import matches_of, write_matches

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 500_000
HEADER = ("what", "pairs", "matches", "processor time [s]", "MB")


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def tables(folder: Path) -> list[tuple[str, ...]]:
    """A table of matches of half a million rows, by this package and by astropy."""
    some = matches_of(make_result(count=100, density=0.1))
    table = vstack([some] * (ROWS // len(some) + 1), metadata_conflicts="silent")[:ROWS]
    path = folder / "ours.ecsv"
    ours = seconds(lambda: write_matches(table, path))
    theirs = seconds(lambda: table.write(folder / "astropy.ecsv", format="ascii.ecsv"))
    read = seconds(lambda: Table.read(path, format="ascii.ecsv"))
    works = (
        ("write the table of matches", ours),
        ("write it with astropy", theirs),
        ("read it with astropy", read),
    )
    size = f"{path.stat().st_size / 1e6:.0f}"
    return [(name, "", f"{ROWS:,}", f"{spent:.1f}", size) for name, spent in works]


def runs(folder: Path) -> list[tuple[str, ...]]:
    """Whole reports."""
    rows: list[tuple[str, ...]] = []
    cases = {
        "mosaic of 1024 groups": {"count": 1024, "density": 0.03},
        "stack of 300 groups": {"kind": "stack", "count": 300, "density": 0.03},
    }
    for name, changes in cases.items():
        result = make_result(**changes)
        built = seconds(lambda a=result: report_of(a))
        total = seconds(lambda a=result: write_report(a, folder))
        table = seconds(lambda a=result: summary_table(a))
        sizes = " and ".join(f"{p.stat().st_size / 1e6:.1f}" for p in write_report(result, folder))
        solution = result.solution
        counts = f"{len(solution.pairs):,}", f"{int(np.sum(solution.detections.source >= 0)):,}"
        rows += [
            (f"report of a {name}", *counts, f"{built:.1f}", ""),
            (f"both files of a {name}", *counts, f"{total:.1f}", sizes),
            (f"summary of a {name}", *counts, f"{table:.2f}", ""),
        ]
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        publish(__file__, "report", (HEADER, tables(Path(name)) + runs(Path(name))))
