"""The step with worker processes: what it writes is what one process writes, to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from stdatamodels.jwst import datamodels
from step_outputs import Aligned, models_of, opened, relative_errors_mas, result_files

from tweakreg_step import TweakRegStep
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.simulate import Truth
from tweakreg_step.telescopes.library import ExposureLibrary

X, Y = np.random.default_rng(5).uniform(0.0, 511.0, (2, 100))


def contents(path: Path) -> dict[str, Any]:
    """All that a result holds, apart from the time at which it was written."""
    with fits.open(path) as hdus:
        headers = [
            [card for card in hdu.header.cards if card.keyword not in {"DATE", "CHECKSUM"}]
            for hdu in hdus
            if hdu.name != "ASDF"
        ]
        arrays = [hdu.data.tobytes() for hdu in hdus if hdu.data is not None and hdu.name != "ASDF"]
    with datamodels.open(path) as model:
        meta = model.to_flat_dict(include_arrays=False)
        sky = model.meta.wcs(X, Y)
        name = model.meta.wcs.name
    meta = {k: v for k, v in meta.items() if k.startswith("meta.") and k != "meta.date"}
    return {
        "headers": [[(c.keyword, str(c.value)) for c in header] for header in headers],
        "arrays": arrays,
        "meta": {key: str(value) for key, value in meta.items()},
        "wcs": [np.asarray(axis).tobytes() for axis in sky],
        "name": name,
    }


def report(folder: Path, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    found = json.loads(next(folder.glob("*_tweakreg.json")).read_text())
    found["totals"].pop("seconds")
    for part in ("start", "stages", *left_out):
        found.pop(part)
    skip = {"n_workers", "output_dir", "in_memory", "scheduler"}
    found["parameters"] = [p for p in found["parameters"] if p["name"] not in skip]
    return found


def run(files: Truth, folder: str, **options: Any) -> Path:
    given = {"save_results": True, "output_dir": folder, "save_catalogs": True} | options
    TweakRegStep.call(str(files.association), **given)
    return Path(folder)


@pytest.mark.parametrize(
    "options",
    [
        {"abs_refcat": "reference", "in_memory": False, "refine_centroids": "epsf"},
        {"output_use_model": False, "output_file": "other.fits", "suffix": "aligned"},
        {"apply_correction": False, "border": 20},
    ],
    ids=["absolute, epsf, on disk", "other names", "dry run"],
)
def test_any_number_of_workers_gives_the_same_bits(files: Truth, options: dict[str, Any]) -> None:
    if "abs_refcat" in options:
        options = options | {"abs_refcat": str(files.catalog)}
    one, three = run(files, "one", **options), run(files, "three", n_workers=3, **options)
    names = sorted(path.name for path in one.iterdir())
    assert sorted(path.name for path in three.iterdir()) == names
    results = [name for name in names if name.endswith(".fits")]
    # a dry run writes no copies
    assert len(results) == (3 if options.get("apply_correction", True) else 0)
    for name in results:
        assert contents(three / name) == contents(one / name)
    for name in (name for name in names if name.endswith("_cat.ecsv")):
        assert (three / name).read_bytes() == (one / name).read_bytes()
    assert report(three) == report(one)


def test_exposures_on_disk_give_the_same_bits(absolute: Aligned, tmp_path: Path) -> None:
    options = {"save_abs_catalog": True, "on_failure": "raise"}
    catalog = str(absolute.truth.catalog)
    disk = run(absolute.truth, str(tmp_path), abs_refcat=catalog, in_memory=False, **options)
    assert len(absolute.files) == 3
    for path in absolute.files:
        assert contents(disk / path.name) == contents(path)
    assert report(disk) == report(absolute.folder)


def test_the_library_returned_is_that_of_one_process(files: Truth, relative: Aligned) -> None:
    options = {"n_workers": 2, "save_results": True, "output_dir": "out"}
    library = TweakRegStep.call(str(files.association), **options)
    written = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    two, errors = models_of(library), relative_errors_mas(relative.models, files)
    assert max(relative_errors_mas(two, files)) == max(errors)
    assert [model.meta.filename for model in two] == result_files(Path("out"))
    assert [model.meta.cal_step.tweakreg for model in two] == ["COMPLETE"] * 3
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == written
    assert library.group_names == ExposureLibrary(opened(files)).group_names


def test_models_in_memory_stay_in_this_process(files: Truth, relative: Aligned) -> None:
    models = models_of(TweakRegStep.call(opened(files), n_workers=2))
    for model, other in zip(models, relative.models, strict=True):
        # of a rotation in a WCS that was read from a file again, the last bit may be another
        np.testing.assert_allclose(model.meta.wcs(X, Y), other.meta.wcs(X, Y), rtol=1e-15)


@pytest.mark.parametrize("how", [{"n_workers": 2}, {"in_memory": False}], ids=["workers", "disk"])
def test_inputs_may_be_overwritten_by_results(
    files: Truth, relative: Aligned, how: dict[str, Any]
) -> None:
    library = TweakRegStep.call(
        str(files.association),
        save_results=True,
        output_dir=str(files.folder),
        suffix="cal",
        **how,
    )
    for model, path in zip(models_of(library), relative.files, strict=True):
        wcs = contents(path)["wcs"]
        assert [np.asarray(axis).tobytes() for axis in model.meta.wcs(X, Y)] == wcs


def test_a_result_that_cannot_be_written_keeps_no_other_back(files: Truth) -> None:
    bad = files.images[1].file_name.replace("_cal", "_tweakreg")
    (Path("out") / bad).mkdir(parents=True)  # a folder is in the way
    with pytest.raises(OutputError, match=rf"1 of 3 results .* all others were\. .*{bad}"):
        run(files, "out", n_workers=2)
    assert len([path for path in Path("out").glob("*_tweakreg.fits") if path.is_file()]) == 2
    assert not list(Path("out").glob(".tweakreg*"))
