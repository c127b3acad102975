"""Undo: the delivered WCS, exactly."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from states import file_state, wcs_state
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, models_of, opened
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import TweakRegStep, remove_correction
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.gwcs_image import REFERENCE_ANGLES


def aligned_files(files: Truth, given: Any, **options: Any) -> list[Path]:
    folder = Path(f"out{len(list(Path().glob('out*')))}")
    TweakRegStep.call(given, save_results=True, output_dir=str(folder), **options)
    return [folder / image.file_name.replace("_cal", "_tweakreg") for image in files.images]


def copied(run: Aligned) -> list[Path]:
    """Files that a test may change, of a run that it may not."""
    folder = Path(f"out{len(list(Path().glob('out*')))}")
    shutil.copytree(run.folder, folder)
    return [folder / image.file_name.replace("_cal", "_tweakreg") for image in run.truth.images]


@pytest.mark.parametrize("how", ["relative", "absolute", "relative twice", "relative, absolute"])
def test_files_are_restored_to_the_last_bit(
    pair: Truth, relative: Aligned, absolute: Aligned, how: str
) -> None:
    paths = copied(absolute if how == "absolute" else relative)[:2]
    if how.endswith(("twice", ", absolute")):
        options = {"abs_refcat": str(pair.catalog)} if how.endswith("absolute") else {}
        paths = aligned_files(pair, [str(path) for path in paths], **options)
    delivered = [file_state(path) for path in pair.files]
    assert all(file_state(path) != old for path, old in zip(paths, delivered, strict=True))
    for path, old in zip(paths, delivered, strict=True):
        assert remove_correction(path) == path
        assert file_state(path) == old
        with datamodels.open(path) as model:
            assert model.meta.cal_step.tweakreg is None
            assert "tweakreg_delivered" not in model.meta.instance


def test_models_are_restored_in_place(files: Truth, absolute: Aligned) -> None:
    delivered = [wcs_state(model) for model in opened(files)]
    for one, old in zip(absolute.models, delivered, strict=True):
        model = one.copy()
        assert wcs_state(model) != old
        assert remove_correction(model) is model
        assert wcs_state(model) == old
        assert remove_correction(model) is model  # nothing is left to remove
        assert wcs_state(model) == old


def test_a_restored_file_can_be_aligned_again_with_the_same_result(
    files: Truth, absolute: Aligned
) -> None:
    first = copied(absolute)
    once = [file_state(path) for path in first]
    for path in first:
        remove_correction(str(path))
    again = aligned_files(files, [str(p) for p in first], abs_refcat=str(files.catalog))
    assert [file_state(path) for path in again] == once


def corrected_elsewhere(path: Path) -> None:
    """What plain tweakwcs does to a file, which leaves no memory of the keywords."""
    with datamodels.open(path) as model:
        angles = {angle: getattr(model.meta.wcsinfo, angle) for angle in REFERENCE_ANGLES}
        corrector = JWSTWCSCorrector(model.meta.wcs, angles)
        corrector.set_correction(matrix=np.array([[1.0, 1e-4], [-1e-4, 1.0]]), shift=[0.3, -0.2])
        model.meta.wcs = corrector.wcs
        model.meta.wcs.name = "FIT-LVL3-GAIADR3"
        model.meta.cal_step.tweakreg = "COMPLETE"
        model.save(path)


def test_files_aligned_by_other_software(files: Truth) -> None:
    path = files.files[0]
    old = file_state(path)
    corrected_elsewhere(path)
    assert file_state(path)["places"] != old["places"]
    remove_correction(path)
    new = file_state(path)
    for name in ("frames", "places", "steps", "box"):
        assert new[name] == old[name]
    assert not str(new["name"]).startswith("FIT-LVL3")  # it is not fitted to Gaia any more
    # keywords are made anew: the footprint to the digits that it is written with
    words = [np.array(state["wcsinfo"]["s_region"].split()[2:], float) for state in (new, old)]
    corners = [np.array(sorted(text.reshape(4, 2).tolist())) for text in words]
    np.testing.assert_allclose(*corners, rtol=0.0, atol=1.1e-9)


def test_what_is_kept_is_of_the_wcs_that_is_there(files: Truth, absolute: Aligned) -> None:
    """A new WCS, of 'assign_wcs' say, makes what was kept of the one before worthless."""
    model = absolute.models[0].copy()
    if "v2v3corr" not in model.meta.wcs.available_frames:
        pytest.fail("the first image was not moved")
    fresh = opened(files)[1]
    model.meta.wcs = fresh.meta.wcs
    model.meta.wcsinfo.instance.update(fresh.meta.wcsinfo.instance)
    model.meta.wcsinfo.ra_ref = 52.9876
    assigned = wcs_state(model)
    again = models_of(TweakRegStep.call([model], abs_refcat=str(files.catalog)))[0]
    assert again.meta.cal_step.tweakreg == "COMPLETE"
    remove_correction(again)
    assert wcs_state(again) == assigned


def test_a_file_without_a_correction_is_not_written(files: Truth) -> None:
    path = files.files[0]
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert remove_correction(path) == path
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_what_is_no_exposure_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad_cal.fits"
    bad.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"bad_cal\.fits"):
        remove_correction(bad)
    assert bad.read_bytes() == b"no image"
