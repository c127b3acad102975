"""Parameters that are no good, and the report of a run that ends early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from step_outputs import call, statuses
from stpipe.exceptions import ValidationError

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import (
    InputError,
    ParameterError,
    TweakregError,
)
from tweakreg_step.simulate import Truth


def test_an_unknown_starfinder(files: Truth) -> None:
    with pytest.raises(ValidationError, match=r"'starfinder' is 'eyes'.*one of 'sep', 'iraf'"):
        call(files, starfinder="eyes")
    step = TweakRegStep()
    step.starfinder = "eyes"
    with pytest.raises(ParameterError, match=r"'starfinder' is 'eyes'.*one of 'sep', 'iraf'"):
        step.run(str(files.association))


@pytest.mark.parametrize("prefix", ["", "abs_"])
def test_a_tolerance_beyond_the_separation_is_refused_before_the_work(
    files: Truth, prefix: str
) -> None:
    for path in files.files:
        path.write_bytes(b"")  # would fail as soon as one is opened
    with pytest.raises(ParameterError, match=rf"'{prefix}separation' is 1 arcsec .* sqrt\(2\)"):
        call(files, align_method="sequential", **{f"{prefix}tolerance": 0.8})


def test_defaults_of_early_documentation_run_in_the_global_mode(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    early = {"separation": 0.5, "tolerance": 1.0, "abs_separation": 0.5, "abs_tolerance": 1.0}
    library = call(files, abs_refcat=str(files.catalog), nclip=5, **early)
    assert set(statuses(library)) == {"COMPLETE"}
    said = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Parameter ")]
    assert [text.split(",")[0] for text in said] == ["Parameter 'nclip' is 5"]


def test_an_unknown_refimage(files: Truth) -> None:
    with pytest.raises(ParameterError, match=r"no image or group 'other'.*Images are: jw0000100"):
        call(files, refimage="other")


def test_an_unknown_refimage_is_refused_before_the_work(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = "jw00001001001_02101_4"
    with pytest.raises(ParameterError, match=rf"group '{wanted}'.*Did you mean .*Images are: jw"):
        call(files, refimage=wanted, save_results=True, output_dir="out")
    assert "Sources:" not in caplog.text
    error = early_report(Path("out"))["error"]
    assert error["type"] == "ParameterError"
    assert wanted in error["message"]
    assert not list(Path("out").glob("*.fits"))


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_group_may_be_named_that_only_its_files_know(files: Truth, in_memory: bool) -> None:
    files.files[0].write_bytes(b"no exposure")
    names = [str(path) for path in files.files]
    library = TweakRegStep.call(names, refimage="jw00001001001_02101_3", in_memory=in_memory)
    assert statuses(library) == ["COMPLETE"] * 2


def early_report(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*_tweakreg.json")
    found: dict[str, Any] = json.loads(path.read_text())
    assert (path.name, found["images"], found["groups"]) == ("mosaic_tweakreg.json", [], [])
    return found


@pytest.mark.parametrize("how", [{"save_results": True}, {"save_report": True}])
def test_an_early_error_leaves_a_report(files: Truth, how: dict[str, bool]) -> None:
    files.files[1].unlink()
    with pytest.raises(InputError) as error:
        call(files, output_dir="out", **how)
    told = early_report(Path("out"))
    assert told["error"] == {"type": "InputError", "message": str(error.value)}
    assert {one["name"]: one["value"] for one in told["parameters"]}["minobj"] == 15


def test_nobody_asked_for_a_report(files: Truth) -> None:
    files.files[1].unlink()
    with pytest.raises(InputError):
        call(files, output_dir="out")
    with pytest.raises(InputError):
        call(files, output_dir="out", save_report=False, save_results=True)
    assert not list(Path().rglob("*_tweakreg.json"))


def test_a_failure_that_has_a_report_keeps_it(files: Truth) -> None:
    with pytest.raises(TweakregError):
        call(files, minobj=500, on_failure="raise", save_results=True, output_dir="out")
    report = json.loads(Path("out/mosaic_tweakreg.json").read_text())
    assert report["error"] is None
    assert len(report["groups"]) == 3


def test_the_second_run_of_a_step_reports_as_well(files: Truth) -> None:
    step = TweakRegStep(save_report=True, output_dir="out")
    step.save_results = True
    step.run(str(files.association))
    Path("out/mosaic_tweakreg.json").unlink()
    files.files[1].unlink()
    with pytest.raises(InputError):
        step.run(str(files.association))
    assert early_report(Path("out"))["error"]["type"] == "InputError"


def test_nothing_but_a_report_is_left_behind_by_an_error(files: Truth, tmp_path: Path) -> None:
    files.files[2].write_bytes(b"broken")
    with pytest.raises(InputError):
        call(
            files,
            on_failure="raise",
            in_memory=False,
            save_results=True,
            output_dir=str(tmp_path / "out"),
        )
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["mosaic_tweakreg.json", "mosaic_tweakreg_matches.ecsv"]
    assert not list(tmp_path.glob(".tweakreg*"))
