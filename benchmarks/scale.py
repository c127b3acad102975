"""What thousands of exposures cost: the alignment of their catalogs, and the work on each file.

    python benchmarks/scale.py alignment [--groups 100 300 1000 3000] [--layout mosaic]
    python benchmarks/scale.py alignment --layout stack --groups 100 300 1000
    python benchmarks/scale.py covariance --groups 100 1000 10000
    python benchmarks/scale.py files [--images 8]

Each size of the alignment runs in a process of its own, for its own peak memory. The laws are
fitted to what was measured, in the logarithm; what lies beyond the largest size is marked as
extrapolated.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SOURCES = 500
SIDE = 64.0  # arcsec, of a group's field
BEYOND = (10_000, 100_000)
WHOLE = 3000
"""Groups up to which the whole inverse is made for comparison (650 MB)."""


def one_alignment(groups: int, layout: str) -> None:
    """Print CPU seconds, peak memory [GB] and aligned groups of a mosaic or a stack, as JSON."""
    from tweakreg_step.alignment.joint import solve_jointly  # noqa: PLC0415
    from tweakreg_step.core.options import Options  # noqa: PLC0415 - only in the process
    from tweakreg_step.core.outcome import GroupStatus  # noqa: PLC0415 - only in the process
    from tweakreg_step.simulate import sky  # noqa: PLC0415

    number = int(np.ceil(np.sqrt(groups))) if layout == "mosaic" else groups
    setup = sky.Setup(
        centres=sky.layout(layout, number)[:groups], density=SOURCES / SIDE**2, side=SIDE
    )
    scene = sky.make_scene(setup, seed=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.process_time()  # of one thread: what others do on the machine counts less
    solution = solve_jointly(scene.detections, groups, None, Options())
    print(
        json.dumps(
            {
                "groups": groups,
                "detections": len(scene.detections),
                "seconds": time.process_time() - start,
                "aligned": sum(status is GroupStatus.ALIGNED for status in solution.groups.status),
                "input_gb": before,
                "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            }
        )
    )


def alignment(sizes: list[int], layout: str) -> None:
    """The table of the alignment, and its laws."""
    print(f"{layout}; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'groups':>7} {'detections':>11} {'CPU [s]':>8} {'aligned':>8} {'peak GB':>8}")
    rows: list[dict[str, float]] = []
    for groups in sizes:
        command = [sys.executable, __file__, "one", str(groups), "--layout", layout]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ended.returncode:
            print(f"{groups:7d} failed: {(ended.stderr.strip().splitlines() or ['killed'])[-1]}")
            break
        row = json.loads(ended.stdout)
        rows.append(row)
        print(
            f"{groups:7d} {row['detections']:11d} {row['seconds']:8.1f} {row['aligned']:8d} "
            f"{row['gb']:8.2f}",
            flush=True,
        )
    if len(rows) < 2:
        return
    last = [row for row in rows if row["groups"] >= rows[-1]["groups"] / 10]
    for name in ("seconds", "gb"):
        slope, start = np.polyfit(
            np.log([row["groups"] for row in last]), np.log([row[name] for row in last]), 1
        )
        beyond = [n for n in BEYOND if n > rows[-1]["groups"] and layout == "mosaic"]
        values = [f"{n}: {np.exp(start + slope * np.log(n)):.3g}" for n in beyond]
        law = f"{name} ~ groups^{slope:.2f} over the last decade"
        print("; extrapolated: ".join([law, ", ".join(values)] if values else [law]))


def covariance(sizes: list[int]) -> None:
    """What the entries that are reported cost, beside the whole inverse of the normal matrix."""
    from tweakreg_step.alignment.linalg.selected_inverse import Selected, selected_inverse  # noqa: PLC0415
    from tweakreg_step.alignment.solver.cramer_rao import bound  # noqa: PLC0415 - as above
    from tweakreg_step.simulate import judge, sky  # noqa: PLC0415

    names = ("groups", "selected [s]", "MB", "whole [s]", "MB", "difference")
    print(" ".join(f"{name:>12}" for name in names))
    for groups in sizes:
        centres = sky.layout("mosaic", int(np.ceil(np.sqrt(groups))))[:groups]
        scene = sky.make_scene(sky.Setup(centres, density=0.2 * SOURCES / SIDE**2), seed=1)
        source, _ = judge.true_sources(scene)
        found = bound(
            scene.detections, source, scene.centre.T, "rshift"
        ).parameter_covariance.inverse
        if not isinstance(found, Selected):
            print(f"{groups:12d} is solved with a dense factor")
            continue
        start = time.process_time()
        selected = selected_inverse(found.factor)
        row = [time.process_time() - start, selected.values.nbytes / 1e6]
        if groups <= WHOLE:
            start = time.process_time()
            whole = found.factor.inverse()
            row += [time.process_time() - start, whole.nbytes / 1e6]
            sigma, every = np.sqrt(np.diag(whole)), np.arange(len(whole)).reshape(-1, 3)
            i, j = every[:, :, None] + np.zeros(3, int), every[:, None, :] + np.zeros((3, 1), int)
            error = (selected.entries(i, j) - whole[i, j]) / (sigma[i] * sigma[j])
            row.append(float(np.abs(error).max()))
        print(f"{groups:12d} " + " ".join(f"{value:12.3g}" for value in row), flush=True)


def files(images: int) -> None:
    """Seconds for each image, with one and two worker processes, from files to files."""
    from tweakreg_step import TweakRegStep  # noqa: PLC0415
    from tweakreg_step.simulate import simulate_mosaic  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as home:
        truth = simulate_mosaic(
            Path(home) / "input", seed=3, tiles=(1, 1), dithers=images, stars_per_image=200
        )
        runs = [("one process", {}), ("two workers", {"n_workers": 2})]
        runs += [("two workers, resumed", {"n_workers": 2, "resume": True})]
        print(f"{images} images of 2048 x 2048; load of the machine {os.getloadavg()[0]:.1f}")
        names = ("wall", "sources", "alignment", "wall/image", "CPU/image")
        print(f"{'[s]':<22} " + " ".join(f"{name:>10}" for name in names))
        for name, options in runs:
            start, before = time.perf_counter(), sum(os.times()[:4])
            TweakRegStep.call(
                str(truth.association),
                save_results=True,
                save_catalogs=True,
                output_dir=str(Path(home) / "out"),
                configure_log=False,
                **options,
            )
            taken = time.perf_counter() - start
            # what workers spend is counted nowhere that their caller sees
            worked = "-" if options else f"{(sum(os.times()[:4]) - before) / images:.2f}"
            report = json.loads((Path(home) / "out" / "mosaic_tweakreg.json").read_text())
            stages = {stage["name"]: stage["seconds"] for stage in report["stages"]}
            print(
                f"{name:<22} {taken:10.1f} {stages['sources']:10.1f} {stages['alignment']:10.1f} "
                f"{taken / images:10.2f} {worked:>10}",
                flush=True,
            )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("alignment", "covariance", "files", "one"))
    parser.add_argument("number", type=int, nargs="?")
    parser.add_argument("--groups", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--layout", choices=("mosaic", "stack"), default="mosaic")
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    if options.what == "one":
        one_alignment(options.number, options.layout)
    elif options.what == "alignment":
        alignment(options.groups, options.layout)
    elif options.what == "covariance":
        covariance(options.groups)
    else:
        files(options.images)


if __name__ == "__main__":
    main()
