"""Results that can't be written: said before the work where it can be; no file is half-written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from stdatamodels.jwst.datamodels import ImageModel
from step_outputs import Aligned, call, result_files

from tweakreg_step.core.exceptions import (
    OutputError,
)
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.jwst import copied_draft


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_an_output_directory_that_cannot_be(files: Truth, folder: str) -> None:
    Path("file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"output folder 'file.*Choose another 'output_dir'"):
        call(files, save_results=True, output_dir=folder)


def test_an_unwritable_folder_is_noticed_before_the_work(
    files: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tweakreg_step.files.whole_files.tempfile.mkstemp", refuse)
    for path in files.files:
        path.write_bytes(b"")  # would fail as soon as one is opened
    with pytest.raises(OutputError, match=r"Read-only file system.*nothing was done"):
        call(files, save_results=True)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_failing_write_leaves_the_old_file_whole(
    files: Truth,
    absolute: Aligned,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    in_memory: bool,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for path in absolute.files:
        shutil.copy(path, out)
    options = {"abs_refcat": str(files.catalog), "save_results": True, "output_dir": str(out)}
    before = {path.name: path.read_bytes() for path in out.glob("*.fits")}

    def full(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    if in_memory:
        monkeypatch.setattr(ImageModel, "save", lambda _model, path, **_options: full(Path(path)))
    else:  # the results are copies of their files with new headers
        monkeypatch.setattr(copied_draft, "write_parts", lambda path, *_others: full(path))
    with pytest.raises(
        OutputError, match=r"No space left on device.*Nothing was left half-written"
    ):
        call(files, in_memory=in_memory, **options)
    assert len(before) == 3
    assert {path.name: path.read_bytes() for path in out.glob("*.fits")} == before
    beside = ("sources.ecsv", "tweakreg.json", "tweakreg_matches.ecsv", "tweakreg_solution.asdf")
    whole = [*before, *(f"mosaic_{name}" for name in beside)]  # no half of any
    assert sorted(path.name for path in out.iterdir()) == sorted(whole)
    assert not list(out.glob(".tweakreg*"))


@pytest.mark.parametrize(
    ("error", "in_memory"), [(MemoryError(), True), (ValueError("odd header"), False)]
)
def test_an_error_of_any_kind_keeps_no_other_result_back(
    pair: Truth, monkeypatch: pytest.MonkeyPatch, error: Exception, in_memory: bool
) -> None:
    prepare, bad = ImageModel.on_save, pair.images[1].file_name

    def preparing(model: ImageModel, path: Any) -> None:
        if model.meta.filename == bad:
            raise error
        prepare(model, path)

    monkeypatch.setattr(ImageModel, "on_save", preparing)
    said = "not enough memory" if isinstance(error, MemoryError) else "ValueError: odd header"
    name = Path(bad).stem.removesuffix("_cal")
    with pytest.raises(OutputError, match=rf"1 of 2 results .* '{name}\w*\.fits': {said}"):
        call(pair, save_results=True, in_memory=in_memory)
    assert len(result_files(Path())) == 1
