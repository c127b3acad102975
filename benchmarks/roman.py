"""Romancal's step and this one side by side, on the same Roman exposures and catalogs.

Run as ``python benchmarks/roman.py [seeds]`` in an environment that has romancal (``make
bench-roman``). Both get the same files, which name the same catalogs of sources with errors of 0.02
pixel, and the same reference catalog. The bound is that of the scene (``benchmarks/fisher.py``). On
pixels, romancal needs reference files for its own catalogs, so that only this step has that line.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["STPIPE_DISABLE_CRDS_STEPPARS"] = "true"

import numpy as np
from astropy.table import Table
from fisher import Sightings, catalog_errors, smallest_errors
from roman_datamodels import datamodels
from tables import publish

from tweakreg_step import TweakRegStep
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import (
    Psf,
    Truth,
    pixel_of,
    simulate_mosaic,
    true_wcs,
    truth_error,
)
from tweakreg_step.simulate.mosaic import Mosaic, mosaic_images, mosaic_stars
from tweakreg_step.simulate.truth import pixel_grid

SEEDS = 20
CENTROID = 0.02
"""Error of positions in catalogs [pixels]."""

REFERENCE = 1.0
"""Error of the reference catalog per axis [mas]."""

SCALE = 0.11
"""Arcsec of a pixel."""

SCENES: dict[str, dict[str, Any]] = {
    "4 dithers, 1 detector": {"tiles": (1, 1), "dithers": 4, "detectors": ("WFI01",)},
    "4 dithers, 3 detectors": {
        "tiles": (1, 1),
        "dithers": 4,
        "detectors": ("WFI01", "WFI02", "WFI03"),
    },
    "mosaic of 2 x 2, 1 detector": {"tiles": (2, 2), "dithers": 1, "detectors": ("WFI01",)},
}


def options(scene: str, seed: int) -> dict[str, Any]:
    """The mosaic to simulate."""
    common = {"shape": (400, 400), "stars_per_image": 80, "psf": Psf(fwhm=1.2)}
    return {"seed": seed, "reference_error": REFERENCE, **common, **SCENES[scene]}


@dataclass(frozen=True)
class Scene:
    """Files on the disk, and what is true of them."""

    truth: Truth
    bound: np.ndarray


def give_catalog(path: Path, x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> None:
    """Write a catalog, and its name into the file of the exposure."""
    table = Table({"x_psf": x, "y_psf": y, "flux": flux})
    table["x_psf_err"] = table["y_psf_err"] = CENTROID
    table.write(path.with_suffix(".ecsv"))
    with datamodels.open(path) as opened:
        model = opened.copy()
    model.meta["source_catalog"] = {"tweakreg_catalog_name": str(path.with_suffix(".ecsv"))}
    model.save(path)


def make(scene: str, seed: int, folder: Path) -> Scene:
    """Write exposures with their catalogs of sources."""
    truth, mosaic = simulate_mosaic(folder, **options(scene, seed)), Mosaic(**options(scene, seed))
    stars = mosaic_stars(mosaic, mosaic_images(mosaic))
    groups = sorted({image.group for image in truth.images})
    rng = np.random.default_rng(seed)
    frame = frames_at(float(np.mean(stars.ra)), float(np.mean(stars.dec)))
    seen, where = [], []
    for path, image in zip(truth.files, truth.images, strict=True):
        wcs, (ny, nx) = true_wcs(image), image.shape
        x, y = pixel_of(wcs, stars.ra, stars.dec)
        inside = np.flatnonzero((x > 4) & (x < nx - 5) & (y > 4) & (y < ny - 5))
        noise = CENTROID * rng.standard_normal((2, len(inside)))
        give_catalog(path, x[inside] + noise[0], y[inside] + noise[1], stars.flux[inside])
        exposure = groups.index(image.group)
        seen.append((inside, np.full(len(inside), exposure)))
        grid = to_plane(directions(*wcs(*pixel_grid(image.shape))), frame)
        where.append((exposure, grid))
    star, exposure = (np.concatenate(part) for part in zip(*seen, strict=True))
    plane = to_plane(directions(stars.ra, stars.dec), frame)
    sightings = Sightings(plane[star], star, exposure, np.full(len(star), CENTROID * SCALE))
    listed = Table.read(truth.catalog)
    known = catalog_errors((listed["RA"], listed["DEC"]), stars.ra, stars.dec, REFERENCE)
    return Scene(truth, 1e3 * smallest_errors(sightings, known, where))


def ours(scene: Scene, *, pixels: bool) -> list[Any]:
    """WCS that this step finds."""
    result = TweakRegStep.call(
        [str(path) for path in scene.truth.files],
        abs_refcat=str(scene.truth.catalog),
        use_custom_catalogs=not pixels,
    )
    return wcses(result)


def theirs(scene: Scene) -> list[Any]:
    """WCS that romancal's step finds."""
    from romancal.datamodels import ModelLibrary  # noqa: PLC0415 - in its own environment alone
    from romancal.tweakreg import TweakRegStep as Stock  # noqa: PLC0415

    library = ModelLibrary([str(path) for path in scene.truth.files])
    return wcses(Stock.call(library, abs_refcat=str(scene.truth.catalog)))


def wcses(library: Any) -> list[Any]:
    """The WCS of all models of a library."""
    found = []
    with library:
        for number, model in enumerate(library):
            found.append(model.meta.wcs)
            library.shelve(model, number, modify=False)
    return found


TOOLS = {
    ("catalogs", "this step"): lambda scene: ours(scene, pixels=False),
    ("catalogs", "romancal"): theirs,
    ("pixels", "this step"): lambda scene: ours(scene, pixels=True),
}


def main(seeds: int) -> None:
    """Print and write the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    rows = []
    for name in SCENES:
        errors: dict[tuple[str, str], list[float]] = {tool: [] for tool in TOOLS}
        seconds = dict.fromkeys(TOOLS, 0.0)
        bounds: list[float] = []
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
                scene = make(name, seed, Path(folder))
                bounds.extend(scene.bound)
                for tool, align in TOOLS.items():
                    start = time.process_time()
                    found = align(scene)
                    seconds[tool] += time.process_time() - start
                    errors[tool] += [
                        truth_error(wcs, image).rms_mas
                        for wcs, image in zip(found, scene.truth.images, strict=True)
                    ]
        bound = float(np.sqrt(np.mean(np.square(bounds))))
        for tool in TOOLS:
            rms = float(np.sqrt(np.mean(np.square(errors[tool]))))
            ratio = f"{rms / bound:.2f}" if tool[0] == "catalogs" else ""
            worst = f"{max(errors[tool]):.2f}"
            row = (name, *tool, f"{rms:.3f}", ratio, worst, f"{seconds[tool] / seeds:.1f}")
            rows.append(row)
            print(*row, sep="  ", flush=True)
    header = ("exposures", "sources", "tool", "rms", "rms / bound", "worst", "time [s]")
    note = f"Distances from the truth in mas, over the images of {seeds} scenes; processor time."
    publish(__file__, "roman", (header, rows), note)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
