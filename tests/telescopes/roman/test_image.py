"""The image of a Roman model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.time import Time
from roman_exposures import exposures, opened

from tweakreg_step.telescopes.roman.image import RomanImage
from tweakreg_step.telescopes.roman.psf import stellar_fwhm


@pytest.fixture
def image() -> RomanImage:
    return RomanImage(opened(exposures().files[0]))


def test_pixels(image: RomanImage) -> None:
    model = image.model
    model["data"], model["err"] = np.ones((6, 6), np.float32), np.ones((6, 6), np.float16)
    model["dq"] = np.zeros((6, 6), np.uint32)
    model.dq[0, :4] = 1, 2, 512, 4  # DO_NOT_USE, SATURATED, NON_SCIENCE, JUMP_DET
    model.data[1, 0], model.err[1, 1] = np.nan, np.inf
    pixels = image.pixels()
    assert np.argwhere(pixels.mask).tolist() == [[0, 0], [0, 2], [1, 0]]
    assert np.argwhere(pixels.saturated).tolist() == [[0, 1]]
    assert np.argwhere(np.isnan(pixels.error)).tolist() == [[1, 1]]
    assert pixels.error.dtype == np.float32
    assert np.isinf(model.err[1, 1])  # what was given is not changed


def test_epoch_is_the_middle_of_the_exposure(image: RomanImage) -> None:
    exposure = image.model.meta.exposure
    exposure["start_time"], exposure["end_time"] = (
        Time("2027-06-01T00:00:00"),
        Time("2027-06-03T00:00:00"),
    )
    assert image.view().epoch == pytest.approx(Time("2027-06-02T00:00:00").jyear, abs=1e-9)
    unset = Time("2020-01-01T00:00:00.000")
    exposure["start_time"] = exposure["end_time"] = unset
    assert image.view().epoch is None


def test_an_unset_filter_has_no_width(image: RomanImage) -> None:
    assert image.fwhm == stellar_fwhm("F158")
    image.model.meta.instrument["optical_element"] = "?"
    assert image.fwhm is None
    assert image.view().detector == "WFI01"


def test_widths_grow_with_wavelength_and_are_those_of_stars_on_pixels() -> None:
    widths = [stellar_fwhm(f"F{band:03d}") for band in (62, 87, 106, 129, 158, 184, 213)]
    assert widths == sorted(widths)
    assert stellar_fwhm("GRISM") is None
    # the variance of a square of one pixel is 1/12, that of a Gaussian FWHM^2 / (8 ln 2)
    alone = 0.175 / 0.11
    expected = np.sqrt(alone**2 + 8.0 * np.log(2.0) / 12.0)
    assert stellar_fwhm("F213") == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("value", [-999999, -999999.0, None, 0.0])
def test_an_exposure_time_that_was_not_set(image: RomanImage, value: Any) -> None:
    exposure = image.model.meta.exposure
    assert image.exposure_time == pytest.approx(311.4)
    exposure["effective_exposure_time"] = value
    exposure["exposure_time"] = 100.0
    assert image.exposure_time == 100.0
    exposure["exposure_time"] = value
    assert image.exposure_time is None
