"""How large the page of pictures is and what it costs: `python benchmarks/page.py [FOLDER]`.

Processor time, so that other work on the machine does not count. Pages of simulated mosaics, one
group in fifty without any true source; written to FOLDER, or to a temporary one.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from made_results import make_result
from tables import publish

from tweakreg_step.report.page import write_page

COUNTS = (9, 36, 100, 1000)
HEADER = ("groups", "detections", "size [MB]", "processor time [s]")


def measure(folder: Path) -> None:
    """One row for each number of groups."""
    rows: list[tuple[str, ...]] = []
    for count in COUNTS:
        result = make_result(
            "mosaic",
            count,
            lost=tuple(range(4, count, 50)),
            density=0.02,
            product=f"mosaic{count:04d}",
        )
        start = time.process_time()
        path = write_page(result, folder)
        elapsed = time.process_time() - start
        size = path.stat().st_size / 1e6
        rows.append((f"{count:,}", f"{len(result.x):,}", f"{size:.1f}", f"{elapsed:.1f}"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    publish(__file__, "page", (HEADER, rows), f"Peak memory of all of it: {memory:.2f} GB.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            measure(Path(scratch))
