"""Mosaics: aligned in their own WCS, and carried back to the exposures that they were made of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from gwcs import WCS
from made_mosaic import combine, make_mosaic
from stdatamodels.jwst import datamodels
from step_outputs import Aligned

from tweakreg_step import cli
from tweakreg_step.api import align, apply, transfer, undo
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sphere import ARCSEC, angular_distance, directions
from tweakreg_step.simulate import ImageTruth, Truth, truth_error
from tweakreg_step.solutions import read_solution

X, Y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 559, 5), np.linspace(0, 559, 5)))


HALF = 13.0
"""Rms distance of an exposure's pixels from its middle [arcsec]."""


def off(wcs: Any, right: Any) -> float:
    """Largest distance [mas] of two WCS."""
    places = [directions(*one.forward_transform(X, Y)) for one in (wcs, right)]
    return 1e3 * float(np.max(angular_distance(*places)))


def test_a_mosaic_is_aligned_in_its_own_wcs(files: Truth) -> None:
    path = Path("field_i2d.fits")
    right = make_mosaic(files, files.images[1], path, listed=True)
    with datamodels.open(path) as given:
        before = wcs_state_of(given)
        assert off(given.meta.wcs, right) > 100.0
    result = align(str(path), str(files.catalog), output_dir="out")
    assert result.ok
    with datamodels.open("out/field_tweakreg.fits") as model:
        assert off(model.meta.wcs, right) < 3.0
        assert model.meta.wcs.available_frames == ["detector", "world"]
        words = model.meta.wcsinfo.instance
        assert words["ctype1"] == "RA---TAN"  # it is what it was
        assert "a_order" not in words
        aligned = model.meta.wcs.forward_transform(X, Y)
    # once more on the mosaic as it was, and back
    apply(result, path)
    with datamodels.open(path) as model:
        assert np.max(np.abs(np.subtract(model.meta.wcs.forward_transform(X, Y), aligned))) < 1e-13
    assert list(apply(result, path).table["done"]) == ["already applied"]
    undo(path)
    with datamodels.open(path) as model:
        assert wcs_state_of(model) == before


@pytest.mark.parametrize("listed", [True, False], ids=["by its inputs", "by its association"])
def test_to_the_reference_and_back_to_the_exposures(files: Truth, listed: bool) -> None:
    path, image = Path("field_i2d.fits"), files.images[1]
    make_mosaic(files, image, path, listed=listed)
    result = align(str(path), str(files.catalog), sip_approx=False)
    exposures: Any = files.files[1]
    if not listed:
        members = [{"expname": image.file_name, "exptype": "science"}]
        exposures = files.folder / "field_asn.json"
        exposures.write_text(json.dumps({"products": [{"name": "field", "members": members}]}))
    done = transfer(result, str(exposures))
    assert list(done.table["from"]) == ["mosaic field_i2d"]
    stated = np.hypot(done.table["error_east"][0], done.table["error_north"][0])
    with datamodels.open(files.files[1]) as model:
        assert truth_error(model.meta.wcs, image).rms_mas < max(3.0 * stated, 3.0)
    again = transfer(result, str(exposures))
    assert list(again.table["done"]) == ["already carried"]


def test_exposures_that_were_aligned_to_each_other_follow_their_mosaic(
    relative: Aligned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the truth within the errors stated, of the mosaic and of what was between them."""
    monkeypatch.chdir(tmp_path)
    Path("with blanks").mkdir()
    path = Path("the field_i2d.fits")
    paths = [Path(shutil.copy(one, "with blanks")) for one in relative.files]
    exposures = [datamodels.open(one) for one in paths]
    combine(exposures, path, listed=False)
    before = [error_of(one, image) for one, image in zip(paths, relative.truth.images, strict=True)]
    assert min(before) > 100.0
    assert align(str(path), str(relative.truth.catalog), output_dir="out").ok
    (solution,) = Path("out").glob("*_solution.asdf")
    members = [{"expname": one.name, "exptype": "science"} for one in paths]
    association = Path("with blanks") / "asn.json"
    association.write_text(json.dumps({"products": [{"name": "the field", "members": members}]}))
    command = ["transfer", str(solution), str(association), "--output-dir=carried back"]
    assert cli.main(command) == 0
    done = Table.read("carried back/the field_transfer.ecsv")
    assert set(done["from"]) == {"mosaic the field_i2d"}
    level = read_solution(relative.folder / "mosaic_tweakreg_solution.asdf").level("group")
    assert level is not None
    between = 1e3 * level.sigma * [1.0, 1.0, HALF]
    for row, one, image, own in zip(done, paths, relative.truth.images, between, strict=True):
        roll = 1e3 * row["error_roll"] / ARCSEC * HALF
        stated = np.linalg.norm([row["error_east"], row["error_north"], roll, *own])
        assert error_of(Path("carried back") / one.name, image) < 3.0 * stated < 3.0


def error_of(path: Path, image: ImageTruth) -> float:
    with datamodels.open(path) as model:
        return truth_error(model.meta.wcs, image).rms_mas


def wcs_state_of(model: Any) -> Any:
    wcs = model.meta.wcs
    places = np.stack(wcs.forward_transform(X, Y)).tobytes()
    return places, dict(model.meta.wcsinfo.instance), wcs.name, repr(wcs.bounding_box)


def test_mosaics_are_aligned_to_each_other(files: Truth) -> None:
    """Of the same visit, but each moves on its own; the sequential method takes them as well."""
    rights = [
        make_mosaic(files, image, Path(f"m{i}_i2d.fits"), listed=True)
        for i, image in enumerate(files.images[:2])
    ]
    for method in ("global", "sequential"):
        models = [datamodels.open(f"m{i}_i2d.fits") for i in range(2)]
        result = align(models, align_method=method, sip_approx=False)
        assert list(result.groups["group"]) == ["m0_i2d", "m1_i2d"]
        with result.library as library:
            found = [library.borrow(i) for i in range(2)]
            # where the two true ones agree, those that were aligned do
            places = [
                directions(*wcs.forward_transform(*right.backward_transform(*_sky(rights[0]))))
                for wcs, right in zip([m.meta.wcs for m in found], rights, strict=True)
            ]
            assert 1e3 * np.max(angular_distance(*places)) < 6.0
            for i, model in enumerate(found):
                library.shelve(model, i, modify=False)


def _sky(wcs: Any) -> Any:
    return wcs.forward_transform(np.linspace(100, 450, 5), np.linspace(120, 440, 5))


def test_a_frame_that_is_neither_is_refused(files: Truth) -> None:
    model = datamodels.open(files.files[0])
    renamed = [(step.frame, step.transform) for step in model.meta.wcs.pipeline]
    renamed[1][0].name = "elsewhere"
    model.meta.instance["wcs"] = WCS(renamed)
    with pytest.raises(InputError, match="or the one tangent plane of a mosaic"):
        align(model, str(files.catalog), on_failure="raise")
