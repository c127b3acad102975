"""The simulated optics against spherical trigonometry, a published WCS and tweakwcs."""

import math

import numpy as np
import pytest
from tweakwcs import JWSTWCSCorrector

from tweakreg_step.simulate import (
    DETECTORS,
    Detector,
    DetectorOffset,
    Distortion,
    Pointing,
    detector_wcs,
    displaced,
    nircam,
    perturbed,
    pixel_of,
    pointing_at,
)
from tweakreg_step.simulate.directions import direction, separation_mas

BORESIGHT = Pointing(214.9, 52.8, 130.0)
# Nowhere special, across RA = 0, and with a pole inside the field of NIRCam.
POINTINGS = [BORESIGHT, Pointing(359.99, -12.0, 45.0), Pointing(120.0, 89.87, 10.0)]


def grid(shape, n=7):
    ny, nx = shape
    x, y = np.meshgrid(np.linspace(0, nx - 1, n), np.linspace(0, ny - 1, n))
    return x.ravel(), y.ravel()


def sky_by_trigonometry(pointing, v2, v3):
    """Sky position of a field point by the sine and cosine rules; arcsec in, degrees out."""
    a, b = math.radians(v2 / 3600), math.radians(v3 / 3600)
    distance = math.acos(math.cos(a) * math.cos(b))
    angle = math.radians(pointing.roll) + math.atan2(math.sin(a) * math.cos(b), math.sin(b))
    dec0 = math.radians(pointing.dec)
    sin_dec = math.sin(dec0) * math.cos(distance)
    sin_dec += math.cos(dec0) * math.sin(distance) * math.cos(angle)
    across = math.sin(distance) * math.sin(angle) * math.cos(dec0)
    ra = math.radians(pointing.ra) + math.atan2(
        across, math.cos(distance) - math.sin(dec0) * sin_dec
    )
    return math.degrees(ra) % 360, math.degrees(math.asin(sin_dec))


def test_structure_is_that_of_the_pipeline():
    wcs = detector_wcs(nircam("NRCALONG", (512, 256)), BORESIGHT, 0.99995)
    assert wcs.available_frames == ["detector", "v2v3", "v2v3vacorr", "world"]
    assert wcs.pipeline[-2].transform.name == "v23tosky"
    assert wcs.bounding_box.bounding_box(order="F") == ((-0.5, 255.5), (-0.5, 511.5))
    assert wcs.array_shape == (512, 256)
    assert wcs.pixel_shape == (256, 512)
    plain = detector_wcs(nircam("NRCALONG"), BORESIGHT)
    assert plain.available_frames == ["detector", "v2v3", "world"]


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_newton_inverse_is_exact_and_the_analytic_one_is_not(name):
    detector = nircam(name)
    wcs = detector_wcs(detector, BORESIGHT, 0.99995)
    x, y = grid(detector.shape)
    sky = wcs(x, y)
    found = pixel_of(wcs, *sky)
    # Degrees in double precision resolve about 1e-8 pixel.
    np.testing.assert_allclose(found, (x, y), rtol=0, atol=1e-7)
    approximate = np.hypot(*(np.array(wcs.backward_transform(*sky)) - (x, y)))
    assert 1e-3 < approximate.max() < 0.3  # real files: 0.01 to 0.2 pixel


@pytest.mark.parametrize("pointing", POINTINGS)
@pytest.mark.parametrize("name", ["NRCA3", "NRCBLONG"])
def test_newton_inverse_everywhere_on_the_sky(pointing, name):
    detector = nircam(name)
    wcs = detector_wcs(detector, pointing)
    x, y = grid(detector.shape)
    np.testing.assert_allclose(pixel_of(wcs, *wcs(x, y)), (x, y), rtol=0, atol=1e-6)


def test_inverse_outside_is_nan_and_of_nothing_is_nothing():
    wcs = detector_wcs(nircam("NRCALONG"), BORESIGHT)
    x, y = pixel_of(wcs, np.array([34.0, 214.9]), np.array([-52.0, 82.0]))
    assert np.isnan(x).all()
    assert np.isnan(y).all()
    assert all(a.size == 0 for a in pixel_of(wcs, np.array([]), np.array([])))


@pytest.mark.parametrize("pointing", POINTINGS)
def test_sky_positions_against_spherical_trigonometry(pointing):
    for detector in DETECTORS.values():
        wcs = detector_wcs(detector, pointing)
        x, y = detector.reference_pixel
        expected = sky_by_trigonometry(pointing, detector.v2_ref, detector.v3_ref)
        # acos and asin of numbers near 1 lose 8 digits: 1e-8 rad would be 2 mas; at the
        # distances here, 8 arcmin, 0.01 mas is left.
        assert separation_mas(direction(*wcs(x, y)), direction(*expected)) < 0.01


def test_attitude_against_a_published_wcs():
    # v2v3corr to world of jw01345001001_02201_00001_nrcalong, evaluated at (100, -400) arcsec.
    pointing = Pointing(
        214.9577559984896, 52.95932003076913, 130.6307961175906, 85.87763, -493.586939
    )
    found = pointing_at(pointing, 100.0, -400.0)
    assert found.ra == pytest.approx(214.98625418962789, abs=1e-12)
    assert found.dec == pytest.approx(52.939411094007426, abs=1e-12)


@pytest.mark.parametrize("pointing", POINTINGS)
def test_describing_an_attitude_elsewhere_and_back(pointing):
    back = pointing_at(pointing_at(pointing, 120.0, -520.0), 0.0, 0.0)
    assert separation_mas(direction(back.ra, back.dec), direction(pointing.ra, pointing.dec)) < 1e-5
    # The meridian itself is the less certain the nearer the pole: hence only 1e-9 degrees.
    assert back.roll == pytest.approx(pointing.roll, abs=1e-9)


