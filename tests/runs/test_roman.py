"""Roman exposures from files to files, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from roman_datamodels import datamodels
from roman_exposures import (
    align,
    aligned,
    copied,
    exposures,
    largest_error,
    opened,
    results,
    undated,
)
from stdatamodels.exceptions import NoTypeWarning
from stdatamodels.jwst import datamodels as jwst_datamodels

from tweakreg_step import TweakRegStep, remove_correction
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.exposures import write
from tweakreg_step.simulate import Truth, pixel_of, true_wcs
from tweakreg_step.telescopes.roman import Roman

TOLERANCE_MAS = 1.0
"""A hundredth of a pixel; the errors of these scenes are 0.1 to 0.3 mas."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def grid(wcs: Any) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 359, 5), np.linspace(0, 359, 5))
    return np.array(wcs.forward_transform(x, y))


def test_from_files_to_files(tmp_path: Path) -> None:
    truth = exposures()
    found = results(truth, aligned())
    assert largest_error([*truth.files], truth) > 100.0 > TOLERANCE_MAS
    assert largest_error(found, truth) < TOLERANCE_MAS
    model = opened(found[0])
    assert model.validate() is None
    assert model.meta.wcs.name == "FIT-LVL2-reference.ecsv"
    assert model.meta.cal_step.tweakreg == "COMPLETE"
    assert model.meta.filename == found[0].name
    assert model.meta.wcs_fit_results["status"] == "SUCCESS"
    assert model.meta.tweakreg_report["verdict"] == "aligned"
    assert model.meta.wcsinfo.s_region.startswith("POLYGON ICRS")
    given = opened(truth.files[0])
    assert model.meta.wcsinfo.s_region != given.meta.wcsinfo.s_region
    for name in ("data", "err", "dq"):
        np.testing.assert_array_equal(np.asarray(model[name]), np.asarray(given[name]))
    report = json.loads(next(aligned().glob("*.json")).read_text())
    assert [len(group["images"]) for group in report["groups"]] == [2, 2]
    assert [group["name"] for group in report["groups"]] == sorted(
        {image.group for image in truth.images}
    )
    assert report["versions"]["roman_datamodels"] != "unknown"


def test_results_whose_blocks_are_copied_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_copy, ways = write._copied, []
    monkeypatch.setattr(write, "_copied", lambda *task: ways.append(by_copy(*task)) or ways[-1])
    every = exposures()
    truth = replace(every, images=every.images[:2])
    for folder in ("short", "long"):
        align([*map(str, truth.files)], truth, save_results=True, output_dir=folder)
        monkeypatch.setattr(Roman, "open_to_write", lambda *_: None)
    assert ways == [True] * len(truth.files) + [False] * len(truth.files)
    for one, other in zip(
        results(truth, tmp_path / "short"), results(truth, tmp_path / "long"), strict=True
    ):
        assert undated(one) == undated(other)


def test_the_delivered_wcs_comes_back(tmp_path: Path) -> None:
    truth = exposures()
    found = results(truth, aligned())
    # aligned twice, undone once
    align([*map(str, found)], truth, save_results=True, output_dir="again")
    again = [tmp_path / "again" / path.name for path in found]
    assert largest_error(again, truth) < TOLERANCE_MAS
    assert remove_correction(again[0]) == again[0]
    given, back = opened(truth.files[0]), opened(again[0])
    np.testing.assert_array_equal(grid(back.meta.wcs), grid(given.meta.wcs))
    assert back.meta.wcs.available_frames == given.meta.wcs.available_frames
    assert back.meta.wcsinfo.s_region == given.meta.wcsinfo.s_region
    assert back.meta.cal_step.tweakreg == "INCOMPLETE"
    assert "tweakreg_report" not in back.meta


def test_an_association_and_workers(tmp_path: Path) -> None:
    truth = exposures()
    library = align(str(truth.association), truth, in_memory=False, n_workers=2)
    with library:
        for index, image in enumerate(truth.images):
            model = library.borrow(index)
            assert model.meta.filename == image.file_name
            assert "v2v3corr" in model.meta.wcs.available_frames
            assert model.meta.asn.exptype == "science"
            library.shelve(model, index, modify=False)


def test_models_in_memory_are_copied(tmp_path: Path) -> None:
    truth = exposures()
    models = [opened(path) for path in truth.files]
    library = align(models, truth)
    assert all("v2v3corr" not in model.meta.wcs.available_frames for model in models)
    with library:
        result = library.borrow(0)
        assert isinstance(result, datamodels.ImageModel)
        assert "v2v3corr" in result.meta.wcs.available_frames
        library.shelve(result, 0, modify=False)


def catalog_of(truth: Truth, number: int) -> Table:
    """True positions of the reference stars on an image, as the mission's source catalogs are."""
    image, stars = truth.images[number], Table.read(truth.catalog)
    x, y = pixel_of(true_wcs(image), stars["RA"], stars["DEC"])
    inside = (x > 0) & (x < 359) & (y > 0) & (y < 359)
    x, y = x[inside], y[inside]
    table = Table({"label": np.arange(len(x)), "x_psf": x, "y_psf": y})
    table["x_psf_err"] = table["y_psf_err"] = 0.01
    table["warning_flags"] = np.zeros(len(x), int)
    # rows that must not be used
    for shift in (3.0, 7.0, 11.0):
        table.add_row({"x_psf": 100.0 + shift, "y_psf": 50.0, "warning_flags": 4})
    return table


def test_catalogs_of_the_step_before_are_used_from_memory(tmp_path: Path) -> None:
    truth = exposures()
    models = [opened(path) for path in truth.files]
    for number, model in enumerate(models):
        model["data"] = np.zeros_like(model.data)  # nothing could be found
        model.meta["source_catalog"] = {"tweakreg_catalog": catalog_of(truth, number).as_array()}
    align(models, truth, save_results=True, output_dir="out")
    found = results(truth, tmp_path / "out")
    assert largest_error(found, truth) < TOLERANCE_MAS
    assert "tweakreg_catalog" not in opened(found[0]).meta.source_catalog


def test_catalogs_that_the_metadata_name(tmp_path: Path) -> None:
    """Half of them in each of the two formats."""
    truth = exposures()
    models = [opened(path) for path in truth.files]
    for number, model in enumerate(models):
        name = f"cat{number}.{('ecsv', 'parquet')[number // 2 % 2]}"
        catalog_of(truth, number).write(name)
        model["data"] = np.zeros_like(model.data)
        model.meta["source_catalog"] = {"tweakreg_catalog_name": name}
    align(models, truth, save_results=True, output_dir="out", use_custom_catalogs=True)
    assert largest_error(results(truth, tmp_path / "out"), truth) < TOLERANCE_MAS


def test_a_file_opened_by_the_software_of_another_mission() -> None:
    truth = exposures()
    with pytest.warns(NoTypeWarning):
        wrong = jwst_datamodels.open(truth.files[0])
    with (
        wrong as model,
        pytest.raises(InputError, match=r"is an exposure of ROMAN that was opened as a Jwst"),
    ):
        TweakRegStep.call(model)


def test_a_bad_exposure_costs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    truth = exposures()
    paths = copied(truth, tmp_path / "in")
    with datamodels.open(paths[3]) as model:
        bad = model.copy()
    bad.meta.wcsinfo["roll_ref"] = -999999.0
    bad.save(paths[3])
    align([*map(str, paths)], truth, save_results=True, output_dir="out")
    assert "lacks roll_ref in 'meta.wcsinfo'" in caplog.text
    assert len([*Path("out").glob("*_tweakreg.asdf")]) == 4
