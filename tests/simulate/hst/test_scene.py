"""Simulated visits: the truth is in them, and cosmic rays are as many as said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import center_of_mass, label

from tweakreg_step.simulate.hst import (
    CAMERAS,
    Hits,
    Motion,
    Scene,
    cosmic_rays,
    errors_mas,
    moved,
    simulate_hst,
    template,
)

SMALL = Scene(seed=3, exposures=2, shape=(96, 128), stars=6)


@pytest.mark.parametrize("camera", sorted(CAMERAS))
def test_files_of_each_camera(tmp_path: Path, camera: str) -> None:
    scene = replace(SMALL, camera=camera, pointing_error=(0.0, 0.0, 0.0))
    truth = simulate_hst(tmp_path, scene)
    assert [len(one.headers) for one in truth.exposures] == [len(CAMERAS[camera].chips)] * 2
    assert max(max(errors_mas(one.path, one)) for one in truth.exposures) < 1e-4
    assert fits.getval(truth.files[0], "NEXTEND") == len(fits.open(truth.files[0])) - 1


def test_stars_are_where_the_true_wcs_says(tmp_path: Path) -> None:
    scene = replace(SMALL, exposures=1, pointing_error=(0.0, 0.0, 0.0), sky=0.0, read=0.01)
    truth = simulate_hst(tmp_path, replace(scene, fluxes=(90000.0, 1e5), reference_fraction=1.0))
    from astropy.table import Table

    stars = Table.read(truth.catalog)
    with fits.open(truth.files[0]) as hdus:
        wcs = WCS(hdus["SCI", 1].header, hdus)
        x, y = wcs.all_world2pix(stars["RA"], stars["DEC"], 0)
        spots, count = label(hdus["SCI", 1].data > 3000.0)
        found = np.array(center_of_mass(hdus["SCI", 1].data, spots, range(1, count + 1)))
    distances = np.hypot(found[:, None, 1] - x, found[:, None, 0] - y).min(axis=1)
    assert np.median(distances) < 0.1  # what the catalog's error, and the cut, leave


def test_a_pointing_error_moves_all_chips_as_one(tmp_path: Path) -> None:
    truth = simulate_hst(tmp_path, replace(SMALL, pointing_error=(1.0, 0.0, 0.0)))
    for one in truth.exposures:
        first, second = errors_mas(one.path, one)
        assert first == pytest.approx(second, abs=0.01)
        assert first > 100.0


def test_motions_compose() -> None:
    header = template(CAMERAS["ACS/WFC"], (50, 50), (9.0, -70.0, 3.0), "j94f05bgq", 1.0)[1].header
    centre = (9.0, -70.0)
    there = moved(header, Motion(east=5.0, roll=30.0), centre)
    assert there["CRVAL1"] != header["CRVAL1"]
    turned = moved(moved(header, Motion(roll=30.0), centre), Motion(roll=-30.0), centre)
    for word in ("CRVAL1", "CRVAL2", "CD1_1", "CD2_1"):
        assert turned[word] == pytest.approx(header[word], rel=1e-12)


def test_cosmic_rays_are_as_many_and_as_bright_as_said() -> None:
    rng = np.random.default_rng(4)
    image = cosmic_rays((500, 500), Hits(1000.0, energy=1000.0, spread=0.0), rng)
    _, count = label(image > 5.0, structure=np.ones((3, 3)))
    assert 200 < count < 290
    assert image.sum() == pytest.approx(250 * 1000.0, rel=0.2)


def test_the_same_scene_gives_the_same_files(tmp_path: Path) -> None:
    scene = replace(SMALL, hits=Hits(2000.0), flagged=0.5)
    first, second = (simulate_hst(tmp_path / name, scene) for name in "ab")
    for one, two in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == two.read_bytes()
    with fits.open(first.files[0]) as hdus:
        assert 0.005 < np.mean(hdus["DQ", 1].data == 8192) < 0.05


def test_the_charge_of_cosmic_rays_is_known(tmp_path: Path) -> None:
    scene = replace(SMALL, exposures=1, seconds=1.0)
    without = simulate_hst(tmp_path / "without", scene)
    assert not any(charge.any() for charge in without.exposures[0].hits)
    truth = simulate_hst(tmp_path / "with", replace(scene, hits=Hits(3000.0)))
    for number, charge in enumerate(truth.exposures[0].hits, start=1):
        assert charge.shape == SMALL.shape
        squares = [
            fits.getdata(one.files[0], ("ERR", number)).astype(float) ** 2
            for one in (truth, without)
        ]
        assert np.allclose(squares[0] - squares[1], charge, rtol=1e-4, atol=0.05)
