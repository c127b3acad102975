"""What thousands of exposures cost: the alignment of their catalogs, and the work on each file.

    python benchmarks/scale.py mosaics [--groups 100 300 1000 3000 10000]
    python benchmarks/scale.py stacks [--groups 100 300 1000 3000]
    python benchmarks/scale.py cameras [--groups 4 16 100]
    python benchmarks/scale.py covariance [--groups 300 1000 3000 10000]
    python benchmarks/scale.py files [--images 36]

Each size of the alignment runs in a process of its own, for its own peak memory. The laws are
fitted to what was measured, in the logarithm; what lies beyond the largest size is marked as
extrapolated.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tables import publish

if TYPE_CHECKING:
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.simulate.sky import Setup

SOURCES = 500
SIDE = 64.0  # arcsec, of a group's field
BEYOND = (10_000, 100_000)
SIZES = {
    "mosaics": [100, 300, 1000, 3000, 10_000],
    "stacks": [100, 300, 1000, 3000],
    "cameras": [4, 16, 100],
    "covariance": [300, 1000, 3000, 10_000],
}
CAMERA = {"side": 450.0, "sources": 2000, "gap": 40.0}
"""Roman's eighteen detectors: arcsec, sources of each, arcsec between them."""

WHOLE = 3000
"""Groups up to which the whole inverse is made for comparison (650 MB)."""


