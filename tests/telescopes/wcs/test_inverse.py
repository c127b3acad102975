"""From the sky to pixels: against the simulator's own inverse, and off the image."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.simulate import Pointing, detector_wcs, nircam, pixel_of
from tweakreg_step.telescopes.wcs.inverse import pixels_within

BOX = ((-0.5, 2047.5), (-0.5, 2047.5))


@pytest.mark.parametrize("ra", [0.0, 150.0])
@pytest.mark.parametrize("dec", [0.0, 60.0, 89.995])
def test_pixels_come_back(ra: float, dec: float) -> None:
    wcs = detector_wcs(nircam("NRCA1"), Pointing(ra, dec, 20.0), 0.9999)
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-0.4, 2047.4, 12), np.linspace(0, 2040, 9)))
    sky = wcs.forward_transform(x, y)
    found = pixels_within(wcs, BOX, *sky)
    # degrees in double precision resolve 1e-8 pixel of 31 mas; two roundings and the last step
    np.testing.assert_allclose(found, (x, y), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found, pixel_of(wcs, *sky), rtol=0, atol=1e-6)


def test_the_inverse_is_better_than_the_one_of_the_wcs() -> None:
    """Else the steps were for nothing."""
    wcs = detector_wcs(nircam("NRCALONG"), Pointing(10.0, 20.0, 20.0))
    x, y = np.array([3.0, 2040.0]), np.array([2040.0, 1000.0])
    sky = wcs.forward_transform(x, y)
    rough = np.abs(np.subtract(wcs.backward_transform(*sky), (x, y))).max()
    fine = np.abs(np.subtract(pixels_within(wcs, BOX, *sky), (x, y))).max()
    assert fine < 1e-6
    assert fine <= rough


def test_what_is_off_the_image_is_nan() -> None:
    wcs = detector_wcs(nircam("NRCA1"), Pointing(10.0, 20.0, 20.0))
    x = np.array([-1.0, 5.0, 2048.0, 3000.0, 1e4])
    y = np.full(5, 100.0)
    ra, dec = wcs.forward_transform(x, y)
    found, _ = pixels_within(wcs, BOX, ra, dec)
    assert np.isfinite(found).tolist() == [False, True, False, False, False]


def test_the_other_side_of_the_sky() -> None:
    wcs = detector_wcs(nircam("NRCA1"), Pointing(10.0, 20.0, 20.0))
    ra, dec = wcs.forward_transform(1000.0, 1000.0)
    found, _ = pixels_within(
        wcs, BOX, np.array([ra + 180.0, ra, 0.0]), np.array([-dec, -dec, 90.0])
    )
    assert np.isnan(found).all()


def test_no_positions() -> None:
    wcs = detector_wcs(nircam("NRCA1"), Pointing(10.0, 20.0, 20.0))
    x, y = pixels_within(wcs, BOX, np.empty(0), np.empty(0))
    assert x.shape == y.shape == (0,)
