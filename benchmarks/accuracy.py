"""How good the alignment is: against the truth, the Cramer-Rao bound and stcal, over many scenes.

Run it in the environment of the stock pipeline (``make bench-accuracy``): stcal must be installed
for its column. Errors are rms distances on the sky over all images of all seeds [mas]. It takes
hours, most of them for stcal; with fewer seeds it only prints.

    python benchmarks/accuracy.py [--seeds 20] [--stock-seeds 5]
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scenes import Judge, Scene, make_correctors, make_judge, make_scene
from tables import publish

from tweakreg_step import absolute_align, relative_align
from tweakreg_step.parameters.stages import GEOMETRIES

KINDS = (
    "8 dithers",
    "3x3 mosaic, 20 % overlap",
    "3x3 mosaic, 50 % overlap",
    "strip of 8, 30 % overlap",
)
HEADER = (
    "scene", "geometry", "spurious", "reference", "rms", "bound", "ratio", "stcal, rms",
    "stcal, median",
)  # fmt: skip


def ours(scene: Scene, geometry: str, *, reference: bool) -> list[Any]:
    """Correctors aligned by this package."""
    correctors = make_correctors(scene)
    if not reference:
        return relative_align(correctors, fitgeometry=geometry)
    return absolute_align(correctors, scene.reference, abs_fitgeometry=geometry)


def stock(scene: Scene, geometry: str, judge: Judge) -> tuple[float, float]:
    """Errors [mas] of stcal's relative alignment, and of its absolute one after that.

    It gets the catalogs as it wants them.
    """
    from stcal.tweakreg import tweakreg  # noqa: PLC0415 - not everywhere installed

    correctors = make_correctors(scene)
    tweakreg.relative_align(correctors, fitgeometry=geometry, expand_refcat=True)
    relative = judge.relative(correctors)
    path = Path("reference.ecsv")
    scene.reference.write(path, overwrite=True)
    first = correctors[0]
    tweakreg.absolute_align(correctors, str(path), first.wcs, first.ref_angles, 2023.0)
    path.unlink()
    return relative, judge.absolute(correctors)


def error(judge: Judge, correctors: list[Any], *, reference: bool) -> float:
    """Of one scene [mas]."""
    return judge.absolute(correctors) if reference else judge.relative(correctors)


def rows_of(kind: str, spurious: float, *, seeds: int, stock_seeds: int) -> list[tuple[str, ...]]:
    """The rows of one scene: each geometry, without and with a reference."""
    cases = [(geometry, reference) for geometry in GEOMETRIES for reference in (False, True)]
    found: dict[Any, list[float]] = {case: [] for case in cases}
    limits: dict[Any, list[float]] = {case: [] for case in cases}
    stocks: dict[Any, list[float]] = {case: [] for case in cases}
    for seed in range(seeds):
        drawn = {
            # a shift can't be better than a few mas where there is roll
            roll: make_scene(kind, seed, missing=0.2 * (spurious > 0), spurious=spurious, roll=roll)
            for roll in (0.0, 100.0)
        }
        trues = {roll: make_correctors(scene, true=True) for roll, scene in drawn.items()}
        for geometry, reference in cases:
            case = geometry, reference
            scene, true = (d[0.0 if geometry == "shift" else 100.0] for d in (drawn, trues))
            judge = make_judge(scene, geometry, reference=reference, true=true)
            result = ours(scene, geometry, reference=reference)
            found[case].append(error(judge, result, reference=reference))
            limits[case].append(judge.absolute_bound if reference else judge.relative_bound)
            if reference and seed < stock_seeds:  # both errors come from one run
                pair = stock(scene, geometry, judge)
                for each, value in zip((False, True), pair, strict=True):
                    stocks[geometry, each].append(value)
    share = f"{100 * spurious:.0f} %"
    return [
        (kind, geometry, share, "yes" if reference else "no", *_cells(*lists))
        for (geometry, reference), lists in zip(
            cases, zip(found.values(), limits.values(), stocks.values(), strict=True), strict=True
        )
    ]


def _cells(found: list[float], limits: list[float], stocks: list[float]) -> tuple[str, ...]:
    rms, limit = (float(np.sqrt(np.mean(np.square(values)))) for values in (found, limits))
    # the median as well: where stcal leaves images unaligned, one seed makes the rms what it likes
    theirs = (np.sqrt(np.mean(np.square(stocks))), np.median(stocks)) if stocks else ()
    cells = [f"{value:.1f}" for value in theirs] or ["", ""]
    return f"{rms:.3f}", f"{limit:.3f}", f"{rms / limit:.3f}", *cells


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--stock-seeds", type=int, default=5, help="stcal is slow")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for kind in KINDS:
        for spurious in (0.0, 0.3):
            for row in rows_of(
                kind, spurious, seeds=arguments.seeds, stock_seeds=arguments.stock_seeds
            ):
                rows.append(row)
                print(
                    f"{row[0]:<26} {row[1]:<8} {row[2]:>5} {row[3]:>4} "
                    + " ".join(f"{cell:>8}" for cell in row[4:]),
                    flush=True,
                )
    publish(__file__, "accuracy", (HEADER, rows), write=arguments == parser.parse_args([]))


if __name__ == "__main__":
    main()
