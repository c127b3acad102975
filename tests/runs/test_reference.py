"""The step with reference catalogs of moving stars: from a service, failing, saved and repeated."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.table import Table
from catalog_server import CatalogServer, serving
from stdatamodels.jwst import datamodels
from step_outputs import TOLERANCE_MAS, errors_mas, models_of, relative_errors_mas, result_files

from tweakreg_step.catalogs.reference.epoch import place
from tweakreg_step.catalogs.reference.stars import Stars
from tweakreg_step.catalogs.reference.web import service
from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.core.outcome import Code
from tweakreg_step.step import TweakRegStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.simulate import Truth

# matches of the sequential mode are not averaged: about 10 mas remain with a file as well
LIMITS_MAS = {"global": TOLERANCE_MAS, "sequential": 20.0}
EPOCH = 2000.0 + (60000.0 - 51544.5) / 365.25  # of the simulated exposures, 2023.15


def published(catalog: Path, epoch: float = EPOCH) -> Table:
    """Stars that are where a catalog has them at an epoch, as Gaia has them in 2016.

    All move by 30 mas/yr to the north-east and more, each on its own, with parallaxes.
    """
    truth, rng = Table.read(catalog), np.random.default_rng(11)
    count = len(truth)
    paths = {
        "parallax": rng.uniform(0.5, 10.0, count),
        "pmra": rng.normal(30.0, 20.0, count),
        "pmdec": rng.normal(30.0, 20.0, count),
    }
    ra, dec = (np.array(truth[name], float) for name in ("RA", "DEC"))
    goal_ra, goal_dec = ra.copy(), dec.copy()
    for _ in range(4):  # the inverse by iteration: the path hardly depends on the start
        stars = Stars(
            ra=ra, dec=dec, epoch=np.full(count, 2016.0), **paths,
            covariance=np.zeros((count, 5, 5)),
        )  # fmt: skip
        there_ra, there_dec, _ = place(stars, epoch)
        ra, dec = ra + goal_ra - there_ra, dec + goal_dec - there_dec
    table = Table({"source_id": np.arange(count), "ra": ra, "dec": dec} | paths)
    for name in ("ra", "dec", "parallax", "pmra", "pmdec"):
        table[f"{name}_error"] = np.full(count, 0.05)
    table["ref_epoch"], table["phot_g_mean_mag"] = 2016.0, rng.uniform(14.0, 20.0, count)
    return table


@pytest.fixture
def server(
    files: Truth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[CatalogServer]:
    monkeypatch.setattr(service, "BACK_OFF", 0.01)
    with serving(published(files.catalog)) as found:
        monkeypatch.setenv("ASTROMETRIC_CATALOG_URL", found.url)
        yield found


def call(files: Truth, folder: str, **options: Any) -> list[Any]:
    given = {"refcat_cache": "kept", "refcat_timeout": 2.0, "refcat_retries": 0}
    given |= {"abs_refcat": "GAIADR3", "save_report": True, "output_dir": folder}
    given |= {"sip_approx": False}
    return models_of(TweakRegStep.call(str(files.association), **(given | options)))


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_images_are_aligned_to_moving_stars(
    pair: Truth, server: CatalogServer, method: str
) -> None:
    models = call(pair, "out", align_method=method)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert [model.meta.wcs.name for model in models] == ["FIT-LVL3-GAIADR3"] * 2
    # believing the positions of 2016 would cost 7.15 years x 42 mas/yr = 300 mas
    assert max(errors_mas(models, pair)) < LIMITS_MAS[method]
    assert len(server.queries) == 1


def test_the_saved_catalog_repeats_the_result_to_the_bit(
    pair: Truth, server: CatalogServer
) -> None:
    call(pair, "one", save_abs_catalog=True, refnbright=60, save_results=True)
    saved = Table.read("one/fit_gaiadr3_ref.ecsv")
    assert len(saved) == 60
    assert saved.meta["release"] == "Gaia DR3"
    assert saved.meta["query"][0].startswith(server.url)
    assert saved.meta["date"].startswith("20")
    assert saved.meta["epoch"] == pytest.approx(EPOCH, abs=1e-4)
    moved = np.hypot(
        (saved["RA"] - saved["catalog_RA"]) * np.cos(np.radians(saved["DEC"])),
        saved["DEC"] - saved["catalog_DEC"],
    )
    assert np.median(moved) * 3.6e6 == pytest.approx(7.15 * 45.0, rel=0.2)
    given = shutil.copy("one/fit_gaiadr3_ref.ecsv", "mine.ecsv")
    call(pair, "two", abs_refcat=given, save_abs_catalog=True, save_results=True)
    again = Table.read("two/fit_mine_ref.ecsv")
    for name in saved.colnames:
        np.testing.assert_array_equal(again[name], saved[name])
    assert again.meta["query"] == saved.meta["query"]
    names = result_files(Path("one"))
    assert len(names) == 2
    for name in names:
        with datamodels.open(f"one/{name}") as first, datamodels.open(f"two/{name}") as second:
            grid = np.meshgrid([0.0, 100.0, 511.0], [0.0, 300.0, 511.0])
            for one, two in zip(first.meta.wcs(*grid), second.meta.wcs(*grid), strict=True):
                np.testing.assert_array_equal(one, two)
            assert first.meta.wcsinfo.instance == second.meta.wcsinfo.instance


@pytest.mark.parametrize(
    ("mode", "method", "code"),
    [
        ("error", "global", "reference_unreachable"),
        ("cut_off", "sequential", "reference_unreachable"),
        ("nothing", "global", "reference_unreachable"),
        ("names_only", "global", "reference_empty"),
    ],
)
def test_a_service_that_fails_leaves_the_relative_result(
    pair: Truth,
    server: CatalogServer,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    method: str,
    code: str,
) -> None:
    server.mode = mode
    with caplog.at_level(logging.INFO):
        models = call(pair, "out", align_method=method)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert not any("FIT-LVL3" in str(model.meta.wcs.name) for model in models)
    assert max(relative_errors_mas(models, pair)) < LIMITS_MAS[method]
    empty = code == "reference_empty"
    assert caplog.text.count("No absolute alignment: ") == 1
    assert ("No absolute alignment: The catalog service" in caplog.text) == (not empty)
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    sentence = "Aligned to the other images, but not to the reference. "
    sentence += "" if empty else "The catalog service"
    assert [image["reason"].startswith(sentence) for image in report["images"]] == [True] * 2
    assert {group["absolute"]["code"] for group in report["groups"]} == {code}
    # no stars is no failure of the service
    said = ["its answer is empty" in group["absolute"]["reason"] for group in report["groups"]]
    assert said == [empty] * 2


@pytest.mark.parametrize("mode", ["names_only", "error"])
def test_what_failed_is_raised_if_it_shall_be(
    pair: Truth, server: CatalogServer, mode: str
) -> None:
    server.mode = mode
    code = {"names_only": Code.REFERENCE_EMPTY, "error": Code.REFERENCE_UNREACHABLE}[mode]
    with pytest.raises(code.error):
        call(pair, "none", on_failure="raise")


def test_the_saved_catalog_of_a_file_says_where_it_is_from(pair: Truth) -> None:
    whole = Table.read(pair.catalog)
    whole["MAG"] = np.linspace(10.0, 20.0, len(whole))
    whole.write("stars.ecsv")
    call(pair, "out", abs_refcat="stars.ecsv", refnbright=60, save_abs_catalog=True)
    saved = Table.read("out/fit_stars_ref.ecsv")
    assert len(saved) == 60
    wanted = {
        "name": "stars.ecsv",
        "source": "stars.ecsv",
        "rows_read": len(whole),
        "rows_used": 60,
        "selection": "refnbright=60",
        "catalog_epoch": "not given",
    }
    assert {key: saved.meta[key] for key in wanted} == wanted
    details = json.loads(Path("out/mosaic_tweakreg.json").read_text())["reference"]["details"]
    assert details["selection"] == "refnbright=60"
    assert details["sha256"] == saved.meta["sha256"]


def test_offline_uses_what_was_kept(pair: Truth, server: CatalogServer) -> None:
    once = errors_mas(call(pair, "one"), pair)
    assert errors_mas(call(pair, "two", offline=True), pair) == once
    assert len(server.queries) == 1


def test_ra_in_hours_leaves_the_relative_result(pair: Truth, caplog: Any) -> None:
    table = Table.read(pair.catalog)
    table["RA"] = np.asarray(table["RA"]) / 15.0
    table["RA"].unit = None
    table.write("hours.ecsv")
    with caplog.at_level(logging.WARNING):
        models = call(pair, "out", abs_refcat="hours.ecsv")
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert "are in hours" in caplog.text


def test_each_group_has_its_own_epoch(files: Truth) -> None:
    """One exposure says that it is four years younger than the others, and shows other stars."""
    from tweakreg_step.catalogs.reference import at_epoch
    from tweakreg_step.core.images import Groups
    from tweakreg_step.pipeline.reference_stars import reference_of
    from tweakreg_step.telescopes.wcs.footprints import group_epochs

    epochs = np.array([EPOCH, EPOCH, EPOCH + 4.0])
    table = published(files.catalog)
    table.rename_columns(["ra", "dec"], ["RA", "DEC"])
    moved = at_epoch(table, float(np.mean(epochs)))
    reference = reference_of(moved, epochs)
    assert reference.epoch_ra is not None
    assert reference.epoch_ra.shape == (3, len(table))
    single = reference_of(at_epoch(table, EPOCH + 4.0))
    # 2e-9 deg is 0.007 mas: epochs are rounded to an hour, in which no star here moves as far
    np.testing.assert_allclose(reference.epoch_ra[2], single.ra, atol=2e-9)
    first = reference_of(at_epoch(table, EPOCH))
    np.testing.assert_allclose(reference.epoch_ra[0], first.ra, atol=2e-9)
    assert reference_of(moved, np.full(3, np.nan)).epoch_ra is None
    assert reference_of(at_epoch(table, EPOCH), np.full(3, EPOCH) + 1e-6).epoch_ra is None
    assert group_epochs(Groups.of([])).size == 0


def test_groups_of_two_epochs_are_aligned_to_where_the_stars_were() -> None:
    """Two groups, eight years apart: with one epoch for both, stars would be 160 mas off."""
    from astropy.table import Table

    from tweakreg_step.alignment.joint import solve_jointly
    from tweakreg_step.catalogs.reference import at_epoch, stars_of
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.options import Options
    from tweakreg_step.pipeline.reference_stars import reference_of

    rng, count, epochs = np.random.default_rng(5), 150, np.array([2017.0, 2025.0])
    table = Table(
        {
            "RA": 20.0 + rng.uniform(-0.015, 0.015, count),
            "DEC": rng.uniform(-0.015, 0.015, count),
            "pmra": rng.normal(0.0, 20.0, count),
            "pmdec": rng.normal(40.0, 20.0, count),
            "ref_epoch": np.full(count, 2016.0),
            "parallax": np.ones(count),
        }
    )
    for name in ("ra", "dec", "parallax", "pmra", "pmdec"):
        table[f"{name}_error"] = np.full(count, 0.02)
    stars = stars_of(table)
    assert stars is not None
    seen = [place(stars, epoch)[:2] for epoch in epochs]
    wrong = np.array([[0.2, -0.1], [-0.15, 0.3]])  # arcsec: what the pointing is off
    noise = rng.normal(0.0, 0.001, (2, 2, count))
    ra, dec = (
        np.concatenate([seen[g][axis] + (wrong[g, axis] + noise[g, axis]) / 3600.0 for g in (0, 1)])
        for axis in (0, 1)
    )
    detections = Detections.simple(ra, dec, np.repeat([0, 1], count), 0.001)
    moved = at_epoch(table, float(epochs.mean()))
    solution = solve_jointly(
        detections, 2, reference_of(moved, epochs), Options(fitgeometry="shift")
    )
    assert solution.groups.anchored.all()
    # the error of a mean of 150 positions good to 1 mas, five times
    np.testing.assert_allclose(solution.groups.shift, -wrong, atol=5 * 0.001 / np.sqrt(150.0))
    assert np.max(solution.groups.rms_mas) < 1.2
    # one epoch for both is what a catalog at a mean epoch does
    blurred = solve_jointly(detections, 2, reference_of(moved), Options(fitgeometry="shift"))
    assert np.max(np.abs(np.nan_to_num(blurred.groups.shift) + wrong)) > 0.02


def test_an_epoch_that_is_no_year_is_refused_before_sources_are_found(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    table = published(files.catalog)
    table["ref_epoch"] = 57388.5
    table.write(files.folder / "days.ecsv")
    with pytest.raises(CatalogError, match=r"57388\.5 in .* MJD of the year 2016\.00"):
        TweakRegStep.call(str(files.association), abs_refcat=str(files.folder / "days.ecsv"))
    assert "sources" not in caplog.text


@pytest.mark.parametrize("count", [3, 8, 14])
def test_a_catalog_with_fewer_stars_than_needed(
    count: int, files: Truth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exposures are aligned to each other, and why not to the catalog is said."""
    monkeypatch.chdir(tmp_path)
    table = Table.read(files.catalog)
    ra, dec = table["RA"] - np.mean(table["RA"]), table["DEC"] - np.mean(table["DEC"])
    table[np.argsort(np.hypot(ra * np.cos(np.deg2rad(table["DEC"])), dec))[:count]].write(
        "few.ecsv"
    )
    models = call(files, "out", abs_refcat="few.ecsv")
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    assert {group["standing"] for group in report["groups"]} == {"relative only"}
    assert all(not group["absolute"]["applied"] for group in report["groups"])
    assert max(relative_errors_mas(models, files)) < TOLERANCE_MAS
