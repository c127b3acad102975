"""Bad exposures of HST are named, each with its reason, and cost the others nothing."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hst_visits import align, copied, largest_error, results, visit

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.simulate.hst import CAMERAS, errors_mas, template

TOLERANCE_MAS = 1.0


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(root: str, shape: tuple[int, int] = (60, 80)) -> str:
    """A file without stars, over the field of the visit."""
    path = f"{root}_flc.fits"
    template(CAMERAS["ACS/WFC"], shape, (150.1, 2.2, 35.0), root, 100.0).writeto(path)
    return path


def test_bad_ones_cost_the_others_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    truth = visit()
    good = copied(truth, tmp_path / "in")
    small, dark = written("j94f05aaq", (10, 10)), written("j94f05abq")
    broken, grism = written("j94f05acq"), written("j94f05adq")
    Path(broken).write_bytes(Path(broken).read_bytes()[:20000])
    fits.setval(grism, "FILTER1", value="G800L")
    packed = Path(f"{good[2]}.gz")
    packed.write_bytes(gzip.compress(good[2].read_bytes()))
    given = [small, str(good[0]), dark, broken, str(good[1]), grism, str(packed)]
    align(given, truth, save_results=True, output_dir="out")
    assert largest_error(results(truth, tmp_path / "out"), truth) < TOLERANCE_MAS
    report = json.loads(next(Path("out").glob("*_tweakreg.json")).read_text())
    left = {one["name"]: one["reason"] for one in report["left_out"]}
    assert set(left) == {broken, grism}
    assert "truncated" in left[broken] or "is cut off" in left[broken]
    assert "holds spectra" in left[grism]
    for name in (small, dark):
        assert fits.getval(f"out/{name}", "TWRVERD") == "left alone"
        delivered = fits.getheader(name, ("SCI", 1))
        assert fits.getheader(f"out/{name}", ("SCI", 1)) == delivered


def test_a_chip_without_stars_moves_with_the_other(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path / "in")
    with fits.open(paths[0], mode="update") as hdus:
        noise = np.random.default_rng(3).standard_normal(hdus["SCI", 1].shape)
        hdus["SCI", 1].data[:] = 40.0 + 7.0 * noise
        hdus["DQ", 2].data[:40] = 4
    align(list(map(str, paths)), truth, save_results=True, output_dir="out")
    blank, seen = errors_mas(tmp_path / "out" / paths[0].name, truth.exposures[0])
    assert seen < TOLERANCE_MAS
    assert blank < 3.0  # the motion found on one chip, carried to the other


def test_two_files_of_one_exposure_are_refused(tmp_path: Path) -> None:
    truth = visit()
    paths = copied(truth, tmp_path / "in")
    twin = paths[0].with_name(paths[0].name.replace("_flc", "_flt"))
    twin.write_bytes(paths[0].read_bytes())
    with pytest.raises(InputError, match=r"_flt\.fits'.* are of one exposure"):
        align(list(map(str, [*paths, twin])), truth)


def test_without_stwcs(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = visit()
    monkeypatch.setitem(sys.modules, "stwcs", None)
    with pytest.raises(InputError, match=r"pip install stwcs"):
        align(str(truth.files[0]), truth)