def one_alignment(groups: int, layout: str) -> None:
    """Print CPU seconds, peak memory [GB] and aligned groups of a scene, as JSON."""
    from tweakreg_step.alignment.joint import solve_jointly  # noqa: PLC0415
    from tweakreg_step.core.memory import give_back_arrays  # noqa: PLC0415 - only in the process
    from tweakreg_step.core.options import Options  # noqa: PLC0415 - only in the process
    from tweakreg_step.core.outcome import Code  # noqa: PLC0415 - only in the process
    from tweakreg_step.simulate import sky  # noqa: PLC0415

    give_back_arrays()  # as the step does
    number = int(np.ceil(np.sqrt(groups))) if layout == "mosaics" else groups
    options = Options()
    if layout == "cameras":
        setup, options = cameras(groups), Options(detector_motion="auto")
    else:
        setup = sky.Setup(
            centres=sky.layout(layout.removesuffix("s"), number)[:groups],
            density=SOURCES / SIDE**2,
            side=SIDE,
        )
    # simulated elsewhere: what that leaves behind is no memory of the alignment
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as other:
        detections = other.submit(detections_of, setup).result()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.process_time()  # of one thread: what others do on the machine counts less
    solution = solve_jointly(detections, groups, None, options)
    print(
        json.dumps(
            {
                "groups": groups,
                "detections": len(detections),
                "seconds": time.process_time() - start,
                "aligned": sum(status is Code.ALIGNED for status in solution.groups.status),
                "input_gb": before,
                "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            }
        )
    )


def detections_of(setup: Setup) -> Detections:
    """The detections of a simulated scene."""
    from tweakreg_step.simulate import sky  # noqa: PLC0415 - only in the process

    return sky.make_scene(setup, seed=1).detections


def cameras(exposures: int) -> Setup:
    """Dithers of eighteen detectors that are off by some mas, each as in all exposures."""
    from tweakreg_step.simulate import sky  # noqa: PLC0415 - only in the process

    side, step = CAMERA["side"], CAMERA["side"] + CAMERA["gap"]
    x, y = np.meshgrid(step * (np.arange(6) - 2.5), step * (np.arange(3) - 1.0))
    return sky.Setup(
        centres=sky.layout("stack", exposures, side=side),
        density=CAMERA["sources"] / 0.8 / side**2,  # a fifth is missing
        side=side,
        detectors=np.stack([x.ravel(), y.ravel()], axis=1),
        motion_shift=0.010,
        motion_roll=10.0,
        motion_scale=3e-5,
    )


def alignment(sizes: list[int], layout: str, *, write: bool) -> None:
    """The table of the alignment, and its laws."""
    rows: list[dict[str, float]] = []
    for groups in sizes:
        command = [sys.executable, __file__, "one", str(groups), "--layout", layout]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ended.returncode:
            print(f"{groups:7d} failed: {(ended.stderr.strip().splitlines() or ['killed'])[-1]}")
            break
        row = json.loads(ended.stdout)
        rows.append(row)
        print(row, flush=True)
    cells = [
        (f"{r['groups']:,}", f"{r['detections']:,}", f"{r['seconds']:.1f}", f"{r['aligned']:,}",
         f"{r['gb']:.2f}")
        for r in rows
    ]  # fmt: skip
    head = ("groups", "detections", "processor [s]", "aligned", "peak [GB]")
    publish(__file__, f"scale_{layout}", (head, cells), laws(rows, layout), write=write)


def laws(rows: list[dict[str, float]], layout: str) -> str:
    """How time and memory grow over the last decade, and where that leads (mosaics)."""
    said = []
    last = [row for row in rows if row["groups"] >= rows[-1]["groups"] / 10]
    for name, key in (("seconds", "seconds"), ("GB", "gb")):
        slope, start = np.polyfit(
            np.log([row["groups"] for row in last]), np.log([row[key] for row in last]), 1
        )
        law = f"{name} ~ groups^{slope:.2f} over the last decade"
        for n in BEYOND:
            if n > rows[-1]["groups"] and layout == "mosaics":
                value = float(f"{np.exp(start + slope * np.log(n)):.2g}")
                law += f", extrapolated to {n:,} groups: {value:,.0f}"
        said.append(law)
    return "; ".join(said) + "."


def covariance(sizes: list[int], *, write: bool) -> None:
    """What the entries that are reported cost, beside the whole inverse of the normal matrix."""
    from tweakreg_step.alignment.linalg.selected_inverse import Selected, selected_inverse  # noqa: PLC0415
    from tweakreg_step.alignment.solver.cramer_rao import bound  # noqa: PLC0415 - as above
    from tweakreg_step.simulate import judge, sky  # noqa: PLC0415

    head = ("groups", "selected [s]", "[MB]", "whole [s]", "[MB]", "difference")
    rows: list[tuple[str, ...]] = []
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
        cells = [f"{value:.2g}" if value < 100 else f"{value:.0f}" for value in row]
        if groups > WHOLE:
            cells += ["not run", f"{8.0 * (3 * groups) ** 2 / 1e6:.0f}", ""]
        rows.append((f"{groups:,}", *cells))
        print(*rows[-1], sep="  ", flush=True)
    publish(__file__, "scale_covariance", (head, rows), write=write)


def files(images: int, *, write: bool) -> None:
    """Seconds for each image, with one and two worker processes, from files to files."""
    from tweakreg_step import TweakRegStep  # noqa: PLC0415
    from tweakreg_step.simulate import simulate_mosaic  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as home:
        truth = simulate_mosaic(
            Path(home) / "input", seed=3, tiles=(1, 1), dithers=images, stars_per_image=200
        )
        runs = [("one process", {}), ("two workers", {"n_workers": 2})]
        runs += [("two workers, resumed", {"n_workers": 2, "resume": True})]
        head = ("run", "all", "finding", "alignment", "wall, per image", "processor, per image")
        rows: list[tuple[str, ...]] = []
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
            worked = "" if options else f"{(sum(os.times()[:4]) - before) / images:.2f}"
            report = json.loads((Path(home) / "out" / "mosaic_tweakreg.json").read_text())
            stages = {stage["name"]: stage["seconds"] for stage in report["stages"]}
            spent = taken, stages["sources"], stages["alignment"]
            rows.append((name, *(f"{s:.1f}" for s in spent), f"{taken / images:.2f}", worked))
    publish(__file__, "scale_files", (head, rows), write=write)


def main() -> None:
    """Print and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=(*SIZES, "files", "one"))
    parser.add_argument("number", type=int, nargs="?")
    parser.add_argument("--groups", type=int, nargs="+")
    parser.add_argument("--layout", choices=("mosaics", "stacks", "cameras"), help="of 'one'")
    parser.add_argument("--images", type=int, default=36)
    options = parser.parse_args()
    write = options == parser.parse_args([options.what])
    sizes = options.groups or SIZES.get(options.what, [])
    if options.what == "one":
        one_alignment(options.number, options.layout)
    elif options.what == "files":
        files(options.images, write=write)
    elif options.what == "covariance":
        covariance(sizes, write=write)
    else:
        alignment(sizes, options.what, write=write)


if __name__ == "__main__":
    main()
