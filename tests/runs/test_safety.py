"""From file to file: what is rejected changes nothing, and what may change is the user's choice."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from spoiled import with_noise
from states import file_state, meta_state, wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import (
    TOLERANCE_MAS,
    Aligned,
    aligned,
    errors_mas,
    models_of,
    opened,
    relative_errors_mas,
    result_files,
    run_results,
    statuses,
)

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import AlignmentError, MixedGroupError, NoMatchError
from tweakreg_step.simulate import Truth, load_truth, simulate_mosaic

METHODS = pytest.mark.parametrize("method", ["global", "sequential"])


def run(files: Truth, **options: Any) -> Any:
    return TweakRegStep.call(str(files.association), **({"sip_approx": False} | options))


def moved(library: Any) -> list[bool]:
    return ["v2v3corr" in m.meta.wcs.available_frames for m in models_of(library)]


# ---- dry run


@METHODS
def test_a_dry_run_changes_nothing_and_reports_the_same(
    pair: Truth, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = run_results(monkeypatch)
    catalog = str(pair.catalog) if method == "global" else ""  # one after another takes long
    options = {"abs_refcat": catalog, "align_method": method, "save_catalogs": True}
    given = opened(pair)
    given[0].meta.wcs.bounding_box = None
    before = [meta_state(model) for model in given]
    dry = models_of(TweakRegStep.call(given, apply_correction=False, **options))
    assert [meta_state(model) for model in dry] == before
    assert [meta_state(model) for model in given] == before
    TweakRegStep.call(given, sip_approx=False, **options)
    assert [result.run.dry_run for result in kept] == [True, False]
    assert kept[0].groups.relative == kept[1].groups.relative
    assert kept[0].groups.absolute == kept[1].groups.absolute
    moved = tuple(replace(outcome, moved=False) for outcome in kept[1].images.outcomes)
    assert kept[0].images.outcomes == moved
    assert all(v.applied for v in kept[0].groups.absolute or kept[0].groups.relative)
    assert bool(kept[0].groups.absolute) == (method == "global")


# ---- one bad group among good ones


def test_warn_aligns_the_good_and_leaves_the_bad_bit_for_bit(files: Truth) -> None:
    library = run(files, **with_noise(files, 1))
    assert statuses(library) == ["COMPLETE", "FAILED", "COMPLETE"]
    models = models_of(library)
    assert wcs_state(models[1]) == file_state(files.files[1])
    assert "v2v3corr" not in models[1].meta.wcs.available_frames
    good = Truth(files.folder, files.association, files.catalog, files.images[::2])
    assert max(relative_errors_mas(models[::2], good)) < 2 * TOLERANCE_MAS


@METHODS
def test_a_rejected_fit_does_not_leak_into_the_absolute_phase(files: Truth, method: str) -> None:
    """The sequential method must not say 'aligned' of an image whose catalog is noise."""
    options = with_noise(files, 1) | {"align_method": method, "abs_refcat": str(files.catalog)}
    library = run(files, **options)
    assert statuses(library) == ["COMPLETE", "FAILED", "COMPLETE"]
    models = models_of(library)
    assert wcs_state(models[1]) == file_state(files.files[1])
    errors = errors_mas(models, files)
    assert max(errors[0], errors[2]) < 2 * TOLERANCE_MAS


@METHODS
def test_skip_all_changes_no_image(files: Truth, method: str) -> None:
    library = run(files, **with_noise(files, 2), on_failure="skip_all", align_method=method)
    assert statuses(library) == ["SKIPPED", "SKIPPED", "FAILED"]
    before = [file_state(path) for path in files.files]
    assert [wcs_state(model) for model in models_of(library)] == before


def test_without_a_failure_the_rules_change_nothing(absolute: Aligned, relative: Aligned) -> None:
    for one, rule in ((absolute, "raise"), (relative, "skip_all")):
        assert ("on_failure", rule, "keyword") in one.result.run.parameters
        assert [model.meta.cal_step.tweakreg for model in one.models] == ["COMPLETE"] * 3


def test_raise_names_the_image_and_writes_nothing(files: Truth, tmp_path: Path) -> None:
    models = opened(files)
    before = [meta_state(model) for model in models]
    out = tmp_path / "out"
    options = with_noise(files, 0) | {"save_results": True, "output_dir": str(out)}
    with pytest.raises(NoMatchError, match=files.images[0].file_name) as caught:
        TweakRegStep.call(models, on_failure="raise", **options)
    assert isinstance(caught.value, AlignmentError)
    assert not result_files(out)
    assert [meta_state(model) for model in models] == before


@METHODS
def test_unrelated_catalogs_are_refused(files: Truth, method: str) -> None:
    library = run(files, **with_noise(files, 0, 1, 2), align_method=method)
    assert statuses(library) == ["FAILED"] * 3
    before = [file_state(path) for path in files.files]
    assert [wcs_state(model) for model in models_of(library)] == before


# ---- a failing absolute phase


@pytest.mark.parametrize(
    "how",
    [
        {"align_method": "sequential"},
        {"align_method": "global", "abs_method": "joint"},
        {"align_method": "global", "abs_method": "rigid"},
    ],
    ids=["sequential", "joint", "rigid"],
)
def test_a_failing_absolute_phase_leaves_the_relative_one(
    pair: Truth, how: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table.read(pair.catalog)
    rng = np.random.default_rng(1)
    for axis in ("RA", "DEC"):
        table[axis] = rng.uniform(table[axis].min(), table[axis].max(), len(table))
    table.write("noise.ecsv")
    kept = run_results(monkeypatch)
    library = run(pair, abs_refcat="noise.ecsv", **how)
    assert statuses(library) == ["COMPLETE"] * 2
    assert max(relative_errors_mas(models_of(library), pair)) < 2 * TOLERANCE_MAS
    result = kept[0]
    assert all(verdict.applied for verdict in result.groups.relative)
    assert not any(verdict.applied for verdict in result.groups.absolute)
    assert all("but not to the reference" in outcome.reason for outcome in result.images.outcomes)
    assert not any(str(m.meta.wcs.name).startswith("FIT-LVL3") for m in models_of(library))


# ---- groups that mix aligned and unaligned images


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Two exposures of two detectors, which move as one."""
    return simulate_mosaic(
        tmp_path_factory.mktemp("detectors"),
        seed=5,
        tiles=(1, 1),
        dithers=2,
        detectors=("NRCA1", "NRCA2"),
        shape=(512, 512),
        stars_per_image=45,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
    )


