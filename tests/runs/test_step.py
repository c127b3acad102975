"""From file to file: what comes out, by every way in."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stdatamodels.jwst import datamodels
from step_outputs import (
    TOLERANCE_MAS,
    Aligned,
    errors_mas,
    models_of,
    opened,
    relative_errors_mas,
    result_files,
)
from stpipe import Pipeline

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Truth, truth_error
from tweakreg_step.telescopes import exposure_file
from tweakreg_step.telescopes.library import ExposureLibrary


def test_an_association_is_aligned_to_the_truth(absolute: Aligned) -> None:
    truth = absolute.truth
    assert max(errors_mas(opened(truth), truth)) > 10 * TOLERANCE_MAS
    expected = [image.file_name.replace("_cal", "_tweakreg") for image in truth.images]
    assert result_files(absolute.folder) == sorted(expected)
    after = [datamodels.open(absolute.folder / name) for name in expected]
    assert max(errors_mas(after, truth)) < TOLERANCE_MAS
    for model, name in zip(after, expected, strict=True):
        assert model.meta.filename == name
        assert model.meta.cal_step.tweakreg == "COMPLETE"
        assert model.meta.wcs.name == "FIT-LVL3-reference.ecsv"
        assert "v2v3corr" in model.meta.wcs.available_frames


def test_footprint_and_fits_keywords_follow_the_wcs(absolute: Aligned) -> None:
    for model, old in zip(absolute.models, opened(absolute.truth), strict=True):
        corners = model.meta.wcs.footprint(center=False)
        words = model.meta.wcsinfo.s_region.split()
        assert words[:2] == ["POLYGON", "ICRS"]
        written = np.array(words[2:], float).reshape(4, 2)
        assert np.max(np.abs(written - corners)) < 1e-9  # degrees: the digits that are written
        assert model.meta.wcsinfo.s_region != old.meta.wcsinfo.s_region
        assert model.meta.wcsinfo.instance["ctype1"] == "RA---TAN-SIP"
        assert "a_order" in model.meta.wcsinfo.instance
        assert "pc1_1" not in model.meta.wcsinfo.instance


def test_no_fits_keywords_if_not_wanted(relative: Aligned) -> None:
    assert relative.models[0].meta.wcsinfo.instance["ctype1"] == "RA---TAN"


def test_relative_alignment_leaves_one_image_as_reference(relative: Aligned) -> None:
    assert max(relative_errors_mas(relative.models, relative.truth)) < TOLERANCE_MAS
    assert [model.meta.cal_step.tweakreg for model in relative.models] == ["COMPLETE"] * 3
    assert not any(str(model.meta.wcs.name).startswith("FIT-LVL3") for model in relative.models)


def test_refimage_stays_where_it_is(pair: Truth) -> None:
    models = models_of(TweakRegStep.call(str(pair.association), refimage=pair.images[1].file_name))
    x = np.array([0.0, 511.0])
    before = opened(pair)[1].meta.wcs(x, x)
    assert np.array_equal(models[1].meta.wcs(x, x), before)
    assert max(relative_errors_mas(models, pair)) < TOLERANCE_MAS
    assert not list(Path().glob("mosaic*"))  # no report without results


def test_running_again_composes_into_the_same_frame(files: Truth, absolute: Aligned) -> None:
    once = absolute.models
    twice = models_of(TweakRegStep.call(once, abs_refcat=str(files.catalog)))
    x, y = np.meshgrid(np.linspace(0, 511, 5), np.linspace(0, 511, 5))
    for first, second, image in zip(once, twice, files.images, strict=True):
        assert second.meta.wcs.available_frames == first.meta.wcs.available_frames
        assert second.meta.wcs.available_frames.count("v2v3corr") == 1
        assert truth_error(second.meta.wcs, image).rms_mas < TOLERANCE_MAS
        moved = np.hypot(*(np.subtract(second.meta.wcs(x, y), first.meta.wcs(x, y)) * 3.6e6))
        assert np.max(moved) < TOLERANCE_MAS


@pytest.mark.parametrize("kind", ["models", "files"])
def test_relative_and_then_absolute_is_one_solution(
    absolute: Aligned, relative: Aligned, kind: str
) -> None:
    """From the results of a run without the reference, in memory or in files."""
    given = [relative.models] if kind == "models" else list(map(str, relative.files))
    twice = models_of(TweakRegStep.call(*given, abs_refcat=str(absolute.truth.catalog)))
    x, y = np.meshgrid(np.linspace(0, 511, 5), np.linspace(0, 511, 5))
    for second, joint in zip(twice, absolute.models, strict=True):
        moved = np.subtract(second.meta.wcs(x, y), joint.meta.wcs(x, y)) * 3.6e6
        assert np.max(np.abs(moved)) < 2e-4  # mas: 1e-3 of the errors
        assert second.meta.cal_step.tweakreg == "COMPLETE"
        assert second.meta.wcs.available_frames.count("v2v3corr") == 1


def test_files_as_several_arguments(pair: Truth) -> None:
    models = models_of(TweakRegStep.call(*map(str, pair.files)))
    assert [model.meta.filename for model in models] == [i.file_name for i in pair.images]
    assert max(relative_errors_mas(models, pair)) < TOLERANCE_MAS


def test_a_library_on_disk_is_not_modified(pair: Truth) -> None:
    library = ExposureLibrary(str(pair.association), on_disk=True)
    result = TweakRegStep.call(library, abs_refcat=str(pair.catalog))
    assert all("v2v3corr" not in m.meta.wcs.available_frames for m in models_of(library))
    assert all("v2v3corr" in m.meta.wcs.available_frames for m in models_of(result))


@pytest.mark.parametrize("kind", ["list", "library"])
def test_models_given_in_memory_are_not_modified(pair: Truth, kind: str) -> None:
    models = opened(pair)
    given: Any = models if kind == "list" else ExposureLibrary(models)
    frames = [list(model.meta.wcs.available_frames) for model in models]
    positions = [model.meta.wcs(100.0, 200.0) for model in models]
    result = TweakRegStep.call(given, abs_refcat=str(pair.catalog), save_catalogs=True)
    for model, frame, position in zip(models, frames, positions, strict=True):
        assert list(model.meta.wcs.available_frames) == frame
        assert model.meta.wcs(100.0, 200.0) == position
        assert model.meta.cal_step.tweakreg is None
        assert model.meta.tweakreg_catalog is None
    assert isinstance(result, ExposureLibrary)
    assert max(errors_mas(models_of(result), pair)) < TOLERANCE_MAS


def test_a_single_model_is_aligned_to_a_reference(files: Truth) -> None:
    model = opened(files)[0]
    result = models_of(TweakRegStep.call(model, abs_refcat=str(files.catalog)))
    assert truth_error(result[0].meta.wcs, files.images[0]).rms_mas < TOLERANCE_MAS
    assert "v2v3corr" not in model.meta.wcs.available_frames


def test_a_library_on_disk_opens_one_exposure_at_a_time(
    pair: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    most, to_read, to_write = 0, exposure_file.open_to_read, exposure_file.open_to_write

    def counted(model: Any) -> Any:
        nonlocal most
        seen.append(weakref.ref(model))
        most = max(most, sum(one() is not None for one in seen))
        return model

    def writing(path: Path) -> Any:
        draft = to_write(path)
        counted(draft.model)
        return draft

    monkeypatch.setattr(exposure_file, "open_to_read", lambda path: counted(to_read(path)))
    monkeypatch.setattr(exposure_file, "open_to_write", writing)
    result = TweakRegStep.call(
        str(pair.association), abs_refcat=str(pair.catalog), in_memory=False, save_results=True
    )
    assert most == 1
    assert len(seen) == 4  # to find sources, and to be written; no copies in between
    assert not list(Path().rglob(".tweakreg*/*/*"))
    assert len(result) == 2
    assert not any(model() is not None for model in seen)
    assert len(result_files(Path())) == 2
    after = [datamodels.open(name) for name in result_files(Path())]
    assert max(errors_mas(after, pair)) < TOLERANCE_MAS
    # the input is as it was
    assert all("v2v3corr" not in model.meta.wcs.available_frames for model in opened(pair))


def test_changes_that_were_not_saved_last(
    pair: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not written anywhere yet, they are there whenever an exposure is looked at, from anywhere."""
    once = TweakRegStep.call(str(pair.association), in_memory=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert max(relative_errors_mas(models_of(once), pair)) < TOLERANCE_MAS
    again = TweakRegStep.call(
        once, abs_refcat=str(pair.catalog), in_memory=False, save_results=True
    )
    assert max(errors_mas(models_of(again), pair)) < TOLERANCE_MAS
    assert max(relative_errors_mas(models_of(once), pair)) < TOLERANCE_MAS
    saved = [datamodels.open(name) for name in result_files(Path())]
    assert max(errors_mas(saved, pair)) < TOLERANCE_MAS
    # what the first run has done is what the second one found: a second correction, on top
    moved = [model.meta.wcs(9.0, 9.0) for model in models_of(once)]
    assert not np.allclose(
        moved, [model.meta.wcs(9.0, 9.0) for model in opened(pair)], rtol=0, atol=1e-9
    )


def test_images_of_a_group_move_as_one(files: Truth) -> None:
    content = json.loads(files.association.read_text())
    for member, group in zip(content["products"][0]["members"], "aab", strict=True):
        member["group_id"] = group
    files.association.write_text(json.dumps(content))
    library = TweakRegStep.call(str(files.association))
    assert library.group_names == {"a", "b"}
    before, after = opened(files), models_of(library)
    moves = []
    for old, new in zip(before, after, strict=True):
        delta = np.subtract(new.meta.wcs(255.5, 255.5), old.meta.wcs(255.5, 255.5)) * 3.6e6
        moves.append(delta * [np.cos(np.radians(52.95)), 1.0])
    # dithers of a few arcsec and a roll of 100 arcsec: the same shift to a few mas
    assert np.hypot(*(moves[0] - moves[1])) < 5.0


class Chain(Pipeline):
    """A pipeline of this step alone, as instrument teams write them."""

    class_alias = "chain"
    spec = "output_ext = string(default='.fits')"
    step_defs = {"tweakreg": TweakRegStep}  # noqa: RUF012 - stpipe's own way

    def process(self, given: Any) -> Any:
        return self.tweakreg.run(ExposureLibrary(given))

    @classmethod
    def _datamodels_open(cls, init: Any, **_options: Any) -> Any:
        return datamodels.open(init)


def test_in_a_pipeline(pair: Truth) -> None:
    steps = {"tweakreg": {"abs_refcat": str(pair.catalog)}}
    result = Chain.call(str(pair.association), steps=steps)
    assert max(errors_mas(models_of(result), pair)) < TOLERANCE_MAS


def test_a_pipeline_understands_old_names_and_leaves_models_alone(pair: Truth) -> None:
    class OnModels(Chain):
        def process(self, given: Any) -> Any:
            return self.tweakreg.run(given)

    models = opened(pair)
    old = {"align_to_gaia": True, "gaia_catalog": str(pair.catalog)}
    with pytest.warns(DeprecationWarning, match="is of an earlier release"):
        result = OnModels.call(models, steps={"tweakreg": old})
    assert max(errors_mas(models_of(result), pair)) < TOLERANCE_MAS
    assert all("v2v3corr" not in model.meta.wcs.available_frames for model in models)


def test_models_without_a_name_get_one(files: Truth, tmp_path: Path) -> None:
    models = opened(files)
    for model in models:
        model.meta.filename = None
    out = tmp_path / "out"
    TweakRegStep.call(models, save_results=True, output_dir=str(out), save_report=False)
    expected = ["image1_tweakreg.fits", "image2_tweakreg.fits", "image3_tweakreg.fits"]
    expected += ["image1_sources.ecsv", "image1_tweakreg_solution.asdf"]
    assert sorted(path.name for path in out.iterdir()) == sorted(expected)  # and no report


def test_images_without_keywords_are_groups_of_their_own(files: Truth) -> None:
    """Also when they come from runs of their own: a placeholder must not become a group."""
    for path in files.files[:2]:
        with datamodels.open(path) as model:
            del model.meta.observation.instance["exposure_number"]
            model.save(path)
        options = {"abs_refcat": str(files.catalog), "save_results": True}
        TweakRegStep.call(str(path), **options)
    library = TweakRegStep.call("*_tweakreg.fits")
    assert len(library.group_names) == 2
    assert [model.meta.cal_step.tweakreg for model in models_of(library)] == ["COMPLETE"] * 2


@pytest.mark.parametrize("method", ["global", "sequential"])
def test_a_wcs_without_bounding_box(pair: Truth, method: str) -> None:
    models = opened(pair)
    for model in models:
        model.meta.wcs.bounding_box = None
    result = models_of(TweakRegStep.call(models, align_method=method, tolerance=0.2))
    assert max(relative_errors_mas(result, pair)) < 2 * TOLERANCE_MAS


def test_images_without_err_and_dq(pair: Truth) -> None:
    models = opened(pair)
    for model in models:
        model.instance.pop("err")
        model.instance.pop("dq")
        model.data[~np.isfinite(model.data)] = np.nan
    result = models_of(TweakRegStep.call(models, abs_refcat=str(pair.catalog)))
    assert max(errors_mas(result, pair)) < TOLERANCE_MAS


def test_input_dir_is_where_names_without_a_folder_are(pair: Truth) -> None:
    library = TweakRegStep.call(pair.association.name, input_dir=str(pair.folder))
    assert len(models_of(library)) == 2


def test_a_relative_alignment_takes_the_name_of_an_absolute_one_away(absolute: Aligned) -> None:
    assert all(str(model.meta.wcs.name).startswith("FIT-LVL3") for model in absolute.models)
    again = models_of(TweakRegStep.call(absolute.models))
    assert not any(str(model.meta.wcs.name).startswith("FIT-LVL3") for model in again)
