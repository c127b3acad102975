"""How good the alignment is: against the truth, the Cramer-Rao bound and stcal, over many scenes.

Errors are rms distances on the sky over all images of all seeds [mas]. That of stcal on the same
scenes is a table of its own: it takes hours, and needs the environment of the stock pipeline
(``make bench-accuracy``). With fewer seeds it only prints.

    python benchmarks/accuracy.py [--seeds 20] [--stcal]
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
CASE = ("scene", "geometry", "spurious", "reference")
HEADER = (*CASE, "rms", "bound", "ratio")
STCAL = (*CASE, "rms", "median")


def ours(scene: Scene, geometry: str, *, reference: bool) -> list[Any]:
    """Correctors aligned by this package."""
    correctors = make_correctors(scene)
    if not reference:
        return relative_align(correctors, fitgeometry=geometry)
    # some of the scenes have fewer than the 15 different stars that are asked for by default
    return absolute_align(correctors, scene.reference, abs_fitgeometry=geometry, abs_minobj=6)


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


def rows_of(kind: str, spurious: float, *, seeds: int, stcal: bool) -> list[tuple[str, ...]]:
    """The rows of one scene: each geometry, without and with a reference."""
    cases = [(geometry, reference) for geometry in GEOMETRIES for reference in (False, True)]
    found: dict[Any, list[tuple[float, float]]] = {case: [] for case in cases}
    for seed in range(seeds):
        drawn = {
            # a shift can't be better than a few mas where there is roll
            roll: make_scene(kind, seed, missing=0.2 * (spurious > 0), spurious=spurious, roll=roll)
            for roll in (0.0, 100.0)
        }
        trues = {roll: make_correctors(scene, true=True) for roll, scene in drawn.items()}
        for geometry, reference in cases:
            scene, true = (d[0.0 if geometry == "shift" else 100.0] for d in (drawn, trues))
            judge = make_judge(scene, geometry, reference=reference, true=true)
            if stcal and reference:  # both errors come from one run
                pair = stock(scene, geometry, judge)
                for each, value in zip((False, True), pair, strict=True):
                    found[geometry, each].append((value, np.nan))
            elif not stcal:
                value = error(
                    judge, ours(scene, geometry, reference=reference), reference=reference
                )
                limit = judge.absolute_bound if reference else judge.relative_bound
                found[geometry, reference].append((value, limit))
    share = f"{100 * spurious:.0f} %"
    cells = _of_stcal if stcal else _cells
    return [
        (kind, geometry, share, "yes" if reference else "no", *cells(np.array(values)))
        for (geometry, reference), values in found.items()
    ]


def _cells(found: np.ndarray) -> tuple[str, ...]:
    rms, limit = np.sqrt(np.mean(found**2, axis=0))
    return f"{rms:.3f}", f"{limit:.3f}", f"{rms / limit:.3f}"


def _of_stcal(found: np.ndarray) -> tuple[str, ...]:
    # the median as well: where stcal leaves images unaligned, one seed makes the rms what it likes
    return f"{np.sqrt(np.mean(found[:, 0] ** 2)):.1f}", f"{np.median(found[:, 0]):.1f}"


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--stcal", action="store_true", help="the errors of stcal instead")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for kind in KINDS:
        for spurious in (0.0, 0.3):
            for row in rows_of(kind, spurious, seeds=arguments.seeds, stcal=arguments.stcal):
                rows.append(row)
                print(*row, sep="  ", flush=True)
    name, header = ("accuracy_stcal", STCAL) if arguments.stcal else ("accuracy", HEADER)
    publish(__file__, name, (header, rows), write=arguments.seeds == parser.get_default("seeds"))


if __name__ == "__main__":
    main()
