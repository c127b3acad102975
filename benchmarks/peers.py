"""SCAMP, JHAT and this step side by side, on the same simulated catalogs.

Run as ``python benchmarks/peers.py [seeds [words]]``; words of a scene's name run it alone, and the
other rows of the table stay. SCAMP is the one on the path (Debian: scamp); JHAT is
in an environment of its own, whose Python ``PEERS_PYTHON`` names (``make bench-peers`` makes one).
What is not there is left out and named. All get the same positions, with errors of 0.05 pixel, a
fifth of the stars missing and three spurious ones for ten true, and the same reference catalog.
SCAMP's positions are on the plane tangent to the sky (``peers_scamp.py``), JHAT gets one image at a
time, as it does.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from fisher import Sightings, catalog_errors, smallest_errors
from peers_scamp import SCAMP, STEP, image_of, judge, run_scamp, write_image, write_reference
from stdatamodels.jwst import datamodels
from tables import TABLES, commit, publish, read_table

from tweakreg_step import align
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import (
    Truth,
    claimed_wcs,
    pixel_of,
    simulate_mosaic,
    true_wcs,
    truth_error,
)
from tweakreg_step.simulate.mosaic import Mosaic, mosaic_images, mosaic_stars
from tweakreg_step.simulate.truth import pixel_grid

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = 1
CENTROID, REFERENCE = 0.05, 1.0
"""Errors of positions in images [pixels] and in the reference catalog [mas]."""

MISSING, SPURIOUS = 0.2, 0.3
RIGHT_MAS = 20.0
"""An image that is farther from the truth was aligned wrongly: errors are of 5 mas, or arcsec."""

LEAST_CONTRAST = 2.0
"""Of SCAMP's matching, below which its manual calls a field doubtful."""

HEADER = ("exposures", "tool", "rms [mas]", "rms / bound", "right", "wrong", "doubted", "refused",
          "time [s]", "commit")  # fmt: skip
NOTE = (
    f"Images; right are those within {RIGHT_MAS:g} mas of the truth, and the rms is theirs. "
    "Doubted are aligned, too. Processor time of a scene."
)

JHAT = os.environ.get("PEERS_PYTHON", "")

SCENES: dict[str, dict[str, Any]] = {
    "4 dithers, 50 reference stars": {"tiles": (1, 1), "dithers": 4},
    "4 dithers, 10 reference stars": {"tiles": (1, 1), "dithers": 4, "reference_fraction": 0.1},
    "4 dithers, off by 1.5 arcsec": {"tiles": (1, 1), "dithers": 4, "pointing_shift": 1.5},
    "4 dithers, reference of another field": {"tiles": (1, 1), "dithers": 4},
}


@dataclass(frozen=True)
class Scene:
    """Files on the disk, what was seen on each, and at best."""

    truth: Truth
    catalogs: tuple[Table, ...]
    reference: Table
    bound: np.ndarray


@dataclass
class Outcome:
    """What became of images: errors of those that a tool aligned [mas], and those it refused."""

    errors: list[float] = field(default_factory=list)
    doubted: int = 0
    refused: int = 0
    seconds: float = 0.0


def make(name: str, seed: int, folder: Path) -> Scene:
    """Simulate the exposures and draw their catalogs."""
    options = {"seed": seed, "shape": (1024, 1024), "stars_per_image": 100.0, **SCENES[name]}
    options["reference_error"] = REFERENCE
    truth, mosaic = simulate_mosaic(folder, **options), Mosaic(**options)
    stars = mosaic_stars(mosaic, mosaic_images(mosaic))
    frame = frames_at(float(np.mean(stars.ra)), float(np.mean(stars.dec)))
    plane = np.asarray(to_plane(directions(stars.ra, stars.dec), frame))
    catalogs, seen, where = [], [], []
    for number, image in enumerate(truth.images):
        rng = np.random.default_rng((seed, number))
        wcs, (ny, nx) = true_wcs(image), image.shape
        x, y = pixel_of(wcs, stars.ra, stars.dec)
        inside = (x > 4) & (x < nx - 5) & (y > 4) & (y < ny - 5)
        star = np.flatnonzero(inside & (rng.random(len(x)) >= MISSING))
        false = rng.poisson(SPURIOUS * len(star))
        noise = CENTROID * rng.standard_normal((2, len(star)))
        flux = np.concatenate([stars.flux[star], rng.choice(stars.flux[star], false)])
        table = Table(
            {
                "x": np.concatenate([x[star] + noise[0], (nx - 1) * rng.random(false)]),
                "y": np.concatenate([y[star] + noise[1], (ny - 1) * rng.random(false)]),
                "flux": flux,
                "mag": 25.0 - 2.5 * np.log10(flux),
            }
        )
        catalogs.append(table[rng.permutation(len(table))])
        seen.append((star, np.full(len(star), number)))
        where.append((number, to_plane(directions(*wcs(*pixel_grid(image.shape))), frame)))
    star, exposure = (np.concatenate(part) for part in zip(*seen, strict=True))
    reference = Table.read(truth.catalog)
    known = catalog_errors((reference["RA"], reference["DEC"]), stars.ra, stars.dec, REFERENCE)
    sightings = Sightings(plane[star], star, exposure, np.full(len(star), CENTROID * STEP))
    if name.endswith("another field"):
        reference = elsewhere(reference, seed)
    reference.write(folder / "given.ecsv")
    return Scene(truth, tuple(catalogs), reference, 1e3 * smallest_errors(sightings, known, where))