def test_axes_of_the_detector():
    """The linear equations of the SIAF, evaluated by hand at 100 pixels."""
    detector = Detector("NRCA1", "SHORT", 100.0, -500.0, 30.0, -1, 0.03, (2048, 2048))
    to_field = detector_wcs(detector, BORESIGHT).get_transform("detector", "v2v3")
    x, y = detector.reference_pixel
    cosine, sine = math.cos(math.pi / 6), 0.5
    assert to_field(x + 100, y) == pytest.approx((100 - 3 * cosine, -500 + 3 * sine), abs=1e-9)
    assert to_field(x, y + 100) == pytest.approx((100 + 3 * sine, -500 + 3 * cosine), abs=1e-9)


def test_distortion_has_the_stated_size():
    x_terms = (0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    detector = Detector("D", "SHORT", 0.0, 0.0, 0.0, 1, 0.1, distortion=Distortion(x_terms))
    to_field = detector_wcs(detector, BORESIGHT).get_transform("detector", "v2v3")
    edge = detector.reference_pixel[0] + 1024.0
    # 5 pixels at the edge, so 1029 pixels of 0.1 arcsec.
    assert to_field(edge, detector.reference_pixel[1])[0] == pytest.approx(102.9, abs=1e-9)


def test_cut_out_is_the_middle_of_the_full_array():
    full, cut = nircam("NRCB2"), nircam("NRCB2", (512, 256))
    x, y = grid(cut.shape)
    shifted = detector_wcs(full, BORESIGHT)(x + (2048 - 256) / 2, y + (2048 - 512) / 2)
    error = separation_mas(direction(*detector_wcs(cut, BORESIGHT)(x, y)), direction(*shifted))
    assert error.max() < 1e-6


@pytest.mark.parametrize("pointing", POINTINGS)
def test_perturbation_is_a_rigid_motion_of_the_stated_size(pointing):
    centre = pointing_at(pointing, 86.0, -493.0)
    moved = perturbed(centre, 0.3, -0.4, 0.0)
    shift = separation_mas(direction(centre.ra, centre.dec), direction(moved.ra, moved.dec))
    assert shift == pytest.approx(500.0, abs=1e-5)
    turned = perturbed(centre, 0.0, 0.0, 100.0)
    before, after = (pointing_at(p, 86.0, -393.0) for p in (centre, turned))
    # 100 arcsec of field turned by 100 arcsec.
    expected = math.radians(100 / 3600) * 100e3
    moved_by = separation_mas(direction(before.ra, before.dec), direction(after.ra, after.dec))
    assert moved_by == pytest.approx(expected, abs=1e-4)


def test_perturbation_has_the_stated_sense():
    pointing = Pointing(50.0, 20.0, 0.0)
    assert perturbed(pointing, 1.0, 0.0, 0.0).ra > 50.0
    assert perturbed(pointing, 0.0, 1.0, 0.0).dec > 20.0
    # North through East: the point that was to the North moves to the East.
    turned = pointing_at(perturbed(pointing, 0.0, 0.0, 3600.0), 0.0, 100.0)
    assert turned.ra > 50.0


def test_displaced_detector():
    offset = DetectorOffset(v2=0.02, v3=-0.01, roll=36.0, scale=1e-4)
    detector = displaced(nircam("NRCA1"), offset)
    assert detector.v2_ref == pytest.approx(120.54)
    assert detector.v3_ref == pytest.approx(-527.69)
    assert detector.v3_idl_yangle == pytest.approx(-0.569)
    assert detector.pixel_scale == pytest.approx(0.031 * 1.0001)


@pytest.mark.parametrize("aberration", [None, 0.99995])
def test_tweakwcs_corrects_it(aberration):
    detector = nircam("NRCA2")
    reference = pointing_at(BORESIGHT, detector.v2_ref, detector.v3_ref)
    wcsinfo = {"v2_ref": reference.v2, "v3_ref": reference.v3, "roll_ref": reference.roll}
    wcs = detector_wcs(detector, BORESIGHT, aberration)
    corrector = JWSTWCSCorrector(wcs, wcsinfo)
    corrector.set_correction(shift=[0.3, -0.4])
    corrected = corrector.wcs
    assert corrected.available_frames[-2:] == ["v2v3corr", "world"]
    x, y = detector.reference_pixel
    moved = separation_mas(direction(*wcs(x, y)), direction(*corrected(x, y)))
    assert moved == pytest.approx(500.0, abs=1e-3)


def test_errors():
    with pytest.raises(ValueError, match="no detector 'NRCC1'"):
        nircam("NRCC1")
    with pytest.raises(ValueError, match="9 are needed"):
        Distortion((0.0,))


def test_aberration_about_a_common_point_moves_detectors_apart() -> None:
    """By (factor - 1) times their distance from the point, and changes nothing within them."""
    pointing, factor, centre = Pointing(80.0, -30.0, 20.0), 1.0 + 1e-4, (0.0, -490.0)
    for name in ("NRCA1", "NRCB4"):
        detector = nircam(name)
        own = detector_wcs(detector, pointing, factor)
        common = detector_wcs(detector, pointing, factor, centre)
        x, y = np.array([0.0, 1000.0, 2047.0]), np.array([5.0, 900.0, 2000.0])
        one, other = (w.get_transform("detector", "v2v3vacorr")(x, y) for w in (own, common))
        expected = 1e-4 * (np.array([detector.v2_ref, detector.v3_ref]) - centre)
        step = np.subtract(other, one)
        # x -> C + f (x - C) against r + f (x - r): (f - 1) (r - C)
        np.testing.assert_allclose(step, np.broadcast_to(expected[:, None], step.shape), atol=1e-9)
