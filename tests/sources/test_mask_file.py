"""A FITS mask in the place of a region file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.sources.regions import read_exclusions


def test_sources_in_zeros_and_outside_are_left_out(tmp_path: Path) -> None:
    good = np.ones((20, 30), np.uint8)
    good[5:10, 20:] = 0
    path = tmp_path / "mask.fits"
    fits.writeto(path, good)
    x, y = np.array([3.0, 25.0, 19.4, 19.6, 29.6]), np.array([7.0, 7.0, 7.0, 7.0, 15.0])
    found = read_exclusions(path)
    assert found.allowed(x, y, lambda *xy: xy, (14.5, 9.5)).tolist() == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    fits.writeto(path, np.ones((20, 30), np.uint8))
    with pytest.raises(InputError, match="has 30 x 20 pixels, but the image has 60 x 40"):
        read_exclusions(path).allowed(np.zeros(1), np.zeros(1), lambda *xy: xy, (29.5, 19.5))


def test_the_checksum_is_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    texts = []
    for value in (0, 1):
        fits.writeto(path, np.full((4, 4), value, np.uint8), overwrite=True)
        texts.append(read_exclusions(path).text)
    assert texts[0] != texts[1]


def test_a_mask_without_image_or_no_fits_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(InputError, match="has no image, but one is needed"):
        read_exclusions(path)
    path.write_text("circle(1,2,3)")
    with pytest.raises(InputError, match="can't be read"):
        read_exclusions(path)