def elsewhere(reference: Table, seed: int) -> Table:
    """As many stars on the same part of the sky, but others."""
    rng, moved = np.random.default_rng((seed, 10**6)), reference.copy()
    for name in ("RA", "DEC"):
        moved[name] = rng.uniform(min(reference[name]), max(reference[name]), len(reference))
    return moved


def ours(scene: Scene, folder: Path, geometry: str) -> Outcome:
    """Align by this step."""
    lines = []
    for path, table in zip(scene.truth.files, scene.catalogs, strict=True):
        name = path.with_suffix(".ecsv").name
        table["x", "y", "flux"].write(scene.truth.folder / name, overwrite=True)
        lines.append(f"{path.name} {name}\n")
    catfile = scene.truth.folder / "catfile"
    catfile.write_text("".join(lines))
    start = time.process_time()
    result = align(
        [str(path) for path in scene.truth.files],
        str(scene.truth.folder / "given.ecsv"),
        use_custom_catalogs=True,
        catfile=str(catfile),
        fitgeometry=geometry,
        abs_minobj=8,
        output_dir=str(folder),
    )
    outcome = Outcome(seconds=time.process_time() - start)
    verdicts = {str(row["group"]): str(row["verdict"]) for row in result.groups}
    for image, group in zip(scene.truth.images, verdicts, strict=True):
        if verdicts[group] not in {"aligned", "doubtful"}:
            outcome.refused += 1
            continue
        outcome.doubted += verdicts[group] == "doubtful"
        path = folder / image.file_name.replace("_cal", "_tweakreg")
        with datamodels.open(path) as model:
            outcome.errors.append(truth_error(model.meta.wcs, image).rms_mas)
    return outcome


def scamp(scene: Scene, folder: Path) -> Outcome:
    """Align by SCAMP."""
    names, grids = [], []
    for image, table in zip(scene.truth.images, scene.catalogs, strict=True):
        wcs = claimed_wcs(image)
        header, pixels = image_of(wcs, image.shape)
        names.append(image.file_name.replace(".fits", ".cat"))
        place = pixels(*wcs(np.asarray(table["x"]), np.asarray(table["y"])))
        write_image(folder / names[-1], header, place, np.asarray(table["flux"]), CENTROID)
        grids.append(pixels(*wcs(*pixel_grid(image.shape))))
    write_reference(folder / "reference.cat", scene.reference)
    start = os.times()
    found, contrasts = run_scamp(folder, names)
    end = os.times()
    spent = end.children_user + end.children_system - start.children_user - start.children_system
    outcome = Outcome(seconds=spent, doubted=sum(one < LEAST_CONTRAST for one in contrasts))
    for wcs, grid, image in zip(found, grids, scene.truth.images, strict=True):
        if wcs is None:
            outcome.refused += 1
        else:
            true = true_wcs(image)(*pixel_grid(image.shape))
            outcome.errors.append(judge(wcs, grid, *true))
    return outcome


