"""What images move by themselves beside motions of their detectors: which of the two is chosen.

Run as ``python benchmarks/own_motions.py [scenes]``. Exposures of six detectors, or of two,
dithered by some arcseconds. Images move by themselves, or detectors do in all exposures: in how
many scenes motions of detectors are chosen, allowing for images that move by themselves and not,
and, with a reference, the width of errors over claims at centres and corners of the images.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from tables import publish

from tweakreg_step.alignment import solve_jointly
from tweakreg_step.alignment.solver.motions import detector_motion
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import directions, frames_of, from_plane, ra_dec
from tweakreg_step.simulate.image_pulls import image_errors_of
from tweakreg_step.simulate.sky import Setup, layout, make_scene

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 60
SIX = np.array([[x, y] for x in (-70.0, 0.0, 70.0) for y in (-35.0, 35.0)])
TWO = np.array([[-35.0, 0.0], [35.0, 0.0]])
OPTIONS = Options(detector_motion="auto", minobj=6, abs_minobj=6)


@dataclass(frozen=True)
class Case:
    """A kind of scene: how it is drawn, and what each image moves by itself per axis [mas]."""

    setup: Setup
    own: float = 0.0


def _rigid(exposures: int, reference: float = 0.3) -> Setup:
    centres = layout("stack", exposures)
    return Setup(centres, detectors=SIX, density=0.01, reference_fraction=reference)


CASES = {
    **{
        f"images, {own:g} mas, {exposures} exposures": Case(_rigid(exposures), own)
        for own in (0.5, 1.0, 1.5)
        for exposures in (2, 3, 4)
    },
    **{
        f"images, {own:g} mas, {exposures} exposures, no reference": Case(
            _rigid(exposures, 0.0), own
        )
        for own in (0.5, 1.0, 1.5)
        for exposures in (2, 4)
    },
    "nothing, 4 exposures": Case(_rigid(4)),
    "two detectors, 4 mas and 10 arcsec, 2 exposures": Case(
        Setup(
            10.0 * layout("stack", 2),
            np.array([0.0, 20.0]),
            detectors=TWO,
            density=0.01,
            reference_fraction=0.3,
            motion_shift=0.004,
            motion_roll=10.0,
        )
    ),
    "six detectors, 5 mas and 5 arcsec, 4 exposures": Case(
        replace(_rigid(4), motion_shift=0.005, motion_roll=5.0)
    ),
    "the same, and images, 0.5 mas": Case(
        replace(_rigid(4), motion_shift=0.005, motion_roll=5.0), 0.5
    ),
    "six detectors, 0.6 mas and 4 arcsec, 4 exposures": Case(
        replace(_rigid(4), motion_shift=0.0006, motion_roll=4.0)
    ),
}


def solved(case: Case, seed: int) -> tuple[bool, np.ndarray]:
    """Whether motions of detectors were chosen, and errors over claims (I, 5, 2) of the images."""
    scene = make_scene(case.setup, seed)
    found, rng = scene.detections, np.random.default_rng(1000 + seed)
    own = 1e-3 * case.own * rng.standard_normal((int(found.image.max()) + 1, 2))
    frames = frames_of(directions(found.ra, found.dec))
    ra, dec = ra_dec(from_plane(own[found.image], frames))
    moved = replace(found, ra=ra, dec=dec)
    solution = solve_jointly(moved, scene.group_count, scene.reference, OPTIONS)
    motion = solution.motion.geometry != "none"
    if scene.reference is None:
        return motion, np.full((1, 1, 2), np.nan)
    errors, sigma = image_errors_of(scene, case.setup, solution, relative=False)
    # where an image is put is off by what it moves itself
    return motion, (errors + own[:, None]) / sigma


def width(pulls: np.ndarray) -> str:
    """The rms of errors over claims; "-" where there are none."""
    known = pulls[np.isfinite(pulls)]
    return f"{np.sqrt(np.mean(known**2)):.2f}" if len(known) else "-"


def rows(scenes: int) -> Iterator[tuple[str, ...]]:
    """A row for each case."""
    for name, case in CASES.items():
        chosen, pulls = zip(*(solved(case, seed) for seed in range(scenes)), strict=True)
        with patch.object(detector_motion, "_OWN_WIDTHS", np.zeros(0)):
            plain, others = zip(*(solved(case, seed) for seed in range(scenes)), strict=True)
        now, before = (f"{sum(some)} of {scenes}" for some in (chosen, plain))
        row = (name, now, before, *(width(np.concatenate(some)) for some in (pulls, others)))
        print(*row, sep="  ", flush=True)
        yield row


def main(scenes: int) -> None:
    """Print the table, and write it if it is that of the documentation."""
    header = ("what moves", "chosen", "chosen, not allowing", "width", "width, not allowing")
    publish(__file__, "own_motions", (header, list(rows(scenes))), write=scenes == SCENES)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SCENES)
