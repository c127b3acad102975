"""What a run says of what it does with names, folders and errors of a user."""

from __future__ import annotations

import gzip
import logging
import shutil
from pathlib import Path

import pytest
from step_outputs import Aligned, result_files
from strun_here import strun

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Truth

STEP = "tweakreg_step.TweakRegStep"


def test_an_output_file_that_has_no_effect_is_said(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    TweakRegStep.call(str(pair.association), output_file="mine", output_dir="out")
    assert "'output_file' has no effect: with output_use_model=True" in caplog.text
    assert len(result_files(Path("out"))) == 2
    caplog.clear()
    options = {"output_file": "mine", "output_use_model": False, "output_dir": "named"}
    TweakRegStep.call(str(pair.association), **options)
    assert "has no effect" not in caplog.text
    assert [p.name for p in Path("named").glob("mine*.fits")]


def test_names_of_compressed_files(pair: Truth) -> None:
    zipped = []
    for path in pair.files:
        zipped.append(path.with_name(f"{path.name}.gz"))
        zipped[-1].write_bytes(gzip.compress(path.read_bytes(), 1))
    TweakRegStep.call(
        [str(p) for p in zipped], save_results=True, save_catalogs=True, output_dir="o"
    )
    stems = [path.name.removesuffix("_cal.fits") for path in pair.files]
    assert sorted(p.name for p in Path("o").iterdir()) == sorted(
        [f"{stem}_tweakreg.fits" for stem in stems]
        + [f"{stem}_cal_cat{end}" for stem in stems for end in (".ecsv", ".reg")]
        + [f"{stems[0]}_tweakreg{end}" for end in (".json", "_matches.ecsv", "_solution.asdf")]
        + [f"{stems[0]}_sources.ecsv", f"{stems[0]}_catfile.txt"]
    )


def test_two_images_of_one_name_are_told_with_their_folders(files: Truth) -> None:
    Path("other").mkdir()
    twin = shutil.copy(files.files[0], "other")
    with pytest.raises(InputError) as caught:
        TweakRegStep.call([str(files.files[0]), twin])
    assert str(files.files[0]) in str(caught.value)
    assert str(Path(twin).absolute()) in str(caught.value)


def test_the_last_line_says_how_many_results_are_where(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="tweakreg_step"):
        TweakRegStep.call(str(pair.association), save_results=True, output_dir="out")
    own = [r.getMessage() for r in caplog.records if r.name.startswith("tweakreg_step")]
    assert own[-1] == "2 of 2 images are written, in 'out'."


def test_inputs_that_results_replace_are_said_before_the_work(
    files: Truth, relative: Aligned, caplog: pytest.LogCaptureFixture
) -> None:
    Path("out").mkdir()
    second = [shutil.copy(path, "out") for path in relative.files]
    TweakRegStep.call(second, save_results=True, output_dir="out")
    said = [record.getMessage() for record in caplog.records]
    place = next(
        i for i, text in enumerate(said) if "3 of 3 input files will be overwritten" in text
    )
    assert not any("sources" in text for text in said[:place])
    caplog.clear()
    TweakRegStep.call(second, save_results=True, output_dir="elsewhere")
    assert "will be overwritten" not in caplog.text


def test_a_folder_is_told_as_one(files: Truth) -> None:
    with pytest.raises(InputError, match=r"is a folder, .* It has 3 files \*_cal\.fits: give '"):
        TweakRegStep.call(str(files.folder))


def test_saving_parameters_without_input_is_no_failure(files: Truth, tmp_path: Path) -> None:
    status, said = strun(STEP, "--minobj=7", f"--save-parameters={tmp_path / 'saved.asdf'}")
    assert status == 0
    assert "There is no input to align: parameters are saved" in said
    assert (tmp_path / "saved.asdf").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone_cal.fits"], "names 1 of 1 files that do not exist: gone_cal.fits"),
        (["gone_cal.fits", "--searchrad=wide"], "searchrad"),
        (["gone_cal.fits", "--fit_geometry=shift"], "Did you mean 'fitgeometry'?"),
        (["--log-level=INFO", "gone_cal.fits", "--search-radius=3"], "Did you mean 'searchrad'?"),
        (["gone_cal.fits", "--searchr=3"], "names 1 of 1 files that do not exist"),
    ],
)
def test_errors_of_a_user_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = strun(STEP, *arguments)
    assert status == 1
    assert "Traceback" not in said
    assert "usage:" not in said
    assert sentence in " ".join(said.split())


def test_the_log_level_brings_tracebacks_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = strun(STEP, "gone_cal.fits", "--log-level=DEBUG")
    assert status == 1
    assert "Traceback" in said
