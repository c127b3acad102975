"""How the steps of the centroids end: with the derivatives of the expected star alone, and as is.

One simulated exposure of 2048 x 2048 pixels with stars, galaxies, cosmic rays and bad pixels; all
that the finder finds is measured. Sources without a position are those whose steps are still longer
than 1e-6 pixel after the last round, and some that went too far; all passes over the stamps count.

    python benchmarks/newton_steps.py
"""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from stdatamodels.jwst import datamodels

from tweakreg_step import centroid, measure
from tweakreg_step.detect import find_sources
from tweakreg_step.simulate import simulate_mosaic
from tweakreg_step.stages import FinderParameters, SegmentationParameters
from tweakreg_step.telescopes.jwst import JWST

WAYS = {
    "derivatives of the expected star, 20 rounds": (20, 20),
    f"as is, {centroid.ROUNDS} rounds": (centroid.ROUNDS, centroid.EXPECTED_ROUNDS),
}


def main() -> None:
    """Print one line for each way."""
    warnings.simplefilter("ignore")
    solved: list[np.ndarray] = []

    def watched(*arguments: Any) -> centroid.Centroids:
        found = centroid.centroids(*arguments)
        solved.append(found.solved)
        return found

    measure.centroids = watched
    with tempfile.TemporaryDirectory() as name:
        truth = simulate_mosaic(Path(name), seed=7, tiles=(1, 1), dithers=1)
        telescope, model = JWST(), datamodels.open(truth.files[0])
        pixels, width = telescope.pixels(model), telescope.fwhm(model)
        for way, (rounds, expected) in WAYS.items():
            centroid.ROUNDS, centroid.EXPECTED_ROUNDS = rounds, expected
            solved.clear()
            start = time.process_time()
            find_sources(pixels, "sep", FinderParameters(), SegmentationParameters(), width)
            spent = 1000.0 * (time.process_time() - start)
            left = np.mean(~np.concatenate(solved))
            print(f"{way:45s} no position {left:6.1%}, finding takes {spent:.0f} ms")
        model.close()


if __name__ == "__main__":
    main()
