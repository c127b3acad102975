"""Eighteen detectors of Roman move as one; Roman and JWST in one solution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from roman_exposures import opened
from tweakwcs.correctors import RomanWCSCorrector

from tweakreg_step import TweakRegStep, absolute_align
from tweakreg_step.core.sphere import directions
from tweakreg_step.simulate import (
    ImageTruth,
    Mosaic,
    Stars,
    Truth,
    pixel_of,
    simulate_mosaic,
    true_wcs,
    truth_error,
)
from tweakreg_step.simulate.mosaic import mosaic_images, mosaic_stars
from tweakreg_step.simulate.optics import pointing_at
from tweakreg_step.simulate.roman import DETECTORS, wfi
from tweakreg_step.simulate.truth import claimed_wcs
from tweakreg_step.telescopes.choose_mission import open_exposure

RIGID_MAS = 0.01
CENTROID = 0.02


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def name_catalogs(truth: Truth, ra: np.ndarray, dec: np.ndarray, seed: int) -> None:
    """Give each file a catalog of the stars that are truly on it, with errors."""
    rng = np.random.default_rng(seed)
    for path, image in zip(truth.files, truth.images, strict=True):
        x, y = pixel_of(true_wcs(image), ra, dec)
        ny, nx = image.shape
        inside = (x > 2) & (x < nx - 3) & (y > 2) & (y < ny - 3)
        noise = CENTROID * rng.standard_normal((2, inside.sum()))
        table = Table({"x_psf": x[inside] + noise[0], "y_psf": y[inside] + noise[1]})
        table["x_psf_err"] = table["y_psf_err"] = CENTROID
        table["flux"] = np.linspace(10.0, 1000.0, len(table))
        table.write(path.with_suffix(".ecsv"))
        model = opened(path)
        model.meta["source_catalog"] = {"tweakreg_catalog_name": str(path.with_suffix(".ecsv"))}
        model.save(path)


def grid(wcs: Any, shape: tuple[int, int]) -> np.ndarray:
    ny, nx = shape
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.linspace(0, nx - 1, 4), np.linspace(0, ny - 1, 4))
    )
    return directions(*wcs.forward_transform(x, y))


def departure_from_rigid(before: np.ndarray, after: np.ndarray) -> float:
    """Largest distance [mas] that the best rotation of the sphere leaves."""
    u, _, vt = np.linalg.svd(before.T @ after)
    turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return float(np.rad2deg(np.linalg.norm(before @ turn - after, axis=1).max()) * 3.6e6)


def corrector(image: ImageTruth, table: Table) -> RomanWCSCorrector:
    detector = wfi(image.detector, image.shape)
    here = pointing_at(image.claimed, detector.v2_ref, detector.v3_ref)
    angles = {"v2_ref": detector.v2_ref, "v3_ref": detector.v3_ref, "roll_ref": here.roll}
    meta = {"catalog": table, "name": image.file_name, "group_id": image.group}
    return RomanWCSCorrector(claimed_wcs(image), angles, meta=meta)


def test_eighteen_detectors_move_as_one() -> None:
    mosaic = Mosaic(seed=2, tiles=(1, 1), detectors=tuple(DETECTORS), shape=(1024, 1024))
    images = mosaic_images(mosaic)
    rng = np.random.default_rng(3)
    places = [true_wcs(image)(*rng.uniform(60, 963, (2, 25))) for image in images[:18]]
    ra, dec = np.concatenate(places, axis=1)
    correctors = []
    for image in images:
        x, y = pixel_of(true_wcs(image), ra, dec)
        inside = (x > 0) & (x < 1023) & (y > 0) & (y < 1023)
        noise = CENTROID * rng.standard_normal((2, inside.sum()))
        table = Table({"x": x[inside] + noise[0], "y": y[inside] + noise[1]})
        correctors.append(corrector(image, table))
    before = [grid(c.wcs, (1024, 1024)) for c in correctors]
    absolute_align(correctors, Table({"RA": ra, "DEC": dec}))
    after = [grid(c.wcs, (1024, 1024)) for c in correctors]
    for exposure in (slice(0, 18), slice(18, 36)):
        assert len({image.group for image in images[exposure]}) == 1
        left = departure_from_rigid(
            np.concatenate(before[exposure]), np.concatenate(after[exposure])
        )
        assert left < RIGID_MAS
    for c, image in zip(correctors, images, strict=True):
        assert truth_error(c.wcs, image).rms_mas < 1.0


def test_roman_and_jwst_in_one_solution(tmp_path: Path) -> None:
    """Roman's exposures have no reference star of their own: NIRCam's stars tie them."""
    options: dict[str, Any] = {"tiles": (1, 1), "dithers": 2, "stars_per_image": 60}
    near = options | {"shape": (512, 512), "flux_limits": (20.0, 3000.0)}
    nircam = simulate_mosaic(tmp_path / "nircam", seed=4, **near)
    stars: Stars = mosaic_stars(Mosaic(seed=4, **near), mosaic_images(Mosaic(seed=4, **near)))
    wide = options | {"shape": (400, 400), "detectors": ("WFI01",)}
    roman = simulate_mosaic(tmp_path / "roman", seed=5, **wide)
    name_catalogs(roman, stars.ra, stars.dec, seed=6)
    paths = [*nircam.files, *roman.files]
    catfile = "\n".join(f"{path.name} {path.with_suffix('.ecsv')}" for path in roman.files)
    Path("catfile.txt").write_text(catfile)
    TweakRegStep.call(
        list(map(str, paths)),
        abs_refcat=str(nircam.catalog),
        use_custom_catalogs=True,
        catfile="catfile.txt",
        save_results=True,
        output_dir="out",
    )
    for path, image in zip(paths, [*nircam.images, *roman.images], strict=True):
        with open_exposure(tmp_path / "out" / path.name.replace("_cal", "_tweakreg")) as model:
            assert truth_error(model.meta.wcs, image).rms_mas < 2.0
        assert path.suffix == (".asdf" if path in roman.files else ".fits")
