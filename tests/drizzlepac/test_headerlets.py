"""Headerlets of a solution, through stwcs."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hst_visits import align, copied, largest_error, visit

from tweakreg_step import cli
from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.drizzlepac import HeaderletOptions, apply_headerlet, write_headerlets
from tweakreg_step.simulate import directions
from tweakreg_step.simulate.hst import HstTruth
from tweakreg_step.solutions import read_solution
from tweakreg_step.telescopes.hst.headerlets import HeaderletWords

SOLUTION = "j94f0500q_tweakreg_solution.asdf"
TOLERANCE_MAS = 1e-5
"""1e-8 arcsec."""


@pytest.fixture(scope="module")
def truth() -> HstTruth:
    return visit(exposures=2)


@pytest.fixture(scope="module")
def aligned(truth: HstTruth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the aligned exposures and the solution."""
    folder = tmp_path_factory.mktemp("aligned")
    align(list(map(str, truth.files)), truth, save_results=True, output_dir=str(folder))
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def distance_mas(one: Path, two: Path) -> float:
    """The largest distance of the WCS of two files of one exposure."""
    largest = 0.0
    with warnings.catch_warnings(), fits.open(one) as first, fits.open(two) as second:
        warnings.simplefilter("ignore")
        for chip in (1, 2):
            ny, nx = first["SCI", chip].shape
            x, y = (axis.ravel() for axis in np.meshgrid([0.0, 0.5 * nx, nx], [0.0, ny]))
            places = [
                directions.direction(*WCS(h["SCI", chip].header, h).all_pix2world(x, y, 0))
                for h in (first, second)
            ]
            largest = max(largest, float(directions.separation_mas(*places).max()))
    return largest


def test_headerlets_without_touching_the_images(
    truth: HstTruth, aligned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = copied(truth, tmp_path)
    before = [path.read_bytes() for path in files]
    words = ["--author", "A User", "--descrip", "of a test"]
    assert cli.main(["headerlet", str(aligned / SOLUTION), *map(str, files), *words]) == 0
    made = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.name for path in made] == ["j94f0500q_hlet.fits", "j94f0501q_hlet.fits"]
    assert [path.read_bytes() for path in files] == before
    assert not list(Path().glob("*.log"))
    with fits.open(made[0]) as hdus, fits.open(aligned / files[0].name) as solved:
        header = solved["SCI", 1].header
        assert hdus[0].header["NMATCH"] == header["NMATCH"] > 20
        assert hdus[0].header["RMS_RA"] == header["CRDER1"] > 0
        assert hdus[0].header["HDRNAME"] == header["HDRNAME"]
        assert hdus[0].header["CATALOG"] == "reference.ecsv"
        assert hdus[0].header["AUTHOR"] == "A User"
    assert cli.main(["headerlet", str(aligned / SOLUTION), *map(str, files)]) == 1
    assert "exists already, and is left as it is" in capsys.readouterr().err


def test_on_a_pristine_copy_it_gives_the_solved_wcs(
    truth: HstTruth, aligned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = copied(truth, tmp_path)
    cli.main(["headerlet", str(aligned / SOLUTION), *map(str, files)])
    for path in files:
        headerlet = Path(f"{path.name.split('_')[0]}_hlet.fits")
        assert cli.main(["apply", str(headerlet), str(path)]) == 0
        assert distance_mas(path, aligned / path.name) < TOLERANCE_MAS
    assert largest_error(files, truth) < 1.5
    assert "is the WCS of" in capsys.readouterr().out


def test_stwcs_itself_takes_them(truth: HstTruth, aligned: Path, tmp_path: Path) -> None:
    from stwcs.wcsutil.headerlet import Headerlet

    files = copied(truth, tmp_path)
    write_headerlets(read_solution(aligned / SOLUTION), files, _options(file="x"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Headerlet.fromfile("j94f0500q_x_hlet.fits", logging=False).apply_as_primary(str(files[0]))
    assert distance_mas(files[0], aligned / files[0].name) < TOLERANCE_MAS


def _options(**given: Any) -> HeaderletOptions:
    usual = {"words": HeaderletWords("MINE"), "attached": False, "file": None, "replace": False}
    return HeaderletOptions(**(usual | given))


def test_attached_they_leave_all_else_as_it_is(
    truth: HstTruth, aligned: Path, tmp_path: Path
) -> None:
    files = copied(truth, tmp_path)
    solution = read_solution(aligned / SOLUTION)
    written = write_headerlets(solution, files, _options(attached=True))
    assert written == files
    for path, delivered in zip(files, truth.files, strict=True):
        old = delivered.read_bytes()
        assert path.read_bytes()[: len(old)] == old
        assert fits.getval(path, "HDRNAME", "HDRLET") == "MINE"
    with pytest.raises(InputError, match=r"has a headerlet named 'MINE' already.*'hdrname'"):
        write_headerlets(solution, files, _options(attached=True))


def test_of_images_that_have_the_solution_already(
    truth: HstTruth, aligned: Path, tmp_path: Path
) -> None:
    shutil.copytree(aligned, tmp_path, dirs_exist_ok=True)
    assert cli.main(["headerlet", SOLUTION]) == 0  # the images are found beside it
    pristine = copied(truth, tmp_path / "pristine")
    apply_headerlet(Path("j94f0501q_hlet.fits"), pristine[1], pristine[1])
    assert distance_mas(pristine[1], aligned / pristine[1].name) < TOLERANCE_MAS


def test_one_of_another_exposure_is_refused(
    truth: HstTruth, aligned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = copied(truth, tmp_path)
    cli.main(["headerlet", str(aligned / SOLUTION), *map(str, files)])
    before = files[1].read_bytes()
    capsys.readouterr()
    assert cli.main(["apply", "j94f0500q_hlet.fits", str(files[1])]) == 1
    error = capsys.readouterr().err
    assert "is of the exposure 'j94f0500q', but 'j94f0501q_flc.fits' has ROOTNAME" in error
    assert files[1].read_bytes() == before
    assert cli.main(["apply", str(files[0]), str(files[1])]) == 1
    assert "is neither a solution" in capsys.readouterr().err


def test_what_else_is_refused(truth: HstTruth, aligned: Path, tmp_path: Path) -> None:
    solution = read_solution(aligned / SOLUTION)
    files = copied(truth, tmp_path)
    write_headerlets(solution, files[:1], _options(file="one.fits"))
    with pytest.raises(OutputError, match=r"'one\.fits' exists already.*clobber=True"):
        write_headerlets(solution, files[:1], _options(file="one.fits"))
    write_headerlets(solution, files[:1], _options(file="one.fits", replace=True))
    other = visit(seed=6, exposures=2)
    with pytest.raises(InputError, match="j94f06"):
        write_headerlets(solution, [other.files[0]], _options(file=""))
    (tmp_path / "gone").mkdir()
    files[0].unlink()
    shutil.copy(aligned / SOLUTION, tmp_path / "gone")
    assert cli.main(["headerlet", str(tmp_path / "gone" / SOLUTION)]) == 1
