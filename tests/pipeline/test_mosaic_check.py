"""Errors of an alignment broaden the stars of a mosaic: 10 mas are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hst_visits import visit

from tweakreg_step import check_mosaic
from tweakreg_step.core.exceptions import InputError

FOUR = {"camera": "ACS/WFC drizzled", "shape": (400, 400), "stars": 120, "exposures": 4}
FOUR |= {"pointing_error": (0.0, 0.0, 0.0)}


def drizzled(folder: Path, error_mas: float) -> tuple[Path, list[Path]]:
    """A mosaic of four images on one frame, the last of which is not where it says."""
    offsets = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.001 * error_mas, 0.0))
    truth = visit(offsets=offsets, **FOUR)
    arrays = [fits.getdata(path, ("SCI", 1)) for path in truth.files]
    header = fits.getheader(truth.files[0], ("SCI", 1))
    singles = []
    for number, array in enumerate(arrays):
        singles.append(folder / f"{number}_single_sci.fits")
        fits.PrimaryHDU(array, header).writeto(singles[-1])
    mosaic = folder / "final_drc.fits"
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.mean(arrays, 0), header, name="SCI")])
    hdus.append(fits.ImageHDU(np.full(arrays[0].shape, 2000.0), name="WHT"))
    hdus.writeto(mosaic)
    return mosaic, singles


def test_an_alignment_without_error_shows_none(tmp_path: Path) -> None:
    table = check_mosaic(*drizzled(tmp_path, 0.0))
    assert list(table["row"][:1]) == [-1]
    assert len(table) == 5
    assert np.all(np.abs(table["significance"]) < 4.0)
    assert table["spread"][0] < 1.5
    assert table["fwhm"][0] == pytest.approx(table["fwhm_singles"][0], rel=0.005)
    assert table["ellipticity"][0] < 0.03


def test_ten_mas_are_seen(tmp_path: Path) -> None:
    """One of four off by 10 mas: sqrt(3) / 4 of it in its direction, 3.06 mas per axis."""
    table = check_mosaic(*drizzled(tmp_path, 10.0))
    assert table["significance"][0] > 5.0
    assert table["spread"][0] == pytest.approx(10.0 * np.sqrt(3.0 / 32.0), rel=0.3)


def test_what_can_not_be_compared(tmp_path: Path) -> None:
    mosaic, singles = drizzled(tmp_path, 0.0)
    with pytest.raises(InputError, match=r"no single images are given.* clean=False"):
        check_mosaic(mosaic, [])
    with fits.open(singles[0], mode="update") as hdus:
        hdus[0].header["CRVAL1"] += 1.0
    with pytest.raises(InputError, match=r"has 0 stars that its single images have as well"):
        check_mosaic(mosaic, singles[:1])
    (tmp_path / "none.fits").write_text("nothing")
    with pytest.raises(InputError, match=r"none\.fits' can't be read"):
        check_mosaic(tmp_path / "none.fits", singles)
