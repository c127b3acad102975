"""Files that hold several images: each image is aligned, each file is one exposure."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from two_chips import TwoChipMission, TwoChips, two_chip_files

from tweakreg_step import TweakRegStep, remove_correction
from tweakreg_step.core.outcome import Status
from tweakreg_step.exposures import read_exposures
from tweakreg_step.parameters import Parameters
from tweakreg_step.pipeline import run as run_module
from tweakreg_step.simulate import Truth, simulate_mosaic, truth_error
from tweakreg_step.telescopes import EARTH, choose_mission
from tweakreg_step.telescopes.jwst import JWST
from tweakreg_step.telescopes.library import ExposureLibrary, file_names

TOLERANCE_MAS = 6.3  # a tenth of a pixel, as in `results`


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return simulate_mosaic(
        tmp_path_factory.mktemp("chips"),
        seed=11,
        tiles=(1, 1),
        dithers=2,
        detectors=("NRCALONG", "NRCBLONG"),
        shape=(512, 512),
        stars_per_image=45,
        flux_limits=(20.0, 3000.0),
        reference_fraction=0.8,
    )


@pytest.fixture
def paths(mosaic: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files of the mission, which is one of those that are known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choose_mission, "TELESCOPES", (JWST(), TwoChipMission()))
    return two_chip_files(mosaic, tmp_path)


def call(paths: list[Path], mosaic: Truth, **options: Any) -> Any:
    return TweakRegStep.call(list(map(str, paths)), abs_refcat=str(mosaic.catalog), **options)


def opened(name: str | Path) -> TwoChips:
    return TwoChipMission().open(Path(name))


def errors_mas(names: list[str], mosaic: Truth) -> list[float]:
    """Of each image, in the order of the mosaic's: exposures, then detectors."""
    wcses = [chip.wcs for name in names for chip in opened(name).chips]
    return [truth_error(w, i).rms_mas for w, i in zip(wcses, mosaic.images, strict=True)]


