"""From file to file: catalogs found, saved, given and chosen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from scipy.ndimage import gaussian_filter
from stdatamodels.jwst import datamodels
from step_outputs import TOLERANCE_MAS, Aligned, errors_mas, models_of

from tweakreg_step import TweakRegStep
from tweakreg_step.simulate import Truth
from tweakreg_step.sources.flags import Flag
from tweakreg_step.telescopes.library import ExposureLibrary


def test_saved_catalogs_are_found_beside_the_results(absolute: Aligned, tmp_path: Path) -> None:
    shutil.copytree(absolute.folder, tmp_path / "out")
    library = TweakRegStep.call(
        str(tmp_path / "out" / "*_tweakreg.fits"), use_custom_catalogs=True, snr_threshold=1e9
    )
    assert [m.meta.cal_step.tweakreg for m in models_of(library)] == ["COMPLETE"] * 3


def test_catalogs_are_saved_and_can_be_used_again(
    files: Truth, relative: Aligned, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(relative.folder, out)
    names = [model.meta.tweakreg_catalog for model in relative.models]
    assert names == [Path(i.file_name).stem + "_cat.ecsv" for i in files.images]
    assert set(Table.read(out / names[0]).colnames) >= {"id", "x", "y", "flux", "x_err", "y_err"}
    lines = [f"{i.file_name} {n}" for i, n in zip(files.images, names, strict=True)]
    (out / "catfile.txt").write_text("\n".join(lines))
    second = TweakRegStep.call(
        str(files.association),
        use_custom_catalogs=True,
        catfile=str(out / "catfile.txt"),
        starfinder="dao",  # would find other positions
    )
    for one, two in zip(relative.models, models_of(second), strict=True):
        difference = np.subtract(one.meta.wcs(10.0, 20.0), two.meta.wcs(10.0, 20.0))
        assert np.max(np.abs(difference)) < 1e-13  # degrees


def test_precedence_of_catalogs(files: Truth, tmp_path: Path) -> None:
    """Catfile before association before metadata; an image listed without one gets a found one."""
    shutil.rmtree(tmp_path / "cats", ignore_errors=True)
    (tmp_path / "cats").mkdir()
    for number in (1, 2, 3):  # catalogs that can be told from each other by their length
        table = Table({"x": 100.0 + 20 * np.arange(number), "y": np.full(number, 50.0)})
        table.write(tmp_path / "cats" / f"{number}.ecsv")
    content = json.loads(files.association.read_text())
    members = content["products"][0]["members"]
    members[0]["tweakreg_catalog"] = members[1]["tweakreg_catalog"] = "../cats/2.ecsv"
    files.association.write_text(json.dumps(content))
    with datamodels.open(files.files[2]) as model:
        model.meta.tweakreg_catalog = str(tmp_path / "cats" / "3.ecsv")
        model.save(files.files[2])
    (tmp_path / "catfile").write_text(f"{files.images[0].file_name} cats/1.ecsv\n")
    assert catalog_lengths(files, "catfile") == [1, 2, 3]
    (tmp_path / "catfile").write_text(f"{files.images[0].file_name}\n")
    assert catalog_lengths(files, "catfile")[0] > 20
    assert catalog_lengths(files, "") == [2, 2, 3]


def catalog_lengths(files: Truth, catfile: str) -> list[int]:
    from tweakreg_step.exposures.read import read_exposures
    from tweakreg_step.parameters.run_parameters import Parameters

    step = TweakRegStep(use_custom_catalogs=True, catfile=catfile)
    library = ExposureLibrary(str(files.association))
    names = [image.file_name for image in files.images]
    images = read_exposures(library, names, Parameters.of(step), Path()).images
    return [len(image.sources) for image in images]


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_every_finder_aligns(pair: Truth, starfinder: str) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0} if starfinder == "dao" else {}
    library = TweakRegStep.call(
        str(pair.association),
        abs_refcat=str(pair.catalog),
        starfinder=starfinder,
        kernel_fwhm=2.0,
        **options,
    )
    models = models_of(library)
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    # the other finders have a pixel-phase error of several hundredths of a pixel a star
    assert max(errors_mas(models, pair)) < TOLERANCE_MAS


def test_the_reference_catalog_is_saved_where_output_dir_says(absolute: Aligned) -> None:
    saved = Table.read(absolute.folder / "fit_reference_ref.ecsv")
    assert saved["RA"].tolist() == Table.read(absolute.truth.catalog)["RA"].tolist()


def test_an_effective_psf_that_gains_nothing_is_not_used(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    library = TweakRegStep.call(
        str(pair.association),
        abs_refcat=str(pair.catalog),
        refine_centroids="epsf",
        kernel_fwhm=2.4,
    )
    assert "positions are windowed" in caplog.text
    assert max(errors_mas(models_of(library), pair)) < TOLERANCE_MAS


def test_the_width_of_the_stars_is_logged_once_for_each_detector_and_filter(
    pair: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    for path in pair.files:
        with datamodels.open(path) as model:
            model.meta.instrument.filter = "F250M"  # 1.35 pixels, and these stars have 2
            model.save(path)
    TweakRegStep.call(str(pair.association))
    assert len([r for r in caplog.records if "not the expected 1.35" in r.getMessage()]) == 1


def test_a_field_of_galaxies_aligns(pair: Truth) -> None:
    for path in pair.files:
        with datamodels.open(path) as model:
            for name in ("data", "err"):
                # stars of 2 pixels become sources of 4 to 5, of many widths
                image = np.nan_to_num(getattr(model, name))
                rows = np.array_split(image, 8)
                blurred = [gaussian_filter(part, 1.2 + 0.12 * k) for k, part in enumerate(rows)]
                setattr(model, name, np.concatenate(blurred))
            model.meta.instrument.filter, model.meta.instrument.channel = "F356W", "LONG"
            model.save(path)
    library = TweakRegStep.call(
        str(pair.association), abs_refcat=str(pair.catalog), save_catalogs=True, snr_threshold=3.0
    )
    models = models_of(library)
    flags = Table.read(models[0].meta.tweakreg_catalog)["flags"]
    assert np.mean((flags & int(Flag.EXTENDED)) != 0) > 0.5
    assert [model.meta.cal_step.tweakreg for model in models] == ["COMPLETE"] * 2
    assert max(errors_mas(models, pair)) < 2.0 * TOLERANCE_MAS
