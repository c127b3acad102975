"""Bad input: a clear error or a truthful status, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sep
from astropy.table import Table
from results import result_files
from stdatamodels.jwst import datamodels
from stdatamodels.jwst.datamodels import ImageModel
from stpipe.exceptions import ValidationError

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import (
    CatalogError,
    InputError,
    OutputError,
    ParameterError,
    TweakregError,
)
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.library import ExposureLibrary, Place


def call(files: Truth, **options: Any) -> Any:
    return TweakRegStep.call(str(files.association), **options)


def statuses(library: Any) -> list[str]:
    with library:
        found = []
        for index, model in enumerate(library):
            found.append(model.meta.cal_step.tweakreg)
            library.shelve(model, index, modify=False)
    return found


def edit(path: Path, **meta: Any) -> None:
    with datamodels.open(path) as model:
        for name, value in meta.items():
            setattr(model.meta, name, value)
        model.save(path)


# ---- exposures


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


@pytest.mark.parametrize("content", [b"no image", b"", None])
def test_a_file_that_is_no_model(files: Truth, content: bytes | None) -> None:
    truncated = files.files[1].read_bytes()[:400_000]
    files.files[1].write_bytes(truncated if content is None else content)
    # one bad file must not cost the others; who wants to know says so
    with pytest.raises(InputError, match=rf"{files.files[1].name}' can't be .*JWST exposure"):
        call(files, on_failure="raise")
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
        cube.meta.filename = "cube.fits"
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
            InputError, match=r"is a Roman image, but this step aligns images of JWST"
        ):
            TweakRegStep.call([one, two], on_failure="raise")


def test_two_images_with_the_same_name(files: Truth, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / files.files[0].name
    twin.write_bytes(files.files[0].read_bytes())
    with pytest.raises(
        InputError, match=rf"'{twin.name}', '{twin.name}' would give results of the same"
    ):
        TweakRegStep.call([str(files.files[0]), str(twin)])


def test_results_of_the_same_name(files: Truth) -> None:
    one, two = Path("img_cal.fits"), Path("img_crf.fits")
    one.write_bytes(files.files[0].read_bytes())
    two.write_bytes(files.files[1].read_bytes())
    with pytest.raises(InputError, match=r"'img_cal\.fits', 'img_crf\.fits' would give results"):
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


# ---- catalogs: an image whose catalog is of no use fails, the others are aligned


@pytest.mark.parametrize(
    "rows",
    [
        {"x": [], "y": []},
        {"x": [np.nan] * 30, "y": [np.nan] * 30},
        {"x": [250.0], "y": [260.0]},
        {"x": [1e6] * 30, "y": [5.0] * 30},
        {"x": np.linspace(10.0, 500.0, 30), "y": np.full(30, 256.0)},
    ],
    ids=["empty", "NaN", "one source", "outside", "collinear"],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_useless_catalogs(files: Truth, rows: dict[str, Any], absolute: bool) -> None:
    Table({name: np.asarray(column, float) for name, column in rows.items()}).write("bad.ecsv")
    Path("catfile.txt").write_text(f"{files.images[2].file_name} bad.ecsv\n")
    before = files.files[2].read_bytes()
    library = call(
        files,
        use_custom_catalogs=True,
        catfile="catfile.txt",
        abs_refcat=str(files.catalog) if absolute else "",
    )
    assert statuses(library) == ["COMPLETE", "COMPLETE", "FAILED"]
    with library:
        model = library.borrow(2)
        assert "v2v3corr" not in model.meta.wcs.available_frames
        library.shelve(model, 2, modify=False)
    assert files.files[2].read_bytes() == before


def test_no_sources_anywhere(files: Truth) -> None:
    library = call(files, snr_threshold=1e9)
    assert statuses(library) == ["FAILED"] * 3


def test_an_image_without_a_good_pixel(files: Truth) -> None:
    with datamodels.open(files.files[0]) as model:
        model.data[:] = np.nan
        model.save(files.files[0])
    for finder in ("sep", "iraf"):
        assert statuses(call(files, starfinder=finder)) == ["FAILED", "COMPLETE", "COMPLETE"]


def test_one_group_without_reference_is_skipped(files: Truth) -> None:
    library = TweakRegStep.call(str(files.files[0]))
    assert statuses(library) == ["SKIPPED"]


def test_a_reference_of_another_field_keeps_the_relative_alignment(files: Truth) -> None:
    table = Table.read(files.catalog)
    table["DEC"] -= 1.0
    table.write("elsewhere.ecsv")
    library = call(files, abs_refcat="elsewhere.ecsv")
    assert statuses(library) == ["COMPLETE"] * 3
    with library:
        for index, model in enumerate(library):
            assert not str(model.meta.wcs.name).startswith("FIT-LVL3")
            library.shelve(model, index, modify=False)


def test_a_catalog_without_position_columns(files: Truth) -> None:
    Table({"alpha": [1.0], "delta": [2.0]}).write("bad.ecsv")
    Path("catfile.txt").write_text(f"{files.images[0].file_name} bad.ecsv\n")
    with pytest.raises(CatalogError, match=r"\['alpha', 'delta'\], but none with positions"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catfile_that_names_an_unknown_image(files: Truth) -> None:
    Path("catfile.txt").write_text("unknown_cal.fits some.ecsv\n")
    with pytest.raises(
        InputError, match=r"names 'unknown_cal\.fits', but each image in it must be"
    ):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catfile_with_three_columns(files: Truth) -> None:
    Path("catfile.txt").write_text(f"{files.images[0].file_name} some.ecsv 3\n")
    with pytest.raises(InputError, match="has 3 columns, but two are needed"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


def test_a_catalog_that_does_not_exist(files: Truth) -> None:
    Path("catfile.txt").write_text(f"{files.images[0].file_name} gone.ecsv\n")
    with pytest.raises(CatalogError, match=r"source catalog of .*gone\.ecsv', does not exist"):
        call(files, use_custom_catalogs=True, catfile="catfile.txt")


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_a_reference_without_a_positive_weight_is_refused(files: Truth, weight: float) -> None:
    table = Table.read(files.catalog)
    table["weight"] = weight
    table.write("weightless.ecsv")
    with pytest.raises(CatalogError, match=rf"'weightless.ecsv' has {len(table)} rows, all of no"):
        call(files, abs_refcat="weightless.ecsv")


def test_an_empty_reference_is_refused_before_the_work(
    files: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    Table.read(files.catalog)[:0].write("empty.ecsv")
    with pytest.raises(CatalogError, match=r"'empty\.ecsv' has 0 rows, but at least one"):
        call(files, abs_refcat="empty.ecsv")
    assert "Sources:" not in caplog.text


def test_a_typo_in_the_name_of_a_service(files: Truth) -> None:
    with pytest.raises(CatalogError, match=r"names GAIADR3, .*Did you mean 'GAIADR3'\?"):
        call(files, abs_refcat="GAIA_DR3")


@pytest.mark.parametrize("method", ["global", "sequential"])
@pytest.mark.parametrize("geometry", ["rshift", "general"])
def test_too_few_matches_for_the_geometry(files: Truth, method: str, geometry: str) -> None:
    options = {"minobj": 1, "brightest": 2, "fitgeometry": geometry, "align_method": method}
    assert set(statuses(call(files, **options))) <= {"FAILED", "COMPLETE"}  # and no exception
    if method == "sequential":
        assert statuses(call(files, **options)) == ["FAILED"] * 3


def test_a_reference_catalog_that_does_not_exist(files: Truth) -> None:
    with pytest.raises(CatalogError, match=r"reference catalog, 'gone\.ecsv', does not exist"):
        call(files, abs_refcat="gone.ecsv")


# ---- output and parameters


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

    monkeypatch.setattr("tweakreg_step.core.files.tempfile.mkstemp", refuse)
    for path in files.files:
        path.write_bytes(b"")  # would fail as soon as one is opened
    with pytest.raises(OutputError, match=r"Read-only file system.*nothing was done"):
        call(files, save_results=True)


def test_a_failing_write_leaves_the_old_file_whole(
    files: Truth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = {"abs_refcat": str(files.catalog), "save_results": True, "output_dir": str(out)}
    call(files, **options)
    before = {path.name: path.read_bytes() for path in out.glob("*.fits")}

    def full(_model: ImageModel, path: Any, **_options: Any) -> None:
        Path(path).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ImageModel, "save", full)
    with pytest.raises(
        OutputError, match=r"No space left on device.*Nothing was left half-written"
    ):
        call(files, **options)
    assert {path.name: path.read_bytes() for path in out.glob("*.fits")} == before
    whole = [*before, "mosaic_tweakreg.json", "mosaic_tweakreg_matches.ecsv"]  # no half of any
    assert sorted(path.name for path in out.iterdir()) == sorted(whole)
    assert not list(out.glob(".tweakreg*"))


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("error", [MemoryError(), ValueError("odd header")])
def test_an_error_of_any_kind_keeps_no_other_result_back(
    files: Truth, monkeypatch: pytest.MonkeyPatch, error: Exception, in_memory: bool
) -> None:
    save, bad = ImageModel.save, files.images[1].file_name

    def saving(model: ImageModel, path: Any, **options: Any) -> Any:
        if model.meta.filename == bad:
            raise error
        return save(model, path, **options)

    monkeypatch.setattr(ImageModel, "save", saving)
    said = "not enough memory" if isinstance(error, MemoryError) else "ValueError: odd header"
    name = Path(bad).stem.removesuffix("_cal")
    with pytest.raises(OutputError, match=rf"1 of 3 results .* '{name}\w*\.fits': {said}"):
        call(files, save_results=True, in_memory=in_memory)
    assert len(result_files(Path())) == 2


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
    place_open = Place.open

    def vanishing(place: Place) -> Any:
        nonlocal opened
        opened += 1
        if opened == 1:
            files.files[2].unlink()
        return place_open(place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "open", vanishing)
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
        call(files, **{f"{prefix}tolerance": 0.8})


def test_an_unknown_refimage(files: Truth) -> None:
    with pytest.raises(ParameterError, match=r"no image or group 'other'.*Images are: jw0000100"):
        call(files, refimage="other")


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


def test_the_association_is_not_changed(files: Truth) -> None:
    before = json.loads(files.association.read_text())
    call(files)
    assert json.loads(files.association.read_text()) == before


# ---- what a run that ends early leaves


def early_report(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*_tweakreg.json")
    found: dict[str, Any] = json.loads(path.read_text())
    assert (path.name, found["images"], found["groups"]) == ("mosaic_tweakreg.json", [], [])
    return found


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
