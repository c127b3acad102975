"""Fields of three missions with known truth, for ``peers.py``: files, catalogs, and the bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from fisher import Sightings, catalog_errors, smallest_errors
from hst_bound import chips_of
from roman_datamodels import datamodels as roman
from stdatamodels.jwst import datamodels as jwst

from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import (
    ImageTruth,
    pixel_of,
    simulate_mosaic,
    true_wcs,
    truth_error,
)
from tweakreg_step.simulate.hst import ExposureTruth, Scene, errors_mas, simulate_hst
from tweakreg_step.simulate.mosaic import Mosaic, mosaic_images, mosaic_stars
from tweakreg_step.simulate.truth import pixel_grid

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CENTROID", "MISSIONS", "SCENES", "Field", "make"]

CENTROID, REFERENCE = 0.05, 1.0
"""Errors of positions in images [pixels] and in the reference catalog [mas]."""

MISSING, SPURIOUS = 0.2, 0.3
STARS = 100
"""On an image, of which half are in the reference."""

MISSIONS = {"JWST": ("NRCALONG", 0.063), "Roman": ("WFI01", 0.11), "HST": ("WFC3/IR", 0.128)}
"""Detector, and arcsec of its pixels."""

SIDE = {"JWST": 1024, "Roman": 1024, "HST": 512}
"""Of an image [pixels]."""

SCENES: dict[str, dict[str, float]] = {
    "50 reference stars": {},
    "10 reference stars": {"reference_fraction": 0.1},
    "off by 1.5 arcsec": {"shift": 1.5},
    "reference of another field": {},
}
"""Each is four dithers; pointing errors are 0.3 arcsec where nothing is said."""


@dataclass(frozen=True)
class Seen:
    """What one image sees, at its true place: stars and where, and RA and Dec of its grid."""

    star: np.ndarray
    x: np.ndarray
    y: np.ndarray
    side: int
    grid: np.ndarray


@dataclass(frozen=True)
class Field:
    """Files on the disk, what was seen on each, and the error of each at best [mas]."""

    mission: str
    folder: Path
    files: tuple[Path, ...]
    truth: tuple[Any, ...]
    catalogs: tuple[Table, ...]
    reference: Path
    bound: np.ndarray

    def error(self, number: int, path: Path) -> float:
        """Rms distance [mas] of the WCS in a file from the true one of an image."""
        image = self.truth[number]
        if isinstance(image, ExposureTruth):
            return errors_mas(path, image)[0]
        with (jwst if self.mission == "JWST" else roman).open(path) as model:
            return float(truth_error(model.meta.wcs, image).rms_mas)


def make(mission: str, scene: str, seed: int, folder: Path) -> Field:
    """Simulate the exposures and draw their catalogs."""
    simulated = visit if mission == "HST" else mosaic
    files, truth, seen, sky = simulated(mission, seed, folder, **SCENES[scene])
    frame = frames_at(float(np.mean(sky["RA"])), float(np.mean(sky["DEC"])))
    plane = np.asarray(to_plane(directions(sky["RA"], sky["DEC"]), frame))
    catalogs, stars, exposures, where = [], [], [], []
    for number, image in enumerate(seen):
        rng = np.random.default_rng((seed, number))
        found = np.flatnonzero(rng.random(len(image.star)) >= MISSING)
        catalogs.append(catalog_of(image, found, np.asarray(sky["FLUX"]), rng))
        stars.append(image.star[found])
        exposures.append(np.full(len(found), number))
        where.append((number, to_plane(directions(*image.grid), frame)))
    star, exposure = np.concatenate(stars), np.concatenate(exposures)
    reference = Table.read(folder / "reference.ecsv")
    listed = (reference["RA"], reference["DEC"])
    known = catalog_errors(listed, np.asarray(sky["RA"]), np.asarray(sky["DEC"]), REFERENCE)
    error = CENTROID * MISSIONS[mission][1]
    sightings = Sightings(plane[star], star, exposure, np.full(len(star), error))
    bound = smallest_errors(sightings, known, where, scale=mission == "HST")
    if scene.endswith("another field"):
        reference = elsewhere(reference, seed)
    reference.write(folder / "given.ecsv")
    return Field(mission, folder, files, truth, tuple(catalogs), folder / "given.ecsv", 1e3 * bound)


def mosaic(
    mission: str, seed: int, folder: Path, shift: float = 0.3, **more: float
) -> tuple[tuple[Path, ...], tuple[ImageTruth, ...], list[Seen], Table]:
    """Dithers of NIRCam or Roman: files, their truth, what they see, and the stars."""
    options: dict[str, Any] = {
        "seed": seed,
        "tiles": (1, 1),
        "dithers": 4,
        "detectors": MISSIONS[mission][:1],
        "shape": (SIDE[mission],) * 2,
        "stars_per_image": float(STARS),
        "pointing_shift": shift,
        "reference_error": REFERENCE,
        **more,
    }
    truth = simulate_mosaic(folder, **options)
    drawn = Mosaic(**options)
    stars = mosaic_stars(drawn, mosaic_images(drawn))
    seen = []
    for image in truth.images:
        wcs, side = true_wcs(image), image.shape[0]
        x, y = pixel_of(wcs, stars.ra, stars.dec)
        star = np.flatnonzero((x > 4) & (x < side - 5) & (y > 4) & (y < side - 5))
        grid = np.array(wcs(*pixel_grid(image.shape)))
        seen.append(Seen(star, x[star], y[star], side, grid))
    sky = Table({"RA": stars.ra, "DEC": stars.dec, "FLUX": stars.flux})
    return truth.files, truth.images, seen, sky


def visit(
    mission: str, seed: int, folder: Path, shift: float = 0.3, reference_fraction: float = 0.5
) -> tuple[tuple[Path, ...], tuple[ExposureTruth, ...], list[Seen], Table]:
    """Dithers of HST, as those of `mosaic`."""
    scene = Scene(
        seed,
        MISSIONS[mission][0],
        exposures=4,
        shape=(SIDE[mission],) * 2,
        stars=STARS,
        pointing_error=(shift, 100.0, 3e-5),
        reference_fraction=reference_fraction,
        reference_error=REFERENCE,
    )
    truth = simulate_hst(folder, scene)
    sky, seen = Table.read(folder / "sky.ecsv"), []
    for exposure in truth.exposures:
        (chip,) = chips_of(exposure, sky)
        shape = chip.wcs.pixel_shape
        grid = np.array(chip.wcs.all_pix2world(*pixel_grid(shape[::-1]), 0))
        seen.append(Seen(chip.stars, chip.x, chip.y, shape[0], grid))
    return tuple(truth.files), truth.exposures, seen, sky


def catalog_of(image: Seen, found: np.ndarray, flux: np.ndarray, rng: np.random.Generator) -> Table:
    """Stars that are found, with errors, and spurious sources, in any order."""
    false = rng.poisson(SPURIOUS * len(found))
    noise = CENTROID * rng.standard_normal((2, len(found)))
    end = image.side - 1
    own = flux[image.star[found]]
    light = np.concatenate([own, rng.choice(own, false)])
    table = Table(
        {
            "x": np.concatenate([image.x[found] + noise[0], end * rng.random(false)]),
            "y": np.concatenate([image.y[found] + noise[1], end * rng.random(false)]),
            "flux": light,
            "mag": 25.0 - 2.5 * np.log10(light),
        }
    )
    return table[rng.permutation(len(table))]


def elsewhere(reference: Table, seed: int) -> Table:
    """As many stars on the same part of the sky, but others."""
    rng, moved = np.random.default_rng((seed, 10**6)), reference.copy()
    for name in ("RA", "DEC"):
        moved[name] = rng.uniform(min(reference[name]), max(reference[name]), len(reference))
    return moved
