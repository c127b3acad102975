"""NIRCam, ACS and WFC3/IR of one field in one solution: errors, and those between missions.

Run as ``python benchmarks/missions.py [seeds]``; needs stwcs. Each camera has two exposures; of the
stars that each HST camera sees a fifth are NIRCam's, and every fifth of these is in the reference
catalog. All is of one day: over years stars move, which is another scene (``proper_motions.py``).
Catalogs of sources have errors of 0.05 pixel, which are not told. The bound is that of
``benchmarks/fisher.py`` for the very stars that are in the catalogs.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from fisher import Sightings, catalog_errors, errors_between, smallest_errors
from hst_bound import EDGE
from tables import publish

from tweakreg_step import TweakRegStep
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import (
    Mosaic,
    Settings,
    Stars,
    pixel_of,
    simulate_mosaic,
    star_field,
    true_wcs,
)
from tweakreg_step.simulate.hst import CAMERAS, Scene, simulate_hst
from tweakreg_step.simulate.mosaic import mosaic_images, mosaic_stars
from tweakreg_step.telescopes.choose_mission import open_exposure

SEEDS = 60
CENTROID = 0.05
"""Error of positions in catalogs [pixels]."""

COMMON = 0.2
"""Part of the stars of an HST camera that NIRCam sees, too."""

LISTED, LISTED_ERROR = 0.2, 1.0
"""Part of NIRCam's stars in the reference catalog, and their error per axis [mas]."""

DAY = Settings().start_mjd
"""Of all exposures [MJD]."""

RADIUS = 45.0
"""Of the field [arcsec]."""

NIRCAM: dict[str, Any] = {
    "tiles": (1, 1), "dithers": 2, "shape": (512, 512), "stars_per_image": 150,
    "flux_limits": (20.0, 3000.0), "reference_fraction": LISTED, "reference_error": LISTED_ERROR,
}  # fmt: skip
NIRCAM_SCALE = 0.063
HST = {"ACS/WFC": (320, 640), "WFC3/IR": (260, 260)}
FLUXES = {"ACS/WFC": (2e3, 2e5), "WFC3/IR": (1e4, 1e6)}
GROUPS = {"NIRCam": (0, 1), "ACS/WFC": (2, 3), "WFC3/IR": (4, 5)}
"""Numbers of the exposures of each camera."""

ToSky = Callable[[np.ndarray, np.ndarray], Any]


