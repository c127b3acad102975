"""What is wrong with one image is the outcome of that image, found when it is read."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import models_of, opened, result_files

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.pipeline.methods import align_jointly
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst import JWST

if TYPE_CHECKING:
    from collections.abc import Callable


def box(*limits: float) -> Callable[[Any], None]:
    def spoil(model: Any) -> None:
        model.meta.wcs.bounding_box = (limits[:2], limits[2:])

    return spoil


def word(path: str, value: Any) -> Callable[[Any], None]:
    def spoil(model: Any) -> None:
        *above, name = path.split(".")
        words = model.meta.instance
        for part in above:
            words = words[part]
        words[name] = value

    return spoil


def scaled(factor: float) -> Callable[[Any], None]:
    def spoil(model: Any) -> None:
        from astropy.modeling.models import Scale

        wcs = model.meta.wcs
        wcs.insert_transform(wcs.pipeline[0].frame, Scale(factor) & Scale(factor), after=True)

    return spoil


SPOILED = {
    "infinite box": (box(-np.inf, np.inf, -np.inf, np.inf), "bounding box"),
    "box with NaN": (box(-0.5, np.nan, -0.5, 511.5), "bounding box"),
    "box of 1e9 pixels": (box(-1e9, 1e9, -0.5, 511.5), "bounding box"),
    "box the other way round": (box(511.5, -0.5, -0.5, 511.5), "bounding box"),
    "box of nothing": (box(5.0, 5.0, 5.0, 5.0), "bounding box"),
    "v2_ref NaN": (word("wcsinfo.v2_ref", np.nan), "'v2_ref'"),
    "v3_ref infinite": (word("wcsinfo.v3_ref", np.inf), "'v3_ref'"),
    "v3_ref 1e300": (word("wcsinfo.v3_ref", 1e300), "'v3_ref'"),
    "roll_ref text": (word("wcsinfo.roll_ref", "north"), "'roll_ref'"),
    "roll_ref list": (word("wcsinfo.roll_ref", [1.0]), "'roll_ref'"),
    "roll_ref truth": (word("wcsinfo.roll_ref", True), "'roll_ref'"),
    "cal_step text": (word("cal_step", "COMPLETE"), "'meta.cal_step'"),
    "cal_step list": (word("cal_step", []), "'meta.cal_step'"),
    "wcsinfo number": (word("wcsinfo", 5), "'meta.wcsinfo'"),
    "instrument text": (word("instrument", "NIRCAM"), "'meta.instrument'"),
    "exposure list": (word("exposure", [1]), "'meta.exposure'"),
    "wcs text": (word("wcs", "a WCS"), ""),
    "pixels of nothing": (scaled(0.0), "pixels of"),
    "pixels of degrees": (scaled(1e9), ""),
    "WCS with NaN": (scaled(np.nan), "must be on the sky"),
}


@pytest.fixture(scope="module")
def reported(stack: Truth, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one run on two good images and one with each of the faults."""
    models, folder = opened(stack)[::2], tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Invalid interval", RuntimeWarning)  # as it is meant
        for number, (spoil, _) in enumerate(SPOILED.values()):
            bad = datamodels.open(stack.files[1])
            bad.meta.filename = f"bad{number}_cal.fits"
            spoil(bad)
            models.append(bad)
        patch.chdir(folder)
        library = TweakRegStep.call(models, save_report=True)
    returned = [model.meta.filename for model in models_of(library)]
    report: dict[str, Any] = json.loads(next(folder.glob("*_tweakreg.json")).read_text())
    return report | {"returned": returned}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_bad_image_is_left_out_by_name(reported: dict[str, Any], fault: str) -> None:
    name = f"bad{list(SPOILED).index(fault)}_cal.fits"
    (left_out,) = [one for one in reported["left_out"] if one["name"] == name]
    assert SPOILED[fault][1] in left_out["reason"]
    assert name in left_out["reason"]


def test_bad_images_cost_good_ones_nothing(stack: Truth, reported: dict[str, Any]) -> None:
    assert len(reported["left_out"]) == len(SPOILED)
    assert [one["status"] for one in reported["images"]] == ["COMPLETE", "COMPLETE"]
    assert {path.name for path in stack.files[::2]} <= set(reported["returned"])


def failing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    apply = JWST.apply

    def applying(self: JWST, model: Any, change: Any) -> Any:
        problems = apply(self, model, change)
        if model.meta.filename == name:
            raise ZeroDivisionError("of a kind that nobody expects")
        return problems

    monkeypatch.setattr(JWST, "apply", applying)


def test_an_image_that_cannot_be_changed_stays_as_it_is(
    pair: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = pair.files[1].name
    failing(monkeypatch, bad)
    before = opened(pair)
    options = {"save_results": True, "output_dir": "out", "in_memory": True}
    TweakRegStep.call(str(pair.association), **options)
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    status = {one["name"]: (one["status"], one["reason"]) for one in report["images"]}
    assert "of a kind that nobody expects" in status[bad][1]
    assert [s for s, _ in status.values()] == ["COMPLETE", "FAILED"]
    assert len(result_files(Path("out"))) == 2
    with datamodels.open(Path("out") / bad.replace("_cal", "_tweakreg")) as model:
        assert model.meta.cal_step.tweakreg is None
        assert "v2v3corr" not in model.meta.wcs.available_frames
        assert model.meta.wcsinfo.instance == before[1].meta.wcsinfo.instance


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_report_never_says_complete_of_what_is_not_written(
    pair: Truth, monkeypatch: pytest.MonkeyPatch, n_workers: int
) -> None:
    bad = pair.files[1].name
    Path("out", bad.replace("_cal", "_tweakreg")).mkdir(parents=True)
    with pytest.raises(OutputError, match=r"1 of 2 results could not be written"):
        TweakRegStep.call(
            str(pair.association), save_results=True, output_dir="out", n_workers=n_workers
        )
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    reasons = {one["name"]: one["reason"] for one in report["images"]}
    status = {one["name"]: one["status"] for one in report["images"]}
    assert status.pop(bad) == "FAILED"
    assert "can't be written" in reasons[bad]
    assert set(status.values()) == {"COMPLETE"}


def test_a_wcs_that_takes_no_correction(pair: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    correct, bad = align_jointly.correct, pair.files[1].name

    def correcting(plane: Any, *args: Any) -> Any:
        if plane.corrector.meta["name"] == bad:
            raise ZeroDivisionError("of a kind that nobody expects")
        return correct(plane, *args)

    monkeypatch.setattr(align_jointly, "correct", correcting)
    models = opened(pair)
    library = TweakRegStep.call(models, save_report=True, refimage=pair.files[0].name)
    report = json.loads(next(Path().glob("*_tweakreg.json")).read_text())
    status = {one["name"]: (one["status"], one["reason"]) for one in report["images"]}
    assert status[bad][0] == "FAILED"
    assert "of a kind that nobody expects" in status[bad][1]
    with library:
        changed = [library.borrow(i) for i in range(2)]
        for index, model in enumerate(changed):
            library.shelve(model, index, modify=False)
    assert changed[1].meta.cal_step.tweakreg == "FAILED"
    assert "v2v3corr" not in changed[1].meta.wcs.available_frames