@pytest.fixture(scope="module")
def mixture(detectors: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the first exposure, one image was aligned before and the other one was not."""
    folder = tmp_path_factory.mktemp("mixture") / "input"
    shutil.copytree(detectors.folder, folder)
    once = aligned(detectors, folder.parent / "once", abs_refcat=str(detectors.catalog))
    name = detectors.images[0].file_name
    (once.folder / name.replace("_cal", "_tweakreg")).replace(folder / name)
    return folder


@pytest.fixture
def mixed(mixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Truth:
    shutil.copytree(mixture, tmp_path / "input")
    monkeypatch.chdir(tmp_path)
    return load_truth(tmp_path / "input" / "truth.json")


@METHODS
def test_mixed_groups_are_refused_and_others_aligned(mixed: Truth, method: str) -> None:
    before = [file_state(path) for path in mixed.files]
    options = {"abs_refcat": str(mixed.catalog), "align_method": method}
    run = aligned(mixed, Path("out"), sip_approx=False, **options)
    status = [model.meta.cal_step.tweakreg for model in run.models]
    assert status == ["FAILED", "FAILED", "COMPLETE", "COMPLETE"]
    assert [wcs_state(model) for model in run.models[:2]] == before[:2]
    assert max(errors_mas(run.models, mixed)[2:]) < 2 * TOLERANCE_MAS
    groups = run.result.groups
    assert [verdict.code for verdict in groups.relative] == ["mixed_group", "not_connected"]
    assert [verdict.code for verdict in groups.absolute] == ["mixed_group", "aligned"]
    assert "reset_wcs=True" in run.result.images.outcomes[0].reason
    # the group beside it is told what is missing
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    other = report["groups"][1]["relative"]
    assert other["code"] == "not_connected"
    name = report["groups"][0]["name"]
    assert f"the groups that it overlaps take no part, {name} (mixed_group)" in other["reason"]


def test_a_mixed_group_has_its_own_error(mixed: Truth) -> None:
    with pytest.raises(MixedGroupError, match="reset_wcs=True"):
        run(mixed, abs_refcat=str(mixed.catalog), on_failure="raise")
    with pytest.raises(MixedGroupError):  # also where it is the only group
        TweakRegStep.call([str(path) for path in mixed.files[:2]], on_failure="raise")


def test_reset_wcs_repairs_a_mixed_group(mixed: Truth) -> None:
    library = run(mixed, abs_refcat=str(mixed.catalog), reset_wcs=True)
    assert statuses(library) == ["COMPLETE"] * 4
    assert moved(library) == [True] * 4
    assert max(errors_mas(models_of(library), mixed)) < 2 * TOLERANCE_MAS


@pytest.fixture
def lacking(detectors: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """The first image can't be used, and bears the verdict of an earlier run."""
    shutil.copytree(detectors.folder, tmp_path / "input")
    monkeypatch.chdir(tmp_path)
    files = load_truth(tmp_path / "input" / "truth.json")
    with datamodels.open(files.files[0]) as model:
        model.meta.wcsinfo.v2_ref = None
        model.meta.tweakreg_report = {"verdict": "aligned"}
        model.save(files.files[0])
    return files


@pytest.mark.parametrize("bad", ["unusable", "unreadable"])
def test_a_report_says_of_a_group_that_it_lacks_an_image(lacking: Truth, bad: str) -> None:
    gone = lacking.files[0]
    if bad == "unreadable":
        gone.write_bytes(b"no exposure")
    options = {"abs_refcat": str(lacking.catalog), "save_results": True, "output_dir": "out"}
    models = models_of(run(lacking, **options))
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    (left_out,) = report["left_out"]
    group = report["groups"][0]["name"]
    assert (left_out["code"], left_out["group"], left_out["status"]) == (bad, group, "FAILED")
    assert [one["left_out"] for one in report["groups"]] == [[gone.name], []]
    said = f"1 of the 2 images of its group took part: {gone.name} was left out."
    assert [said in image["reason"] for image in report["images"]] == [True, False, False]
    assert len(list(Path("out").glob("*_tweakreg.fits"))) == (4 if bad == "unusable" else 3)
    # the images say it as well
    facts = [model.meta.tweakreg_report.instance for model in models]
    counts = [(fact.get("group_images"), fact.get("group_left_out")) for fact in facts]
    assert counts[-3:] == [(1, 1), (2, 0), (2, 0)]
    assert [fact["verdict"] for fact in facts[-3:]] == ["aligned"] * 3
    if bad == "unusable":
        assert (facts[0]["verdict"], facts[0]["code"]) == ("left alone", "unusable")
        assert models[0].meta.cal_step.tweakreg == "FAILED"
        assert counts[0] == (None, None)


def test_reset_wcs_forgets_the_first_alignment(absolute: Aligned, relative: Aligned) -> None:
    """Aligned, then once more from the WCS as delivered: as if it had been the first time."""
    once, first = absolute.models, relative.models
    again = models_of(TweakRegStep.call(once, sip_approx=False, reset_wcs=True))
    for one, other in zip(again, first, strict=True):
        assert one.meta.wcs.available_frames == other.meta.wcs.available_frames
        places = [model.meta.wcs([0.0, 511.0], [0.0, 300.0]) for model in (one, other)]
        # 1e-13 deg is the rounding of a right ascension
        np.testing.assert_allclose(*places, rtol=0.0, atol=2e-13)