@dataclass(frozen=True)
class Chip:
    """An image of an exposure.

    Attributes
    ----------
    exposure
        Its number.
    file, version
        Name of its file, and EXTVER.
    shape
        (ny, nx).
    to_sky, to_pixel
        By its true WCS, RA and Dec [deg] and pixels from 0.
    scale
        Side of a pixel [arcsec].
    """

    exposure: int
    file: str
    version: int
    shape: tuple[int, int]
    to_sky: ToSky
    to_pixel: ToSky
    scale: float

    def sees(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of the places that it sees, not at its edge, and their pixels."""
        x, y = self.to_pixel(ra, dec)
        ny, nx = self.shape
        inside = (x > EDGE) & (x < nx - EDGE) & (y > EDGE) & (y < ny - EDGE)
        return np.flatnonzero(inside), x[inside], y[inside]


@dataclass(frozen=True)
class Field:
    """What was simulated.

    Attributes
    ----------
    files
        In the order of exposures.
    reference
        The reference catalog.
    chips
        All images.
    stars
        All stars.
    seen
        Indices of the stars that each camera can see.
    """

    files: list[str]
    reference: str
    chips: list[Chip]
    stars: Stars
    seen: dict[str, np.ndarray]


def simulated(seed: int) -> Field:
    """The exposures of a field, in the working folder."""
    truth = simulate_mosaic("nircam", seed=seed, **NIRCAM)
    mosaic = Mosaic(seed=seed, **NIRCAM)
    images = mosaic_images(mosaic)
    stars = mosaic_stars(mosaic, images)
    centre = tuple(float(value) for value in true_wcs(images[0])(255.0, 255.0))
    seen = {"NIRCam": np.arange(len(stars))}
    chips = [_nircam(number, image) for number, image in enumerate(images)]
    files = [str(path) for path in truth.files]
    rng = np.random.default_rng((seed, 31))
    for number, (camera, shape) in enumerate(HST.items()):
        common = np.flatnonzero(rng.random(len(seen["NIRCam"])) < COMMON)
        inside = len(common) * (RADIUS / _radius(stars, centre)) ** 2
        own = star_field(
            centre, RADIUS, round(inside * (1 / COMMON - 1)), seed=1000 * seed + number,
            flux_limits=FLUXES[camera],
        )  # fmt: skip
        both = Stars(
            np.concatenate([stars.ra[common], own.ra]),
            np.concatenate([stars.dec[common], own.dec]),
            np.concatenate([rng.choice(own.flux, len(common)), own.flux]),
        )
        seen[camera] = np.concatenate([common, len(stars) + np.arange(len(own))])
        stars = Stars(*(np.concatenate([getattr(stars, name), getattr(own, name)])
                        for name in ("ra", "dec", "flux")))  # fmt: skip
        scene = Scene(seed, camera, 2, shape, (*centre, 35.0), fluxes=FLUXES[camera])
        visit = simulate_hst(camera.replace("/", "_"), scene, both)
        for one in visit.exposures:
            _on_the_day(one.path)
            chips += _chips(len(files), one, CAMERAS[camera].scale)
            files.append(str(one.path))
    return Field(files, str(truth.catalog), chips, stars, seen)


def _on_the_day(path: Path) -> None:
    """Set the time of an exposure to that of NIRCam's."""
    with fits.open(path, mode="update") as hdus:
        length = hdus[0].header["EXPEND"] - hdus[0].header["EXPSTART"]
        hdus[0].header["EXPSTART"], hdus[0].header["EXPEND"] = DAY, DAY + length


def _radius(stars: Stars, centre: tuple[float, ...]) -> float:
    """Of the circle of NIRCam's stars [arcsec], of which half are within its 0.707."""
    plane = to_plane(directions(stars.ra, stars.dec), frames_at(*centre))
    return float(np.median(np.hypot(*plane.T)) * np.sqrt(2.0))


def _nircam(number: int, image: Any) -> Chip:
    wcs = true_wcs(image)

    def to_pixel(ra: np.ndarray, dec: np.ndarray) -> Any:
        return pixel_of(wcs, ra, dec)

    return Chip(number, image.file_name, 0, image.shape, wcs, to_pixel, NIRCAM_SCALE)


def _chips(number: int, one: Any, scale: float) -> list[Chip]:
    chips = []
    for header in one.headers:
        with warnings.catch_warnings(), fits.open(one.path) as hdus:
            warnings.simplefilter("ignore")
            wcs, shape = WCS(header, hdus), hdus["SCI", header["EXTVER"]].shape
        chips.append(
            Chip(
                number, one.path.name, header["EXTVER"], shape, _to_sky(wcs), _to_pixel(wcs), scale
            )
        )
    return chips


def _to_sky(wcs: WCS) -> ToSky:
    return lambda x, y: wcs.all_pix2world(x, y, 0)


def _to_pixel(wcs: WCS) -> ToSky:
    return lambda ra, dec: wcs.all_world2pix(ra, dec, 0, quiet=True)


def camera_of(exposure: int) -> str:
    """The camera of an exposure."""
    return next(camera for camera, numbers in GROUPS.items() if exposure in numbers)


def write_catalogs(field: Field, seed: int) -> Sightings:
    """A catalog for each image, and what is in all of them."""
    rng = np.random.default_rng((seed, 32))
    plane = frames_at(float(field.stars.ra[0]), float(field.stars.dec[0]))
    lines: dict[str, list[str]] = {Path(path).name: [] for path in field.files}
    star, exposure, sigma = [], [], []
    for chip in field.chips:
        own = field.seen[camera_of(chip.exposure)]
        number, x, y = chip.sees(field.stars.ra[own], field.stars.dec[own])
        places = np.stack([x, y], 1) + CENTROID * rng.standard_normal((len(x), 2))
        flux = field.stars.flux[own[number]]
        lines[chip.file].append(f"{chip.file}_{chip.version}.cat")
        np.savetxt(lines[chip.file][-1], np.column_stack([places, flux]), fmt="%.6f")
        star.append(own[number])
        exposure.append(np.full(len(x), chip.exposure))
        sigma.append(np.full(len(x), CENTROID * chip.scale))
    Path("catfile").write_text(
        "".join(f"{name} {' '.join(names)}\n" for name, names in lines.items())
    )
    stars = np.concatenate(star)
    places = to_plane(directions(field.stars.ra, field.stars.dec), plane)
    return Sightings(places[stars], stars, np.concatenate(exposure), np.concatenate(sigma))


def align(field: Field) -> None:
    """One run for all."""
    TweakRegStep.call(
        field.files, abs_refcat=field.reference, output_dir="out", save_results=True,
        use_custom_catalogs=True, catfile="catfile", xyorigin=0, xcol="1", ycol="2", fluxcol="3",
        brightest=100000,
    )  # fmt: skip


def found_wcs(chip: Chip, *, before: bool, field: Field) -> ToSky:
    """The WCS of an image in its file, as delivered or as a result."""
    delivered = Path(field.files[chip.exposure])
    if not chip.version:
        result = Path("out") / chip.file.replace("_cal", "_tweakreg")
        with open_exposure(delivered if before else result) as model:
            return model.meta.wcs
    with (
        warnings.catch_warnings(),
        fits.open(delivered if before else Path("out") / chip.file) as h,
    ):
        warnings.simplefilter("ignore")
        return _to_sky(WCS(h["SCI", chip.version].header, h))


def errors_at(field: Field, ra: np.ndarray, dec: np.ndarray, *, before: bool) -> np.ndarray:
    """Error (exposures, N, 2) of each exposure at places on the sky [mas], NaN where it is not."""
    errors = np.full((len(field.files), len(ra), 2), np.nan)
    for chip in field.chips:
        number, x, y = chip.sees(ra, dec)
        east, north = found_wcs(chip, before=before, field=field)(x, y)
        errors[chip.exposure, number, 0] = (east - ra[number]) * np.cos(np.deg2rad(dec[number]))
        errors[chip.exposure, number, 1] = north - dec[number]
    return 3.6e6 * errors


def grid(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Places over the field [deg]."""
    offsets = np.linspace(-30.0, 30.0, 25) / 3600.0
    east, north = (axis.ravel() for axis in np.meshgrid(offsets, offsets))
    dec0 = float(np.mean(field.stars.dec))
    dec = dec0 + north
    return float(np.mean(field.stars.ra)) + east / np.cos(np.deg2rad(dec)), dec


KINDS = [
    *((camera, camera, "to the truth") for camera in GROUPS),
    ("NIRCam", "ACS/WFC", "relative"),
    ("NIRCam", "WFC3/IR", "relative"),
    ("ACS/WFC", "WFC3/IR", "relative"),
]


def squares(seed: int) -> np.ndarray:
    """Mean squares (kinds, 3) of errors of a field: before, after, at best [mas^2]."""
    field = simulated(seed)
    sightings = write_catalogs(field, seed)
    align(field)
    listed = Table.read(field.reference)
    places = np.asarray(listed["RA"]), np.asarray(listed["DEC"])
    known = catalog_errors(places, field.stars.ra, field.stars.dec, LISTED_ERROR)
    ra, dec = grid(field)
    plane = to_plane(
        directions(ra, dec), frames_at(float(field.stars.ra[0]), float(field.stars.dec[0]))
    )
    states = [errors_at(field, ra, dec, before=before) for before in (True, False)]
    rows = []
    for first, second, _ in KINDS:
        pairs = [
            (one, other)
            for one in GROUPS[first]
            for other in GROUPS[second]
            if (first != second) or one == other
        ]
        row = []
        for errors in states:
            apart = [errors[one] - (errors[other] if one != other else 0.0) for one, other in pairs]
            row.append(np.mean([np.nanmean(np.sum(d**2, axis=1)) for d in apart]))
        both = [np.isfinite(states[0][one, :, 0] + states[0][other, :, 0]) for one, other in pairs]
        if first == second:
            where = [(one, plane[good]) for (one, _), good in zip(pairs, both, strict=True)]
            best = smallest_errors(sightings, known, where, scale=True)
        else:
            between = [(*pair, plane[good]) for pair, good in zip(pairs, both, strict=True)]
            best = errors_between(sightings, known, between, scale=True)
        rows.append([*row, np.mean((1e3 * best) ** 2)])
    return np.array(rows)


def measured(seeds: list[int]) -> np.ndarray:
    """Squares (fields, kinds, 3), as of `squares`, of some fields."""
    found, home = [], Path.cwd()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(folder)
            try:
                found.append(squares(seed))
            finally:
                os.chdir(home)
    return np.array(found)


def ratios(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rms error over the bound (kinds,), and how well fields as many as these tell it."""
    after, best = found[:, :, 1], found[:, :, 2]
    ratio = np.sqrt(after.mean(axis=0) / best.mean(axis=0))
    spread = (after - ratio**2 * best).std(axis=0, ddof=1) / np.sqrt(len(found))
    return ratio, spread / (2.0 * ratio * best.mean(axis=0))


def main(seeds: int) -> None:
    """Print the table, and write it if it is that of the documentation."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    found = measured(list(range(1, seeds + 1)))
    rows = [
        (
            first if first == second else f"{first} - {second}",
            kind,
            *(f"{value:.2f}" for value in row),
            f"{ratio:.2f} ± {error:.2f}",
        )
        for (first, second, kind), row, ratio, error in zip(
            KINDS, np.sqrt(found.mean(axis=0)), *ratios(found), strict=True
        )
    ]
    header = ("cameras", "error", "before", "after", "bound", "after / bound")
    note = f"Errors in mas, of both axes together, rms over {seeds} fields."
    publish(__file__, "missions", (header, rows), note, write=seeds == SEEDS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
