"""Images that AstroDrizzle has made: aligned, and used to check an alignment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hst_visits import align, largest_error, results, visit

from tweakreg_step import TweakRegStep, remove_correction

DRIZZLED = {"camera": "ACS/WFC drizzled", "shape": (300, 300), "stars": 40}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def single(path: Path, folder: Path, *, weights: bool) -> str:
    """A singly drizzled image as AstroDrizzle writes it, its weights in a file beside it."""
    root = path.name.split("_")[0]
    with fits.open(path) as hdus:
        header = hdus[0].header + hdus["SCI", 1].header
        data = hdus["SCI", 1].data.copy()
        data[:60] = 0.0  # no exposure was there
        fits.PrimaryHDU(data, header).writeto(folder / f"{root}_single_sci.fits")
        if weights:
            fits.PrimaryHDU(500.0 * (data != 0)).writeto(folder / f"{root}_single_wht.fits")
    return str(folder / f"{root}_single_sci.fits")


def test_mosaics_are_aligned_each_as_a_group_of_its_own(tmp_path: Path) -> None:
    truth = visit(exposures=2, **DRIZZLED)
    align(list(map(str, truth.files)), truth, save_results=True, output_dir="out")
    found = results(truth, tmp_path / "out", "{root}_drc.fits")
    assert largest_error([*truth.files], truth) > 100.0
    assert largest_error(found, truth) < 1.5
    remove_correction(found[0])
    assert found[0].read_bytes() == truth.files[0].read_bytes()


@pytest.mark.parametrize("weights", [True, False])
def test_a_dry_run_tells_what_is_left_of_shift_and_roll(tmp_path: Path, weights: bool) -> None:
    """The check of the handbook: images drizzled singly onto one frame."""
    truth = visit(exposures=3, pointing_error=(0.0, 0.0, 0.0), **DRIZZLED)
    given = [single(path, tmp_path, weights=weights) for path in truth.files]
    TweakRegStep.call(given, apply_correction=False, save_report=True)
    report = json.loads(next(tmp_path.glob("*_tweakreg.json")).read_text())
    for group in report["groups"]:
        left = group["correction"]
        for value, sigma in (
            *zip(left["shift_mas"], left["shift_sigma_mas"], strict=True),
            (left["roll_arcsec"], left["roll_sigma_arcsec"]),
        ):
            assert abs(value) < 4.0 * sigma
        assert max(left["shift_sigma_mas"]) < 0.5
        assert left["roll_sigma_arcsec"] < 15.0


def test_an_offset_of_one_of_them_is_seen(tmp_path: Path) -> None:
    truth = visit(exposures=3, pointing_error=(0.0, 0.0, 0.0), **DRIZZLED)
    given = [single(path, tmp_path, weights=True) for path in truth.files]
    with fits.open(given[0], mode="update") as hdus:
        hdus[0].header["CRVAL2"] += 10.0 / 3.6e6  # mas
    TweakRegStep.call(given, apply_correction=False, save_report=True)
    report = json.loads(next(tmp_path.glob("*_tweakreg.json")).read_text())
    moved = np.array([group["correction"]["shift_mas"][1] for group in report["groups"]])
    assert np.ptp(moved) == pytest.approx(10.0, abs=1.0)
    assert fits.getval(given[0], "CRVAL2") != fits.getval(given[1], "CRVAL2")
