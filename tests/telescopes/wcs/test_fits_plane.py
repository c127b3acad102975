"""A motion on the sky moves a FITS WCS exactly, wherever it is and however its pixels are bent."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS
from tweakwcs.correctors import FITSWCSCorrector

from tweakreg_step.core.correction import move
from tweakreg_step.core.sphere import angular_distance, directions, turn
from tweakreg_step.simulate.hst import CAMERAS, template
from tweakreg_step.telescopes.wcs import FitsPlane, correct, plane_of

SHAPE = (200, 400)


def planes(pointing: tuple[float, float, float] = (10.0, 20.0, 30.0)) -> list[FitsPlane]:
    hdus = template(CAMERAS["ACS/WFC"], SHAPE, pointing, "j94f05bgq", 100.0)
    chips = [WCS(hdu.header, hdus) for hdu in hdus if hdu.name == "SCI"]
    made = [plane_of(FITSWCSCorrector(wcs), ((-0.5, 399.5), (-0.5, 199.5))) for wcs in chips]
    assert all(isinstance(plane, FitsPlane) for plane in made)
    return made


def grid() -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(0.0, 399.0, 7), np.linspace(0.0, 199.0, 7))
    return x.ravel(), y.ravel()


def test_pixels_and_sky_agree() -> None:
    for plane in planes():
        x, y = grid()
        positions = plane.from_pixels(x, y)
        assert np.allclose(plane.from_sky(*plane.sky(x, y)), positions, atol=1e-9)
        sky = directions(*plane.to_sky(positions))
        assert angular_distance(sky, directions(*plane.sky(x, y))).max() < 1e-9


@pytest.mark.parametrize("dec", [0.0, 60.0, -89.9])
@pytest.mark.parametrize(("shift", "roll"), [(0.3, 20.0), (20.0, 7200.0)])
def test_a_turn_of_the_sky_is_exact(dec: float, shift: float, roll: float) -> None:
    """Two chips stay one rigid body, with lookup tables and SIP as they are."""
    for plane in planes((150.0, dec, 77.0)):
        x, y = grid()
        # a motion of the sky: in a tangent plane it is linear up to its shift
        matrix, motion = turn(roll / 3600.0), np.array([shift, -shift])
        goal = move(*plane.sky(x, y), (150.0, dec), matrix, motion)
        sip = plane.corrector.wcs.sip.a.copy()
        correct(plane, (150.0, dec), (matrix, motion), None)
        missed = angular_distance(directions(*plane.sky(x, y)), directions(*goal))
        assert 1000.0 * missed.max() < 1e-4 * max(1.0, shift**2)
        assert np.array_equal(plane.corrector.wcs.sip.a, sip)


def test_a_motion_of_the_chip_is_along_its_own_axes() -> None:
    plane = planes()[0]
    x, y = grid()
    before = plane.from_pixels(x, y)
    matrix, centre = plane.to_detector()
    along = (before - centre) @ matrix.T
    middle = np.argmin(np.hypot(x - 199.5, y - 99.5))
    above = np.argmax(y - 0.01 * np.abs(x - x[middle]))
    assert along[above, 1] - along[middle, 1] > 4.0
    assert abs(along[above, 0] - along[middle, 0]) < 0.2
    correct(plane, (10.0, 20.0), (np.eye(2), np.zeros(2)), (np.eye(2), np.array([0.0, 0.5])))
    moved = (plane.from_pixels(x, y) - plane.from_sky(*planes()[0].sky(x, y))) @ matrix.T
    assert np.allclose(moved, [0.0, 0.5], atol=1e-6)


def test_a_matrix_of_pc_and_cdelt_stays_one() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [5.0, 5.0], [50.0, 50.0], [-1e-5, 1e-5]
    wcs.pixel_shape = (100, 100)
    plane = plane_of(FITSWCSCorrector(wcs), None)
    plane = plane_of(plane.corrector, ((-0.5, 99.5), (-0.5, 99.5)))
    correct(plane, (5.0, 5.0), (turn(1.0), np.array([0.1, 0.0])), None)
    assert plane.corrector.wcs.wcs.has_pc()
    assert np.allclose(plane.corrector.wcs.wcs.cdelt, [-1e-5, 1e-5])
    assert plane.corrector.wcs.wcs.crval[0] == pytest.approx(5.0 + 0.1 / 3600.0, abs=1e-6)
