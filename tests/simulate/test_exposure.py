"""Simulated cal files: written, read again, and their metadata against each other."""

import numpy as np
import pytest
from astropy import wcs as fits_wcs
from astropy.io import fits
from stdatamodels.jwst import datamodels

from tweakreg_step.simulate import (
    Defects,
    Identity,
    Noise,
    Pointing,
    Psf,
    Settings,
    cal_model,
    detector_wcs,
    nircam,
    observe,
    pixel_of,
    star_image,
)
from tweakreg_step.simulate.directions import direction, separation_mas

POINTING = Pointing(10.0, -30.0, 75.0)
IDENTITY = Identity(program=1345, observation=2, visit=3, visit_group=4, sequence=5, exposure=7)


@pytest.fixture
def detector():
    return nircam("NRCB3", (128, 160))


@pytest.fixture
def pixels(detector):
    stars = star_image(np.array([70.3]), np.array([50.8]), np.array([500.0]), (128, 160), Psf(2.0))
    return observe(stars, Noise(), Defects(), seed=1)


@pytest.fixture
def wcs(detector):
    return detector_wcs(detector, POINTING, 0.99995)


@pytest.fixture
def model(pixels, wcs, detector):
    with cal_model(pixels, wcs, detector, POINTING, IDENTITY) as made:
        yield made


def test_file_is_read_again(model, pixels, wcs, tmp_path):
    path = tmp_path / model.meta.filename
    model.save(path)
    with datamodels.open(path) as again:
        assert isinstance(again, datamodels.ImageModel)
        again.validate()
        for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
            np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
        x, y = np.array([0.0, 159.0, 80.0]), np.array([127.0, 0.0, 60.0])
        error = separation_mas(direction(*again.meta.wcs(x, y)), direction(*wcs(x, y)))
        assert error.max() < 1e-6
        assert again.meta.wcs.available_frames == wcs.available_frames
        assert again.meta.wcs.bounding_box == wcs.bounding_box
        inverse = again.meta.wcs.backward_transform(*wcs(x, y))
        np.testing.assert_allclose(inverse, wcs.backward_transform(*wcs(x, y)), atol=1e-9, rtol=0)
        assert again.meta.wcsinfo.instance == model.meta.wcsinfo.instance


def test_name_and_group_keywords(model):
    assert model.meta.filename == "jw01345002003_04501_00007_nrcb3_cal.fits"
    observation = model.meta.observation
    keys = ("program_number", "observation_number", "visit_number", "visit_group")
    assert [getattr(observation, key) for key in keys] == ["01345", "002", "003", "04"]
    keys = ("sequence_id", "activity_id", "exposure_number")
    assert [getattr(observation, key) for key in keys] == ["5", "01", "7"]
    names = ("program_number", "observation_number", "visit_number")
    visit = "".join(getattr(observation, name) for name in names)
    names = ("visit_group", "sequence_id", "activity_id")
    group = "".join(getattr(observation, name) for name in names)
    assert IDENTITY.group_id == f"jw{visit}_{group}_{observation.exposure_number}"
    assert model.meta.exposure.type == "NRC_IMAGE"
    assert (model.meta.instrument.module, model.meta.instrument.channel) == ("B", "SHORT")


def test_times(model):
    exposure = model.meta.exposure
    assert (exposure.end_time - exposure.start_time) * 86400 == pytest.approx(311.4, abs=1e-4)
    assert exposure.mid_time == pytest.approx((exposure.start_time + exposure.end_time) / 2)
    # MJD 60000 is 2023 February 25.
    assert model.meta.observation.date == "2023-02-25"
    assert model.meta.observation.time == "00:00:00.000"


def test_units(pixels, wcs, detector, model):
    np.testing.assert_allclose(model.data, pixels.data * 0.45, rtol=1e-6)
    np.testing.assert_allclose(model.var_poisson, pixels.var_poisson * 0.45**2, rtol=1e-6)
    with cal_model(pixels, wcs, detector, POINTING, settings=Settings(bunit="DN/s")) as rate:
        np.testing.assert_array_equal(rate.data, pixels.data)
        assert rate.meta.bunit_data == "DN/s"
    with pytest.raises(ValueError, match="choose 'MJy/sr' or 'DN/s'"):
        Settings(bunit="Jy")


def test_fits_keywords_are_the_wcs_near_the_reference_pixel(model, wcs, detector):
    header = fits.Header({"NAXIS": 2})
    info = model.meta.wcsinfo
    for key in ("ctype", "cunit", "crpix", "crval", "cdelt"):
        header.update({f"{key}{i}": getattr(info, f"{key}{i}") for i in (1, 2)})
    header.update({f"pc{i}_{j}": getattr(info, f"pc{i}_{j}") for i in (1, 2) for j in (1, 2)})
    x, y = (c + np.array([0.0, 10.0, -10.0]) for c in detector.reference_pixel)
    linear = fits_wcs.WCS(header).all_pix2world(x, y, 0)
    # Distortion of 6 pixels at 1024 pixels is 1e-4 of that at 10 pixels: 0.02 mas.
    error = separation_mas(direction(*linear), direction(*wcs(x, y)))
    assert error.max() < 0.05
    area = abs(np.linalg.det([[info.pc1_1, info.pc1_2], [info.pc2_1, info.pc2_2]]))
    area *= info.cdelt1 * info.cdelt2 * 3600**2
    assert model.meta.photometry.pixelarea_arcsecsq == pytest.approx(area, rel=1e-6)
    assert model.meta.photometry.pixelarea_steradians == pytest.approx(
        area * (np.pi / 648000) ** 2, rel=1e-6
    )


def test_reference_angles_belong_to_the_wcs(model, wcs, detector):
    info = model.meta.wcsinfo
    to_sky = wcs.get_transform("v2v3vacorr", "world")
    # The aberration leaves the reference point in its place.
    found = direction(*to_sky(info.v2_ref, info.v3_ref))
    assert separation_mas(found, direction(info.ra_ref, info.dec_ref)) < 1e-6
    north = direction(*to_sky(info.v2_ref, info.v3_ref + 1.0)) - found
    ra, dec = np.radians([info.ra_ref, info.dec_ref])
    east_part = north @ [-np.sin(ra), np.cos(ra), 0.0]
    north_part = north @ [-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)]
    assert np.degrees(np.arctan2(east_part, north_part)) % 360 == pytest.approx(
        info.roll_ref, abs=1e-5
    )
    pointing = model.meta.pointing
    assert (pointing.ra_v1, pointing.dec_v1, pointing.pa_v3) == pytest.approx((10, -30, 75))


def test_footprint_is_the_outer_edge(model, wcs):
    words = model.meta.wcsinfo.s_region.split()
    assert words[:2] == ["POLYGON", "ICRS"]
    corners = np.array(words[2:], float).reshape(4, 2)
    x, y = pixel_of(wcs, *corners.T)
    # Nine decimals of a degree are 4e-6 arcsec, 1e-4 pixel.
    np.testing.assert_allclose(x, [-0.5, 159.5, 159.5, -0.5], atol=2e-4)
    np.testing.assert_allclose(y, [-0.5, -0.5, 127.5, 127.5], atol=2e-4)


def test_without_velocity_aberration(pixels, detector):
    wcs = detector_wcs(detector, POINTING)
    settings = Settings(velocity_aberration=None)
    with cal_model(pixels, wcs, detector, POINTING, IDENTITY, settings) as made:
        assert made.meta.velocity_aberration.scale_factor is None
