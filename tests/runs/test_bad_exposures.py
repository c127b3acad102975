"""Exposures that are no good: a clear error, or left out while the others are aligned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sep
from spoiled import edit
from stdatamodels.jwst import datamodels
from stdatamodels.jwst.datamodels import ImageModel
from step_outputs import call, result_files, statuses

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import (
    InputError,
)
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.exposure_file import ExposureFile
from tweakreg_step.telescopes.library import ExposureLibrary


@pytest.mark.parametrize("nothing", ["", [], (), "@empty.txt"])
def test_no_files(nothing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match=r"no exposures to align.*Give an association"):
        TweakRegStep.call(nothing)


def test_a_pattern_that_matches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"No file matches 'nothing\*\.fits'"):
        TweakRegStep.call("nothing*.fits")


def test_a_file_that_does_not_exist(files: Truth) -> None:
    with pytest.raises(InputError, match=r"1 of 2 files that do not exist: gone\.fits"):
        TweakRegStep.call([str(files.files[0]), "gone.fits"])


def test_an_association_that_names_a_missing_file(files: Truth) -> None:
    files.files[1].unlink()
    with pytest.raises(
        InputError, match=rf"1 of 3 files that do not exist: .*{files.files[1].name}"
    ):
        call(files)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "can't be read"),
        ("[1, 2]", "has a list, but an object is needed"),
        ("{}", "has no 'products'"),
        (
            '{"products": [{"members": [{"exptype": "science"}]}]}',
            r"has no 'products\[0\]\.members\[0\]\.expname'",
        ),
        (
            '{"products": [{"members": [{"expname": "a.fits", "exptype": "background"}]}]}',
            "no exposure of type 'science'",
        ),
    ],
)
def test_a_broken_association(files: Truth, content: str, message: str) -> None:
    files.association.write_text(content)
    with pytest.raises(InputError, match=message):
        call(files)


def spoiled(files: Truth, content: bytes | None) -> None:
    """The second file with another content, or cut off."""
    truncated = files.files[1].read_bytes()[:400_000]
    files.files[1].write_bytes(truncated if content is None else content)


@pytest.mark.parametrize("content", [b"no image", b"", None])
def test_a_file_that_is_no_model(files: Truth, content: bytes | None) -> None:
    spoiled(files, content)
    with pytest.raises(
        InputError, match=rf"{files.files[1].name}' can't be .*(JWST exposure|exposure of JWST)"
    ):
        call(files, on_failure="raise")


@pytest.mark.parametrize("content", [b"no image", None])
def test_one_bad_file_does_not_cost_the_others(files: Truth, content: bytes | None) -> None:
    spoiled(files, content)
    library = call(files, save_results=True)
    assert statuses(library) == ["COMPLETE", "COMPLETE"]
    content_of = json.loads(Path("mosaic_tweakreg.json").read_text())
    (left_out,) = content_of["left_out"]
    assert left_out["name"] == files.files[1].name
    assert (left_out["status"], left_out["code"]) == ("FAILED", "unreadable")
    assert "can't be" in left_out["reason"]
    assert content_of["totals"]["images_left_out"] == 1
    assert len(result_files(Path())) == 2
    assert not Path(files.files[1].name.replace("_cal", "_tweakreg")).exists()


def test_a_model_that_is_no_image(files: Truth) -> None:
    with datamodels.CubeModel(np.zeros((2, 8, 8))) as cube:
        cube.meta.filename, cube.meta.telescope = "cube.fits", "JWST"
        with pytest.raises(InputError, match=r"'cube\.fits' is a CubeModel, but only images"):
            TweakRegStep.call([cube], abs_refcat=str(files.catalog))


def test_an_image_without_wcs(files: Truth) -> None:
    with ImageModel(np.zeros((8, 8))) as image:
        image.meta.filename = "bare.fits"
        with pytest.raises(InputError, match=r"'bare\.fits' has no WCS.*assign_wcs"):
            TweakRegStep.call(image, abs_refcat=str(files.catalog))


def test_a_wcs_without_v2v3(files: Truth) -> None:
    import gwcs

    with datamodels.open(files.files[0]) as image:
        steps = [(step.frame, step.transform) for step in image.meta.wcs.pipeline]
        transform = image.meta.wcs.forward_transform
        image.meta.wcs = gwcs.WCS([(steps[0][0], transform), (steps[-1][0], None)])
        with pytest.raises(
            InputError, match=r"has the frames \['detector', 'world'\].*'v2v3'.*i2d"
        ):
            TweakRegStep.call(image, abs_refcat=str(files.catalog))


def test_an_image_without_reference_angles(files: Truth) -> None:
    with datamodels.open(files.files[0]) as image:
        image.meta.wcsinfo.v2_ref = None
        with pytest.raises(InputError, match=r"lacks v2_ref in 'meta\.wcsinfo'"):
            TweakRegStep.call(image, abs_refcat=str(files.catalog))


def test_mixed_missions(files: Truth) -> None:
    with datamodels.open(files.files[0]) as one, datamodels.open(files.files[1]) as two:
        two.meta.instance["telescope"] = "ROMAN"
        with pytest.raises(
            InputError, match=r"is an exposure of ROMAN that was opened as a ImageModel"
        ):
            TweakRegStep.call([one, two], on_failure="raise")


def test_two_images_with_the_same_name(files: Truth, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / files.files[0].name
    twin.write_bytes(files.files[0].read_bytes())
    both = rf"{twin.name}', '{re.escape(str(twin))}' are of one exposure, but each"
    with pytest.raises(InputError, match=both):
        TweakRegStep.call([str(files.files[0]), str(twin)])


def test_results_of_the_same_name(files: Truth) -> None:
    one, two = Path("img_cal.fits"), Path("img_crf.fits")
    one.write_bytes(files.files[0].read_bytes())
    two.write_bytes(files.files[1].read_bytes())
    with pytest.raises(InputError, match=r"img_cal\.fits', .*img_crf\.fits' would give results"):
        TweakRegStep.call([str(one), str(two)])


def test_a_name_that_fits_headers_cannot_hold(files: Truth) -> None:
    path = Path("nébuleuse_cal.fits")
    path.write_bytes(files.files[0].read_bytes())
    with pytest.raises(InputError, match="characters beyond ASCII"):
        TweakRegStep.call([str(path), str(files.files[1])])


@pytest.mark.parametrize("array", ["err", "dq"])
def test_arrays_of_different_shapes(files: Truth, array: str) -> None:
    with datamodels.open(files.files[0]) as model:
        model.instance[array] = np.zeros((10, 10), np.uint32 if array == "dq" else np.float32)
        with pytest.raises(InputError, match=rf"arrays of the shapes .*'{array}': \(10, 10\)"):
            TweakRegStep.call(model, abs_refcat=str(files.catalog))


def test_an_image_that_can_be_read_but_not_used_stays_with_the_others(files: Truth) -> None:
    edit(files.files[1], wcs=None)
    before = files.files[1].read_bytes()
    for n_workers in (1, 2):
        out = Path(f"out{n_workers}")
        library = call(files, save_results=True, output_dir=str(out), n_workers=n_workers)
        assert statuses(library) == ["COMPLETE", "FAILED", "COMPLETE"]
        assert len(result_files(out)) == 3
        report = json.loads((out / "mosaic_tweakreg.json").read_text())
        assert [one["code"] for one in report["left_out"]] == ["unusable"]
    assert files.files[1].read_bytes() == before


@pytest.mark.parametrize("on_failure", ["warn", "skip_all"])
def test_all_bad_or_all_unchanged(files: Truth, on_failure: str) -> None:
    files.files[1].write_bytes(b"broken")
    left = {"warn": "COMPLETE", "skip_all": "SKIPPED"}[on_failure]
    assert statuses(call(files, on_failure=on_failure)) == [left] * 2
    for path in files.files:
        path.write_bytes(b"broken")
    with pytest.raises(InputError, match=rf"{files.files[0].name}' can't be opened"):
        call(files, on_failure=on_failure)


def test_models_and_files_mixed(files: Truth) -> None:
    with (
        datamodels.open(files.files[0]) as model,
        pytest.raises(InputError, match="must be all models or all files"),
    ):
        TweakRegStep.call([model, str(files.files[1])])


def test_an_input_of_another_kind() -> None:
    with pytest.raises(InputError, match="The input is a float"):
        TweakRegStep.call(3.14)


def test_an_image_without_a_good_pixel(files: Truth) -> None:
    with datamodels.open(files.files[0]) as model:
        model.data[:] = np.nan
        model.save(files.files[0])
    for finder in ("sep", "iraf"):
        assert statuses(call(files, starfinder=finder)) == ["FAILED", "COMPLETE", "COMPLETE"]


def test_one_group_without_reference_is_skipped(files: Truth) -> None:
    library = TweakRegStep.call(str(files.files[0]))
    assert statuses(library) == ["SKIPPED"]


def test_an_image_too_large_for_the_memory_is_left_out(
    files: Truth, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    extract, calls = sep.extract, []

    def extracting(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return extract(*arguments, **options)

    monkeypatch.setattr(sep, "extract", extracting)
    library = call(files)
    assert statuses(library) == ["COMPLETE", "COMPLETE"]
    (said,) = [r.getMessage() for r in caplog.records if "is left out" in r.getMessage()]
    assert f"{files.images[1].file_name} is left out (out_of_memory). There was not" in said


def test_a_file_that_vanishes_is_named(files: Truth, caplog: pytest.LogCaptureFixture) -> None:
    """As for a worker on a machine that does not see it."""
    opened = 0
    read_open = ExposureFile.open_to_read

    def vanishing(file: ExposureFile) -> Any:
        nonlocal opened
        opened += 1
        if opened == 1:
            files.files[2].unlink()
        return read_open(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExposureFile, "open_to_read", vanishing)
        library = call(files, in_memory=False)
    assert statuses(library) == ["COMPLETE", "COMPLETE"]
    (said,) = [r.getMessage() for r in caplog.records if "is left out" in r.getMessage()]
    assert "unreadable" in said
    assert "must see the files under the same paths" in said


@pytest.mark.parametrize("in_memory", [True, False])
def test_groups_that_are_numbers(files: Truth, in_memory: bool) -> None:
    content = json.loads(files.association.read_text())
    for member, group in zip(content["products"][0]["members"], (1, 2, None), strict=True):
        member["group_id"] = group
    files.association.write_text(json.dumps(content))
    library = call(files, in_memory=in_memory)
    assert statuses(library) == ["COMPLETE"] * 3
    assert {"1", "2"} < set(library.group_names)
    assert json.loads(files.association.read_text()) == content  # it is not changed


@pytest.mark.parametrize("workers", [1, 2])
def test_a_library_that_is_given_keeps_what_the_step_leaves_out(files: Truth, workers: int) -> None:
    files.files[0].write_bytes(b"garbage")
    library = ExposureLibrary(str(files.association))
    with library:
        model = library.borrow(2)
        model.data[0, 0] = -777.0
        library.shelve(model, 2)
    assert len(TweakRegStep.call(library, n_workers=workers)) == 2
    assert len(library) == 3
    with library:
        model = library.borrow(2)
        assert model.data[0, 0] == -777.0
        assert "v2v3corr" not in model.meta.wcs.available_frames
        library.shelve(model, 2)
