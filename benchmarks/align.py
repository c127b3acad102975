"""How fast the alignment is: against stcal on the same correctors, and how it grows.

Run it in the environment of the stock pipeline (``make bench-align``): stcal must be installed.
Times are of one run, so only their ratios mean anything.

    python benchmarks/align.py [--quick]
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from typing import Any

import numpy as np
from scenes import make_correctors, make_judge, make_scene

from tweakreg_step import relative_align
from tweakreg_step.alignment import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import GroupStatus
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.simulate import sky


def timed(function: Any, *arguments: Any, **options: Any) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return time.perf_counter() - start, result


def against_stcal(kind: str, *, full: bool) -> None:
    """One line: the same correctors aligned by both."""
    from stcal.tweakreg import tweakreg as stock  # noqa: PLC0415 - not everywhere installed

    scene = make_scene(kind, seed=1)
    judge = make_judge(scene, "rshift", reference=False)
    ours = make_correctors(scene)
    total, _ = timed(relative_align, ours)
    gathered, detections = timed(gather, make_correctors(scene))
    solving, _ = timed(solve_jointly, detections, len(scene.images), None, Options())
    cells = [f"{kind:<28}", f"{gathered:7.2f}", f"{solving:7.2f}", f"{total:7.2f}"]
    cells.append(f"{judge.relative(ours):8.2f}")
    for expand in (False, True) if full else (False,):
        theirs = make_correctors(scene)
        try:
            seconds, _ = timed(stock.relative_align, theirs, expand_refcat=expand)
        except stock.TweakregError:
            cells.append("   failed")
            continue
        cells += [f"{seconds:9.1f}", f"{judge.relative(theirs):8.1f}"]
        cells += [f"{seconds / (gathered + solving):8.0f}", f"{seconds / total:7.1f}"]
    print(" ".join(cells), flush=True)


def growth(sizes: tuple[int, ...]) -> None:
    """Time and memory of the solution alone, for mosaics of more and more groups."""
    print("\nThe solution alone, square mosaics of 500 sources a group")
    print(
        f"{'groups':>7} {'detections':>11} {'seconds':>8} {'aligned':>8} {'peak memory [GB]':>17}"
    )
    counts, seconds = [], []
    for groups in sizes:
        side = int(np.ceil(np.sqrt(groups)))
        centres = sky.layout("mosaic", side)[:groups]
        setup = sky.Setup(centres=centres, density=500.0 / 64.0**2)  # fields of 64 arcsec
        scene = sky.make_scene(setup, seed=1)
        taken, solution = timed(solve_jointly, scene.detections, len(centres), None, Options())
        counts.append(len(scene.detections))
        seconds.append(taken)
        aligned = sum(status is GroupStatus.ALIGNED for status in solution.groups.status)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{len(centres):7d} {counts[-1]:11d} {taken:8.2f} {aligned:8d} {memory:17.2f}",
            flush=True,
        )
    exponent = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    logarithmic = np.polyfit(np.log(counts), np.log(np.array(counts) * np.log(counts)), 1)[0]
    print(f"time ~ detections^{exponent:.2f};  N log N over this range is N^{logarithmic:.2f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slowest stock runs")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    print(
        "Seconds: reading catalogs, solving, all with writing the WCS; error [mas]. Then stcal\n"
        "with expand_refcat off and on: seconds, error, how many times slower than reading and\n"
        "solving, and than all."
    )
    for kind in (
        "4 dithers",
        "36 dithers",
        "6x6 mosaic, 20 % overlap",
        "12x12 mosaic, 20 % overlap",
    ):
        against_stcal(kind, full=not quick and not kind.startswith("12"))
    growth((10, 30, 100, 300, 1000))


if __name__ == "__main__":
    main()