def parameters_in(report: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    return {one["name"]: (one["value"], one["origin"]) for one in report["parameters"]}


RESULTS = ["exp0_tweakreg.fits", "exp1_tweakreg.fits"]


def test_an_exposure_is_read_as_its_images(paths: list[Path]) -> None:
    library = ExposureLibrary({"products": [{"members": [member(path) for path in paths]}]})
    names = file_names(library, lambda name: name)
    found = read_exposures(library, names, Parameters.of(TweakRegStep()), Path())
    assert [member.name for member in found.members] == ["exp0_flc.fits", "exp1_flc.fits"]
    assert [member.images for member in found.members] == [(0, 1), (2, 3)]
    assert [member.index for member in found.members] == [0, 1]
    images = found.images
    assert [i.name for i in images][:2] == ["exp0_flc.fits[SCI,1]", "exp0_flc.fits[SCI,2]"]
    assert [image.group for image in images] == ["exp0", "exp0", "exp1", "exp1"]
    assert [image.detector for image in images] == ["SCI,1", "SCI,2"] * 2
    assert {image.observatory for image in images} == {EARTH}
    assert all(len(image.sources) > 20 for image in images)


def member(path: Path) -> dict[str, str]:
    return {"expname": str(path), "exptype": "science"}


def test_an_exposure_is_changed_as_one(
    paths: list[Path], mosaic: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, changes_of = [], run_module.changes_of

    def noting(*given: Any) -> Any:
        made.append(changes_of(*given))
        return made[-1]

    monkeypatch.setattr(run_module, "changes_of", noting)
    call(paths, mosaic)
    ((first, second),) = [list(changes.values()) for changes in made]
    assert [first.name, second.name] == ["exp0_flc.fits", "exp1_flc.fits"]
    assert first.status is Status.ALIGNED
    assert first.reference == mosaic.catalog.name
    assert first.catalogs == (None, None)
    wcses = [*first.wcs, *second.wcs]
    assert len(first.wcs) == 2
    pairs = zip(wcses, mosaic.images, strict=True)
    errors = [truth_error(packed.wcs, image).rms_mas for packed, image in pairs]
    assert max(errors) < TOLERANCE_MAS


def test_from_files_to_files(
    paths: list[Path], mosaic: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    before = errors_mas(list(map(str, paths)), mosaic)
    call(paths, mosaic, save_results=True, save_catalogs=True, in_memory=False)
    assert sorted(path.name for path in Path().glob("*_tweakreg.fits")) == RESULTS
    assert min(before) > 2 * TOLERANCE_MAS > 2 * max(errors_mas(RESULTS, mosaic))
    model = opened(RESULTS[1])
    assert model.meta.catalogs == ("exp1_flc_cat_SCI1.ecsv", "exp1_flc_cat_SCI2.ecsv")
    assert all(Path(name).is_file() for name in model.meta.catalogs)
    assert model.meta.facts["group_images"] == 2
    assert fits.getval(RESULTS[0], "TELESCOP") == "TWOCHIP"
    report = json.loads(Path("exp0_tweakreg.json").read_text())
    assert len(report["images"]) == 4
    assert len(report["groups"]) == 2
    assert parameters_in(report)["fitgeometry"] == ("rscale", "default of TWOCHIP")
    assert report["versions"]["pytest"] == pytest.__version__
    assert "exp0_flc.fits: the wind was too strong" in caplog.text
    remove_correction(RESULTS[0])
    for chip, old in zip(opened(RESULTS[0]).chips, opened(paths[0]).chips, strict=True):
        assert np.array_equal(chip.to_sky(5.0, 9.0), old.to_sky(5.0, 9.0))


def test_a_geometry_that_is_given_counts(paths: list[Path], mosaic: Truth) -> None:
    """Also where it is the default of the parameter: what the user says goes before the mission."""
    call(paths, mosaic, save_report=True, fitgeometry="rshift")
    found = parameters_in(json.loads(Path("exp0_tweakreg.json").read_text()))
    assert found["fitgeometry"] == ("rshift", "default")
    assert found["abs_fitgeometry"] == ("rscale", "default of TWOCHIP")


def test_catalogs_are_kept_and_given_by_image(
    paths: list[Path], mosaic: Truth, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        call(paths, mosaic, resume=True)
    assert "the catalogs of 4 of 4 images are those of an earlier run" in caplog.text
    caplog.clear()
    lines = [f"exp0_flc.fits[SCI,{n}] exp0_flc_cat_SCI{n}.ecsv" for n in (1, 2)]
    Path("catfile").write_text("\n".join(lines))
    call(paths, mosaic, use_custom_catalogs=True, catfile="catfile", save_results=True)
    assert max(errors_mas(RESULTS, mosaic)) < TOLERANCE_MAS


def test_the_fixed_image_is_named_by_its_file_or_its_own_name(
    paths: list[Path], mosaic: Truth
) -> None:
    for name in ("exp1_flc", "exp1_flc.fits[SCI,2]"):
        TweakRegStep.call(list(map(str, paths)), refimage=name, save_results=True)
        fixed, moved = opened(RESULTS[1]), opened(RESULTS[0])
        assert all(chip.delivered is None for chip in fixed.chips)
        assert all(chip.delivered is not None for chip in moved.chips)


def test_an_exposure_that_is_refused(paths: list[Path], mosaic: Truth) -> None:
    broken = opened(paths[0])
    broken.chips.pop()
    broken.save(paths[0])
    library = call(paths, mosaic, save_results=True)
    assert len(library) == 2
    models = [opened(name) for name in RESULTS]
    assert [model.meta.status for model in models] == [Status.FAILED, Status.ALIGNED]
    assert models[0].meta.facts["code"] == "unusable"


def test_two_missions_in_one_run(paths: list[Path], mosaic: Truth) -> None:
    """One exposure in two files of one mission, the other in one file of another."""
    own = [mosaic.folder / image.file_name for image in mosaic.images[:2]]
    given = [*(Path(shutil.copy(path, Path())) for path in own), paths[1]]
    call(given, mosaic, save_results=True)
    results = sorted(path.name for path in Path().glob("*_tweakreg.fits"))
    assert len(results) == 3
    wcses = [
        model.meta.wcs for name in results[1:] if (model := choose_mission.open_exposure(name))
    ]
    wcses += [chip.wcs for chip in opened(RESULTS[1]).chips]
    assert [fits.getval(name, "TELESCOP") for name in results] == ["TWOCHIP", "JWST", "JWST"]
    errors = [truth_error(w, i).rms_mas for w, i in zip(wcses, mosaic.images, strict=True)]
    assert max(errors) < TOLERANCE_MAS
