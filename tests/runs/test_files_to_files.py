"""From file to file: what is read once, what is copied, what changes meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import call, result_files

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.exposures import write
from tweakreg_step.files import copied_parts
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst import models


def refuse(*_: Any, **_options: Any) -> None:
    raise AssertionError("stdatamodels opened a file")


@pytest.mark.parametrize("workers", [1, 2])
def test_files_of_stdatamodels_are_not_opened_by_it(pair: Truth, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.datamodels, "open", refuse)
        call(pair, save_results=True, output_dir="out", n_workers=workers)
    assert len(result_files(Path("out"))) == 2
    for name in result_files(Path("out")):
        with datamodels.open(Path("out") / name) as model:
            assert model.meta.cal_step.tweakreg == "COMPLETE"
            assert "v2v3corr" in model.meta.wcs.available_frames


def test_results_are_the_same_by_the_long_way(pair: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"abs_refcat": str(pair.catalog), "save_results": True, "sip_approx": True}
    call(pair, output_dir="short", **options)
    for way in ("open_to_read", "open_to_write"):
        monkeypatch.setattr(models.JWST, way, lambda *_: None)
    call(pair, output_dir="long", **options)
    for name in result_files(Path("short")):
        with (
            datamodels.open(Path("short") / name) as one,
            datamodels.open(Path("long") / name) as other,
        ):
            mine, theirs = (model.to_flat_dict(include_arrays=False) for model in (one, other))
            differing = {key for key in mine | theirs if mine.get(key) != theirs.get(key)}
            assert {key.split(".")[-1] for key in differing} <= {"date", "wcs", "_fits_hash"}
            assert one.meta.wcs(5.0, 500.0) == other.meta.wcs(5.0, 500.0)
            for array in ("data", "err", "dq", "var_rnoise"):
                np.testing.assert_array_equal(getattr(one, array), getattr(other, array))


def test_a_file_that_changes_meanwhile_gets_no_result(
    pair: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, writing = pair.files[1], write.write_exposure

    def changed(task: Any) -> str:
        if task.file.path == str(bad):
            os.utime(bad, ns=(0, 17))
        return writing(task)

    monkeypatch.setattr(write, "write_exposure", changed)
    with pytest.raises(OutputError, match=r"1 of 2 results .*was changed by something else"):
        call(pair, save_results=True, output_dir="out")
    assert len(result_files(Path("out"))) == 1
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    assert [i["status"] for i in report["images"]].count("COMPLETE") == 1


def test_a_file_that_changes_while_it_is_copied_gets_no_result(
    pair: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, copy = pair.files[1], copied_parts._copy

    def changing(source: int, target: int, part: Any) -> None:
        copy(source, target, part)
        if os.path.samestat(os.fstat(source), bad.stat()):
            os.utime(bad, ns=(0, 17))

    monkeypatch.setattr(copied_parts, "_copy", changing)
    with pytest.raises(OutputError, match=r"1 of 2 results .*was changed by something else"):
        call(pair, save_results=True, output_dir="out")
    assert len(result_files(Path("out"))) == 1


def test_a_full_disk_leaves_nothing_half_written(
    pair: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copied_parts, "_copy", full)
    with pytest.raises(OutputError, match=r"2 of 2 results .*No space left on device"):
        call(pair, save_results=True, output_dir="out")
    assert not result_files(Path("out"))
    assert not list(Path("out").glob(".tweakreg*"))


def test_files_whose_results_are_written_stay_on_disk(pair: Truth) -> None:
    library = call(pair, save_results=True, output_dir="out")
    assert not library.keeps_models
    assert not list(Path("out").glob(".*"))
    with library:
        model = library.borrow(0)
        assert model.meta.filename.endswith("_tweakreg.fits")
        library.shelve(model, 0, modify=False)
    assert call(pair).keeps_models
    assert call(pair, save_results=True, in_memory=True, output_dir="out").keeps_models
