"""An image that does not move with its group: what the step does with it, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from states import file_state, wcs_state
from step_outputs import models_of, run_results, statuses

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import NotRigidError
from tweakreg_step.report.statistics import hints
from tweakreg_step.simulate import Truth, pixel_of, simulate_mosaic, true_wcs

OFF = 7  # the image whose sources lie 5 pixels beside
PIXELS = 512


@pytest.fixture(scope="module")
def three_detectors(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Three dithers of three detectors; their catalogs are made, so that pixels need no stars."""
    return simulate_mosaic(
        tmp_path_factory.mktemp("three"),
        seed=8,
        tiles=(1, 1),
        dithers=3,
        dither_size=1.0,
        detectors=("NRCA1", "NRCA2", "NRCA3"),
        shape=(PIXELS, PIXELS),
        stars_per_image=50,
        reference_fraction=1.0,
    )


def options(truth: Truth) -> dict[str, Any]:
    stars, lines = Table.read(truth.catalog), []
    for number, image in enumerate(truth.images):
        rng = np.random.default_rng(number)
        x, y = pixel_of(true_wcs(image), np.asarray(stars["RA"]), np.asarray(stars["DEC"]))
        inside = (x > 8) & (x < PIXELS - 8) & (y > 8) & (y < PIXELS - 8)
        place = np.stack([x, y])[:, inside] + rng.normal(0.0, 0.03, (2, inside.sum()))
        place[0] += 5.0 * (number == OFF)
        Table(place.T, names=["x", "y"]).write(f"{number}.ecsv")
        lines.append(f"{image.file_name} {number}.ecsv")
    Path("catfile.txt").write_text("\n".join(lines) + "\n")
    return {"use_custom_catalogs": True, "catfile": "catfile.txt", "sip_approx": False}


def test_it_is_left_as_it_was_and_named(
    three_detectors: Truth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = run_results(monkeypatch)
    given = options(three_detectors)
    association = str(three_detectors.association)
    library = TweakRegStep.call(association, save_report=True, output_dir="out", **given)
    expected = ["FAILED" if number == OFF else "COMPLETE" for number in range(9)]
    assert statuses(library) == expected
    name = three_detectors.images[OFF].file_name
    assert f"{name}: Left as it was" in caplog.text
    assert any(hint.text.startswith(name) for hint in hints(kept[0]))
    models = models_of(library)
    assert wcs_state(models[OFF]) == file_state(three_detectors.files[OFF])
    facts = models[OFF].meta.tweakreg_report.instance
    assert (facts["code"], facts["verdict"], facts["moved"]) == ("image_apart", "left alone", False)
    size = np.hypot(facts["image_offset_east_mas"], facts["image_offset_north_mas"])
    assert size == pytest.approx(5.0 * 31.0, abs=5.0)
    other = models[OFF - 1].meta.tweakreg_report.instance
    assert other["code"] == "aligned"
    assert other["image_matches"] > 20
    assert 0.0 < other["image_rms_mas"] < 3.0
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    image = report["images"][OFF]
    assert image["code"] == "image_apart"
    assert "'group_id' of its own" in image["reason"]
    assert "'detector_motion'" in image["reason"]
    assert np.hypot(*image["fit"]["offset_mas"]) == pytest.approx(size, abs=0.01)
    assert_fits(report, facts)
    assert {group["standing"] for group in report["groups"]} == {"aligned"}
    with pytest.raises(NotRigidError, match="1 of 9 images"):
        TweakRegStep.call(association, on_failure="raise", **given)


def assert_fits(report: dict[str, Any], facts: dict[str, Any]) -> None:
    """What the report has of the image that is off, and of one beside it."""
    fit, other = (report["images"][number]["fit"] for number in (OFF, OFF - 1))
    assert abs(fit["roll_arcsec"]) < 5.0 * fit["roll_sigma_arcsec"]
    assert facts["image_roll_arcsec"] == pytest.approx(fit["roll_arcsec"], abs=1e-3)
    assert np.hypot(*fit["beside_mas"]) == pytest.approx(5.0 * 31.0, abs=5.0)
    assert np.hypot(*other["beside_mas"]) < 5.0 * other["beside_sigma_mas"]
    assert (fit["matched_share"], other["matched_share"]) == (0.0, pytest.approx(0.95, abs=0.06))


def test_one_group_after_another_leaves_it_out_too(
    three_detectors: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = options(three_detectors)
    association = str(three_detectors.association)
    library = TweakRegStep.call(
        association, align_method="sequential", save_report=True, output_dir="out", **given
    )
    assert statuses(library) == ["FAILED" if number == OFF else "COMPLETE" for number in range(9)]
    model = models_of(library)[OFF]
    assert wcs_state(model) == file_state(three_detectors.files[OFF])
    facts = model.meta.tweakreg_report.instance
    assert facts["code"] == "image_apart"
    size = np.hypot(facts["image_offset_east_mas"], facts["image_offset_north_mas"])
    assert size == pytest.approx(5.0 * 31.0, abs=5.0)
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    assert report["images"][OFF]["fit"]["offset_sigma_mas"] < 1.0
    assert all(image["fit"]["matches"] > 20 for image in report["images"][:OFF])
    assert all(0.1 < image["fit"]["rms_mas"] < 5.0 for image in report["images"][:OFF])
    assert {group["standing"] for group in report["groups"]} == {"aligned"}
