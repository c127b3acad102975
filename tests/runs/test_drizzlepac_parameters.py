"""Facts on DrizzlePac's TweakReg that its table rests on (``make test-hst``)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from hst_visits import copied, visit

from tweakreg_step import TweakReg
from tweakreg_step.drizzlepac import PARAMETERS, values_of
from tweakreg_step.drizzlepac.table import IMAGE, MAIN, REFERENCE

pytestmark = [pytest.mark.hst, pytest.mark.filterwarnings("ignore")]

PEAKS = {
    (2.5, 1.0, 0.0): 4.616,
    (3.5, 1.0, 0.0): 3.120,
    (5.0, 1.0, 0.0): 3.649,
    (3.5, 0.6, 30.0): 4.803,
    (5.0, 0.5, 60.0): 3.934,
    (5.0, 0.7, 120.0): 3.130,
    (7.0, 0.4, 45.0): 3.231,
}
"""By conv_width, ratio and theta, as in tests/drizzlepac/test_conversions.py."""


@pytest.mark.parametrize("task", [MAIN, IMAGE, REFERENCE])
def test_defaults_are_those_of_its_files(task: str) -> None:
    tweakreg = pytest.importorskip("drizzlepac.tweakreg")
    file = Path(tweakreg.__file__).parent / "pars" / f"{'tweakreg' if task == MAIN else task}.cfg"
    files = {MAIN: None, IMAGE: None, REFERENCE: None} | {task: file}
    values = values_of({}, files[MAIN], files[IMAGE], files[REFERENCE])
    assert not values.remarks
    given = {name for where, name in values.given if where == task}
    rows = {row.name: row for row in PARAMETERS if row.where == task}
    assert set(rows) - given <= {"updatewcs", "fwhmpsf", "ascend"}
    for name in given:
        assert values.of(task)[name] == rows[name].default, name


@pytest.mark.parametrize(("conv_width", "ratio", "theta"), sorted(PEAKS))
def test_the_least_peak_of_a_star_that_it_finds(
    conv_width: float, ratio: float, theta: float
) -> None:
    findobj = pytest.importorskip("drizzlepac.findobj")
    y, x = np.mgrid[:201, :201]
    stars = np.zeros(x.shape)
    angle = np.deg2rad(theta)
    for cx, cy in ((50, 50), (150, 60), (60, 150)):
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        square = along**2 + (across / ratio) ** 2
        stars += np.exp(-0.5 * square / (0.5 * conv_width / 2.35482) ** 2)
    for factor, count in ((0.99, 0), (1.01, 3)):
        image = (factor * PEAKS[conv_width, ratio, theta] * stars).astype("f4")
        with contextlib.redirect_stdout(io.StringIO()):
            found, _ = findobj.findstars(image, conv_width, 4.0, 1.0, ratio=ratio, theta=theta)
        assert len(found) == count


def moved(shifts: str, frame: str, name: str) -> np.ndarray:
    """Where positions (2, 4) [deg] go by a shift file."""
    (line,) = [one for one in Path(shifts).read_text().splitlines() if one.startswith(name)]
    dx, dy, angle, scale = map(float, line.split()[1:5])
    wcs = WCS(fits.getheader(frame, "WCS"))
    turn = np.deg2rad(angle)
    back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale
    ra, dec = [150.1, 150.103, 150.1, 150.097], [2.197, 2.2, 2.203, 2.2]
    delivered = np.stack(wcs.wcs_world2pix(ra, dec, 1)) - wcs.wcs.crpix[:, None]
    corrected = back @ (delivered - [[dx], [dy]]) + wcs.wcs.crpix[:, None]
    return np.stack(wcs.wcs_pix2world(*corrected, 1))


@pytest.mark.parametrize("refimage", ["", "j94f0501q_flc.fits"])
def test_both_shift_files_say_the_same(
    refimage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tweakreg = pytest.importorskip("drizzlepac.tweakreg")
    monkeypatch.chdir(tmp_path)
    truth = visit(pointing_error=(0.3, 60.0, 1e-4))
    files = copied(truth, tmp_path)
    table = Table.read(truth.catalog)
    np.savetxt("stars.txt", np.stack([table["RA"], table["DEC"]], 1), fmt="%.12f")
    given = {"refcat": "stars.txt", "shiftfile": True, "searchrad": 2.0, "tolerance": 3.0}
    given |= {
        "refimage": refimage,
        "see2dplot": False,
        "residplot": "No plot",
        "interactive": False,
    }
    find = {"threshold": 20.0}
    TweakReg("*_flc.fits", imagefindcfg=find, outshifts="a.txt", outwcs="a.fits", **given)
    with contextlib.redirect_stdout(io.StringIO()):
        tweakreg.TweakReg(
            "*_flc.fits", imagefindcfg=find, outshifts="b.txt", outwcs="b.fits", **given
        )
    for path in files:
        ours, theirs = (moved(f"{one}.txt", f"{one}.fits", path.name) for one in "ab")
        np.testing.assert_allclose(3600.0 * (ours - theirs), 0.0, atol=0.006)
    mine, other = (fits.getheader(f"{one}.fits", "WCS") for one in "ab")
    one, two = WCS(mine), WCS(other)
    np.testing.assert_allclose(one.pixel_scale_matrix, two.pixel_scale_matrix, atol=1e-12)
    np.testing.assert_allclose(one.wcs.crval, two.wcs.crval, atol=1e-9)
    np.testing.assert_allclose(one.wcs.crpix, two.wcs.crpix, atol=1e-6)
    for word in ("NPIX1", "NPIX2", "NAXIS", "PIXVALUE", "CTYPE1", "CTYPE2"):
        assert mine[word] == other[word], word
    assert mine["ORIENTAT"] == pytest.approx(other["ORIENTAT"], abs=1e-6)
