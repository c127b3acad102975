"""Pixels of HST: masks, errors, widths of stars, time."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tweakreg_step.simulate.hst import CAMERAS, template
from tweakreg_step.telescopes.hst import HST
from tweakreg_step.telescopes.hst.exposure import HstExposure
from tweakreg_step.telescopes.hst.image import camera_of, epoch_of, filter_of
from tweakreg_step.telescopes.hst.psf import stellar_fwhm
from tweakreg_step.telescopes.hst.quality import bits_of


def exposure(camera: str = "ACS/WFC", **words: object) -> tuple[HstExposure, fits.HDUList]:
    hdus = template(CAMERAS[camera], (20, 30), (5.0, 5.0, 0.0), "j94f05bgq", 100.0)
    hdus[0].header.update(words)
    hdus["SCI", 1].data[:] = 50.0
    return HstExposure.of_hdus(hdus), hdus


def pixels_of(hdus: fits.HDUList):
    return HST().images(HstExposure.of_hdus(hdus))[0].pixels()


def test_bits_are_masked_kept_or_known_as_saturated() -> None:
    _, hdus = exposure()
    quality = hdus["DQ", 1].data
    quality[0, :5] = [4, 4096, 8192, 1, 512]  # unusable, cosmic rays
    quality[1, :4] = [16, 32, 64, 128]  # hot, trap, warm, bias structure
    quality[2, :2] = [256, 2048]
    hdus["SCI", 1].data[3, 0] = np.nan
    found = pixels_of(hdus)
    assert found.mask.sum() == 6
    assert found.mask[0, :5].all()
    assert found.saturated is not None
    assert found.saturated[2, :2].all()
    assert found.saturated.sum() == 2


@pytest.mark.parametrize(
    ("camera", "kept"), [(("WFC3", "IR"), 512), (("WFPC2", ""), 512), (("ACS", "SBC"), 16)]
)
def test_bits_by_camera(camera: tuple[str, str], kept: int) -> None:
    assert not bits_of(*camera).unusable(np.array([kept]))[0]
    assert bits_of(*camera).unusable(np.array([4096]))[0]
    assert bits_of("NEW", "CAMERA").unusable(np.array([kept]))[0]


def test_errors_of_the_file_or_of_noise_and_gain() -> None:
    _, hdus = exposure()
    hdus["ERR", 1].data[:] = 7.0
    hdus["ERR", 1].data[0, 0] = 0.0
    found = pixels_of(hdus)
    assert np.isnan(found.error[0, 0])
    assert found.error[1, 1] == 7.0
    del hdus["ERR", 1]
    assert pixels_of(hdus).error[1, 1] == pytest.approx(np.sqrt(16.0 + 50.0))
    hdus["SCI", 1].header["BUNIT"] = "COUNTS"
    hdus[0].header["CCDGAIN"] = 2.0
    assert pixels_of(hdus).error[1, 1] == pytest.approx(np.sqrt(4.0 + 25.0))


def test_drizzled_images_have_errors_by_their_weights() -> None:
    _, hdus = exposure("ACS/WFC drizzled")
    rng = np.random.default_rng(2)
    hdus["SCI", 1].data[:] = 0.1 * rng.standard_normal((20, 30))
    hdus["WHT", 1].data[:, :15] = 400.0
    hdus["WHT", 1].data[:, 29] = 0.0
    found = pixels_of(hdus)
    assert found.mask[:, 29].all()
    assert not found.mask[:, :29].any()
    assert np.nanmedian(found.error[:, :15]) < np.nanmedian(found.error[:, 15:29])


def test_the_middle_of_the_exposure() -> None:
    opened, _ = exposure(EXPSTART=55610.0, EXPEND=55612.0)
    assert epoch_of(opened) == pytest.approx(2000.0 + (55611.0 - 51544.5) / 365.25)
    opened, _ = exposure(EXPSTART=0.0, EXPEND=0.0)
    assert epoch_of(opened) is None


def test_names_of_camera_and_filter() -> None:
    opened, _ = exposure()
    assert camera_of(opened.header()) == "ACS WFC"
    assert filter_of(opened.header()) == "F606W"
    assert filter_of(fits.Header([("FILTER1", "CLEAR1L"), ("FILTER2", "F814W")])) == "F814W"


@pytest.mark.parametrize(
    ("camera", "band", "fwhm"),
    # ACS Instrument Handbook, section 5.6; WFC3 Instrument Handbook, tables 6.7 and 7.5
    [
        ("ACS WFC", "F814W", 2.1),
        ("WFC3 UVIS", "F606W", 1.9),
        ("WFC3 IR", "F160W", 1.2),
        ("WFC3 IR", "F110W", 1.0),
    ],
)
def test_widths_of_stars(camera: str, band: str, fwhm: float) -> None:
    assert stellar_fwhm(camera, band) == pytest.approx(fwhm, abs=0.2)
    assert stellar_fwhm("NEW CAMERA", band) is None


def test_a_wcs_is_pickled_to_the_bit(tmp_path: Path) -> None:
    _, hdus = exposure()
    wcs = HST().images(HstExposure.of_hdus(hdus))[0].view().wcs
    wcs.wcs.crval = wcs.wcs.crval + np.array([1.23456789012e-9, 0.0])
    twin = pickle.loads(pickle.dumps(wcs))  # noqa: S301 - ours
    x = np.linspace(0.0, 29.0, 7)
    assert np.array_equal(wcs.forward_transform(x, x[::-1]), twin.forward_transform(x, x[::-1]))
    assert twin.sip is not None
    assert twin.det2im1 is not None
    assert twin.cpdis2 is not None


def test_bits_that_a_user_allows_are_all_that_a_pixel_may_have() -> None:
    own, hdus = exposure()
    hdus["DQ", 1].data[0, :4] = [4096, 16, 256, 4096 + 16]
    image = HST().images(HstExposure.of_hdus(hdus))[0]
    assert image.pixels().mask[0, :4].tolist() == [True, False, False, True]
    assert image.pixels(4096).mask[0, :4].tolist() == [False, True, True, True]
    assert not image.pixels(2**32 - 1).mask.any()
    assert not HST().images(own)[0].pixels(0).mask.any()
