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
from tables import publish

from tweakreg_step import relative_align
from tweakreg_step.alignment import solve_jointly
from tweakreg_step.core.images import Groups
from tweakreg_step.core.options import Options
from tweakreg_step.core.outcome import Code
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.simulate import sky

SLOWER = ("times slower than read + solve", "than all")
HEADER = (
    "scene", "read [s]", "solve [s]", "all [s]", "error [mas]", "stcal [s]", "its error [mas]",
    *SLOWER, "stcal, expand_refcat [s]", "its error [mas]", *SLOWER,
)  # fmt: skip
GROWTH = ("groups", "detections", "seconds", "aligned", "peak memory [GB]")


def timed(function: Any, *arguments: Any, **options: Any) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return time.perf_counter() - start, result


def read(correctors: list[Any]) -> Any:
    """The detections of all catalogs on the sky."""
    return gather(Groups.of(images_of(correctors)))


def against_stcal(kind: str, *, full: bool) -> tuple[str, ...]:
    """One line: the same correctors aligned by both."""
    from stcal.tweakreg import tweakreg as stock  # noqa: PLC0415 - not everywhere installed

    scene = make_scene(kind, seed=1)
    judge = make_judge(scene, "rshift", reference=False)
    ours = make_correctors(scene)
    total, _ = timed(relative_align, ours)
    gathered, detections = timed(read, make_correctors(scene))
    solving, _ = timed(solve_jointly, detections, len(scene.images), None, Options())
    cells = [kind, f"{gathered:.2f}", f"{solving:.2f}", f"{total:.2f}"]
    cells.append(f"{judge.relative(ours):.2f}")
    for expand in (False, True) if full else (False,):
        theirs = make_correctors(scene)
        try:
            seconds, _ = timed(stock.relative_align, theirs, expand_refcat=expand)
        except stock.TweakregError:
            cells += ["failed", "", "", ""]
            continue
        cells += [f"{seconds:.1f}", f"{judge.relative(theirs):.1f}"]
        cells += [f"{seconds / (gathered + solving):.0f}", f"{seconds / total:.1f}"]
    print(*cells, sep="  ", flush=True)
    return (*cells, *[""] * (len(HEADER) - len(cells)))


def growth(sizes: tuple[int, ...]) -> tuple[list[tuple[str, ...]], str]:
    """Lines with time and memory of the solution alone for square mosaics, and their law."""
    rows: list[tuple[str, ...]] = []
    counts, seconds = [], []
    for groups in sizes:
        side = int(np.ceil(np.sqrt(groups)))
        centres = sky.layout("mosaic", side)[:groups]
        setup = sky.Setup(centres=centres, density=500.0 / 64.0**2)  # fields of 64 arcsec
        scene = sky.make_scene(setup, seed=1)
        taken, solution = timed(solve_jointly, scene.detections, len(centres), None, Options())
        counts.append(len(scene.detections))
        seconds.append(taken)
        aligned = sum(status is Code.ALIGNED for status in solution.groups.status)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append(
            (f"{len(centres)}", f"{counts[-1]:,}", f"{taken:.2f}", f"{aligned}", f"{memory:.2f}")
        )
    exponent = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    logarithmic = np.polyfit(np.log(counts), np.log(np.array(counts) * np.log(counts)), 1)[0]
    law = (
        f"Fitted: time ~ detections^{exponent:.2f}; N log N over this range is N^{logarithmic:.2f}."
    )
    return rows, law


def main() -> None:
    """Print and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the slowest stock runs")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    kinds = "4 dithers", "36 dithers", "6x6 mosaic, 20 % overlap", "12x12 mosaic, 20 % overlap"
    rows = [against_stcal(kind, full=not quick and not kind.startswith("12")) for kind in kinds]
    publish(__file__, "align", (HEADER, rows), write=not quick)
    rows, law = growth((10, 30, 100, 300, 1000))
    publish(__file__, "align_growth", (GROWTH, rows), law, write=not quick)


if __name__ == "__main__":
    main()
