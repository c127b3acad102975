"""How long reports take and how large they get.

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
from accounts import make_result

from tweakreg_step.report import report_of, write_report
from tweakreg_step.report.log import summary_table
from tweakreg_step.report.match_table import matches_of, write_matches

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 500_000


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tables(folder: Path) -> None:
    """A table of matches of half a million rows, by this package and by astropy."""
    some = matches_of(make_result(count=100, density=0.1))
    table = vstack([some] * (ROWS // len(some) + 1), metadata_conflicts="silent")[:ROWS]
    path = folder / "ours.ecsv"
    ours = seconds(lambda: write_matches(table, path))
    theirs = seconds(lambda: table.write(folder / "astropy.ecsv", format="ascii.ecsv"))
    read = seconds(lambda: Table.read(path, format="ascii.ecsv"))
    size = path.stat().st_size / 1e6
    print(
        f"{ROWS} matches: {ours:.1f} s to write {size:.0f} MB (astropy {theirs:.1f} s), "
        f"{read:.1f} s to read"
    )


def runs(folder: Path) -> None:
    """Whole reports."""
    cases = {
        "mosaic of 1024 groups": {"count": 1024, "density": 0.03},
        "stack of 300 groups": {"kind": "stack", "count": 300, "density": 0.03},
    }
    for name, changes in cases.items():
        result = make_result(**changes)
        built = seconds(lambda a=result: report_of(a))
        total = seconds(lambda a=result: write_report(a, folder))
        table = seconds(lambda a=result: summary_table(a))
        sizes = ", ".join(f"{p.stat().st_size / 1e6:.1f} MB" for p in write_report(result, folder))
        matches = int(np.sum(result.solution.detections.source >= 0))
        print(
            f"{name}: {len(result.solution.pairs)} pairs, {matches} matches: report "
            f"{built:.1f} s, with both files {total:.1f} s ({sizes}), summary {table:.2f} s"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        tables(Path(name))
        runs(Path(name))
