"""Positions of sources that are no stars: two exposures of one sky, which differ by their noise.

Images of 1024 x 1024 pixels with 300 stars and 300 lumpy, elongated galaxies, cosmic rays and bad
pixels; sources that can be aligned are compared between two exposures at the same pixel phase.
"Without" is the part of what was measured for which the steps led nowhere; "pull" is the difference
along the worse axis over its error: the rms of the larger of two normal deviates is 1.28. The ways
are steps with the derivatives of the expected star alone, and its errors; exact steps after the
first ones; and, as is, also errors that are those of the image where it is flatter than a star.

    python benchmarks/galaxies.py [--seeds 5]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from scipy.spatial import KDTree
from tables import publish

from tweakreg_step.catalogs.source_catalogs import alignable
from tweakreg_step.core.sources import Pixels, Sources
from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.simulate import Defects, Noise, Psf, observe, star_image
from tweakreg_step.sources import centroid, measure
from tweakreg_step.sources.detect import find_sources

SIDE, STARS, GALAXIES, HALF = 1024, 300, 300, 20
NEAR = 3.0  # pixels
WAYS = {
    "expected steps": {"ROUNDS": 20, "EXPECTED_ROUNDS": 20, "FLATTEST": -1.0, "FLATTER": 0.0},
    "exact steps": {"FLATTEST": -1.0, "FLATTER": 0.0},
    "as is": {},
}
HEADER = (
    "way",
    "without [%]",
    "matched",
    "pulls above 5",
    "above 20",
    "rms of others",
    "ms an image",
)


def galaxy(rng: np.random.Generator, dx: float, dy: float) -> np.ndarray:
    """An exponential disk with three lumps, total 1, off the middle of a square by (dx, dy)."""
    rows, columns = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    turn, axes, size = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0), rng.uniform(2.0, 4.0)
    u = (columns - dx) * np.cos(turn) + (rows - dy) * np.sin(turn)
    v = (rows - dy) * np.cos(turn) - (columns - dx) * np.sin(turn)
    image = np.exp(-1.5 * np.hypot(u, v / axes) / size)
    for a, b in rng.normal(0.0, size, (3, 2)):
        image += 0.4 * np.exp(-0.5 * ((u - a) ** 2 + (v - b) ** 2))
    return np.asarray(image / image.sum())


def sky(seed: int) -> np.ndarray:
    """Stars and galaxies without noise."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SIDE - 1, (2, STARS))
    image = star_image(x, y, 10 ** rng.uniform(0.5, 3.2, STARS), (SIDE, SIDE), Psf())
    for x0, y0 in rng.uniform(HALF + 1, SIDE - HALF - 1, (GALAXIES, 2)):
        column, row = round(x0), round(y0)
        place = np.s_[row - HALF : row + HALF + 1, column - HALF : column + HALF + 1]
        image[place] += 10 ** rng.uniform(1.0, 2.5) * galaxy(rng, x0 - column, y0 - row)
    return image


def found(image: np.ndarray, seed: int, exposure: int) -> Sources:
    """What can be aligned in one exposure of a sky."""
    seen = observe(image, Noise(), Defects(), seed=(seed, exposure))
    dq = np.asarray(seen.dq)
    pixels = Pixels(seen.data, seen.err, mask=(dq & 1) != 0, saturated=(dq & 2) != 0)
    finder = FinderParameters(brightest=3000)
    return alignable(find_sources(pixels, "sep", finder, SegmentationParameters(), 1.84).sources)


def pulls(one: Sources, other: Sources) -> np.ndarray:
    """Of the sources that both have (n,)."""
    distance, index = KDTree(np.stack([other.x, other.y], axis=1)).query(
        np.stack([one.x, one.y], axis=1), distance_upper_bound=NEAR
    )
    one, other = one[np.isfinite(distance)], other[index[np.isfinite(distance)]]
    along_x = (one.x - other.x) / np.hypot(one.x_err, other.x_err)
    along_y = (one.y - other.y) / np.hypot(one.y_err, other.y_err)
    return np.where(np.abs(along_x) > np.abs(along_y), along_x, along_y)


def row(way: str, seeds: int) -> tuple[str, ...]:
    """A line of the table: means of all pairs."""
    solved: list[np.ndarray] = []

    def watched(*arguments: Any) -> centroid.Centroids:
        result = centroid.centroids(*arguments)
        solved.append(result.solved)
        return result

    measure.centroids = watched
    before = {name: getattr(centroid, name) for name in WAYS[way]}
    for name, value in WAYS[way].items():
        setattr(centroid, name, value)
    spent, parts = 0.0, []
    for seed in range(seeds):
        image = sky(seed)
        start = time.process_time()
        pair = [found(image, seed, exposure) for exposure in (0, 1)]
        spent += time.process_time() - start
        parts.append(pulls(*pair))
    for name, value in before.items():
        setattr(centroid, name, value)
    measure.centroids = centroid.centroids
    every = np.abs(np.concatenate(parts))
    return (
        way,
        f"{100.0 * np.mean(~np.concatenate(solved)):.1f}",
        f"{len(every) / seeds:.0f}",
        f"{np.sum(every > 5) / seeds:.1f}",
        f"{np.sum(every > 20) / seeds:.1f}",
        f"{np.sqrt(np.mean(every[every < 5] ** 2)):.2f}",
        f"{1000.0 * spent / (2 * seeds):.0f}",
    )


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    rows = [row(way, chosen.seeds) for way in WAYS]
    publish(__file__, "galaxies", (HEADER, rows), write=chosen == parser.parse_args([]))


if __name__ == "__main__":
    main()
