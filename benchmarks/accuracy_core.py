"""Accuracy of the alignment alone, on catalogs with known truth, against the Cramer-Rao bound.

    python benchmarks/accuracy_core.py [seeds]

prints, for each scene, geometry, spurious fraction and with and without a reference: rms error,
bound, their ratio, the square of the errors in units of the bound's covariance (1 at the bound)
with its scatter, chi2 / dof, and the seconds that a solution took.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from tweakreg_step.alignment.joint import solve_jointly
from tweakreg_step.core.options import Options
from tweakreg_step.simulate.judge import judge
from tweakreg_step.simulate.sky import Setup, layout, make_scene

SCENES = {
    "stack of 6": layout("stack", 6),
    "3x3, 20 %": layout("mosaic", 3, 0.2),
    "3x3, 50 %": layout("mosaic", 3, 0.5),
    "strip of 6, 20 %": layout("strip", 6, 0.2),
}


def row(name: str, geometry: str, spurious: float, reference: float, seeds: int) -> str:
    judged, chi2, dof, seconds = [], 0.0, 0.0, 0.0
    for seed in range(seeds):
        # true motions as wide as the prior expects, so that the bound, prior included, is exact
        setup = Setup(
            SCENES[name],
            geometry=geometry,
            spread=0.5,
            spurious=spurious,
            roll=100.0,
            scale=1e-4,
            reference_fraction=reference,
            reference_sigma=0.003,
        )
        scene = make_scene(setup, seed)
        start = time.perf_counter()
        options = Options(fitgeometry=geometry, minobj=6)
        solution = solve_jointly(scene.detections, scene.group_count, scene.reference, options)
        seconds += time.perf_counter() - start
        judged.append(judge(scene, solution))
        chi2, dof = chi2 + solution.groups.chi2.sum(), dof + solution.groups.dof.sum()
    rms = np.sqrt(np.mean([j.rms_mas**2 for j in judged]))
    best = np.sqrt(np.mean([j.bound_mas**2 for j in judged]))
    mean = np.mean([j.normalised for j in judged])
    scatter = np.sqrt(2.0 / sum(j.rank for j in judged))
    return (
        f"{name:18}{geometry:9}{spurious:6.0%}{reference:6.0%}{rms:9.3f}{best:9.3f}"
        f"{rms / best:9.3f}{mean:9.3f}{scatter:9.3f}{chi2 / dof:9.3f}{seconds / seeds:9.3f}"
    )


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    heads = ("rms", "bound", "ratio", "square", "scatter", "chi2", "time")
    print(f"{'scene':18}{'geometry':9}{'spur':>6}{'ref':>6}" + "".join(f"{h:>9}" for h in heads))
    for reference in (0.0, 0.3):
        for spurious in (0.0, 0.3):
            for name in SCENES:
                for geometry in ("shift", "rshift", "rscale", "general"):
                    print(row(name, geometry, spurious, reference, seeds), flush=True)


if __name__ == "__main__":
    main()