def write_jobs(scene: Scene, folder: Path) -> Path:
    """What JHAT is given: images, catalogs, the reference, and the list of them."""
    reference, jobs = scene.reference["RA", "DEC", "MAG"], []
    reference["MAGERR"] = 0.02
    reference.write(folder / "reference.txt", format="ascii")
    for path, table in zip(scene.truth.files, scene.catalogs, strict=True):
        image, catalog = folder / path.name, folder / path.with_suffix(".txt").name
        with datamodels.open(path) as model:  # what JHAT asks of a file, beside its WCS
            model.area = np.ones_like(model.data)
            model.meta.aperture.name = "NRCA5_FULL"
            model.save(image)
        given = table["x", "y", "mag"]
        for name, value in (("dmag", 0.02), ("sharpness", 0.7), ("roundness1", 0.0)):
            given[name] = value
        given.write(catalog, format="ascii")
        words = {"image": image, "catalog": catalog, "reference": folder / "reference.txt"}
        jobs.append({name: str(one) for name, one in (words | {"output": folder / "out"}).items()})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    return folder / "jobs.json"


def jhat(scene: Scene, folder: Path) -> Outcome:
    """Align by JHAT, image by image."""
    jobs = write_jobs(scene, folder)
    script = str(Path(__file__).with_name("peers_jhat.py"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [JHAT, script, str(jobs)]
    subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603
    outcome = Outcome()
    for job, image in zip(json.loads(jobs.read_text()), scene.truth.images, strict=True):
        outcome.seconds += job["seconds"]
        path = folder / "out" / image.file_name.replace("_cal", "_jhat")
        # with the newest packages its last table fails, after the image is written
        if not path.exists():
            outcome.refused += 1
            continue
        with datamodels.open(path) as model:
            status = model.meta.cal_step.tweakreg
            error = truth_error(model.meta.wcs, image).rms_mas
        if status == "COMPLETE":
            outcome.errors.append(error)
        else:
            outcome.refused += 1
    return outcome


def tools() -> dict[str, Callable[[Scene, Path], Outcome]]:
    """What is installed here, by name; what is not is named."""
    found: dict[str, Callable[[Scene, Path], Outcome]] = {
        "this step": lambda scene, folder: ours(scene, folder, "rshift"),
        "this step, general": lambda scene, folder: ours(scene, folder, "general"),
    }
    for name, there, tool in (("SCAMP", SCAMP, scamp), ("JHAT", JHAT, jhat)):
        if there:
            found[name] = tool
        else:
            print(f"{name} is not installed here, and left out.")
    return found


def add(total: Outcome, one: Outcome) -> None:
    """Count what became of one more scene."""
    total.errors += one.errors
    total.doubted += one.doubted
    total.refused += one.refused
    total.seconds += one.seconds


def row_of(tool: str, name: str, outcome: Outcome, bound: float, seeds: int) -> tuple[str, ...]:
    """A row of the table."""
    errors = np.array(outcome.errors)
    right = errors[errors < RIGHT_MAS]
    rms = float(np.sqrt(np.mean(right**2))) if len(right) else float("nan")
    known = f"{rms:.2f}", f"{rms / bound:.2f}"
    return (
        name,
        tool,
        *(known if len(right) else ("-", "-")),
        f"{len(right)}",
        f"{len(errors) - len(right)}",
        f"{outcome.doubted}",
        f"{outcome.refused}",
        f"{outcome.seconds / seeds:.1f}",
        commit(),
    )


def known_rows() -> dict[tuple[str, str], tuple[str, ...]]:
    """The rows of the table as it is, by scene and tool."""
    if not (TABLES / "peers.rst").exists():
        return {}
    return {(row["exposures"], row["tool"]): tuple(row.values()) for row in read_table("peers")}


def main(seeds: int, words: str = "") -> None:
    """Print and write the rows of all scenes, or of those whose name has some words."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    used, rows = tools(), known_rows()
    for name in [name for name in SCENES if words in name]:
        outcomes, bounds = {tool: Outcome() for tool in used}, []
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
                scene = make(name, seed, Path(folder) / "field")
                bounds.extend(scene.bound)
                for number, (tool, run) in enumerate(used.items()):
                    own = Path(folder) / f"tool{number}"
                    own.mkdir()
                    add(outcomes[tool], run(scene, own))
        bound = float(np.sqrt(np.mean(np.square(bounds))))
        for tool, outcome in outcomes.items():
            rows[name, tool] = row_of(tool, name, outcome, bound, seeds)
        order = [rows[scene, tool] for scene in SCENES for tool in used if (scene, tool) in rows]
        publish(__file__, "peers", (HEADER, order), NOTE, write=seeds >= SEEDS and len(used) == 4)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS, *sys.argv[2:])
