"""Solutions of HST images: applied, taken back, and carried from a mosaic to its exposures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hst_visits import copied, largest_error, visit
from joining import joined_without_old_files

from tweakreg_step.api import align, apply, transfer, undo
from tweakreg_step.simulate import Stars
from tweakreg_step.simulate.hst import HstTruth, Scene, errors_mas, simulate_hst
from tweakreg_step.telescopes.hst.exposure import HstExposure
from tweakreg_step.telescopes.hst.image import members_of

TOLERANCE_MAS = 1.5


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_solution_is_applied_and_taken_back(tmp_path: Path) -> None:
    truth = visit()
    align(list(map(str, truth.files)), str(truth.catalog), output_dir="out")
    paths = copied(truth, tmp_path / "again")
    (solution,) = (tmp_path / "out").glob("*_solution.asdf")
    apply(solution, list(map(str, paths)))
    assert largest_error(paths, truth) < TOLERANCE_MAS
    undo(list(map(str, paths)))
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in truth.files]


def mosaic_of(truth: HstTruth, folder: Path) -> Path:
    """The mosaic of a visit's first exposure, with the pointing error of that."""
    stars = Table.read(truth.folder / "sky.ecsv")
    sky = Stars(*(np.array(stars[name]) for name in ("RA", "DEC", "FLUX")))
    scene = Scene(5, "ACS/WFC drizzled", 1, (500, 500))
    drawn = simulate_hst(folder / "drizzled", scene, sky)
    path = folder / "field_drc.fits"
    with fits.open(drawn.files[0]) as hdus:
        for number in (1, 2):
            hdus[0].header[f"D00{number}DATA"] = f"{truth.files[0].name}[sci,{number}]"
        hdus.writeto(path)
    assert members_of(HstExposure.open(path).header()) == (truth.files[0].name,)
    return path


def test_a_mosaic_carries_its_exposures(tmp_path: Path) -> None:
    """The exposures move as the mosaic that they are in, from the WCS that it was made with."""
    truth = visit()
    mosaic = mosaic_of(truth, tmp_path)
    align(str(mosaic), str(truth.catalog), output_dir="out")
    (exposure, *_) = copied(truth, tmp_path / "in")
    (solution,) = (tmp_path / "out").glob("*_solution.asdf")
    before = max(errors_mas(exposure, truth.exposures[0]))
    transfer(solution, str(exposure))
    assert before > 100.0
    assert max(errors_mas(exposure, truth.exposures[0])) < TOLERANCE_MAS
    undo(str(exposure))
    assert exposure.read_bytes() == truth.files[0].read_bytes()


def test_exposures_that_join_without_the_old_files(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path / "in")
    new = max(path.name for path in paths)
    later = [path for path in paths if path.name == new]
    earlier = [path for path in paths if path not in later]
    result = joined_without_old_files(earlier, later, truth.catalog, tmp_path)
    again = copied(truth, tmp_path / "again")
    apply(result, list(map(str, again)))
    assert largest_error(again, truth) < TOLERANCE_MAS
