"""A group's motion on each of its detectors: one rigid body, to 0.01 mas on the sky."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.core.correction import affine, move
from tweakreg_step.simulate import (
    DETECTORS,
    DetectorOffset,
    Pointing,
    detector_wcs,
    displaced,
    nircam,
    pointing_at,
)
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.telescopes.wcs import CorrectorPlane
from tweakreg_step.telescopes.wcs.v2v3corr import correct

RIGID_MAS = 0.01
SHAPE = (2048, 2048)


def corrector(name: str, pointing: Pointing, offset: DetectorOffset | None = None) -> Any:
    detector = nircam(name)
    wcs = detector_wcs(displaced(detector, offset or DetectorOffset()), pointing, 0.99995)
    angles = {
        "v2_ref": detector.v2_ref + (offset.v2 if offset else 0.0),
        "v3_ref": detector.v3_ref + (offset.v3 if offset else 0.0),
        "roll_ref": pointing_at(pointing, detector.v2_ref, detector.v3_ref).roll,
    }
    return JWSTWCSCorrector(wcs, angles, meta={"catalog": Table({"x": [1.0], "y": [1.0]})})


def plane_of(image: Any) -> CorrectorPlane:
    return CorrectorPlane(image, image.bounding_box or ((1.0, 1.0), (1.0, 1.0)))


def grid() -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(0.0, 2047.0, 9), np.linspace(0.0, 2047.0, 9))
    return x.ravel(), y.ravel()


def sky(wcs: Any) -> tuple[np.ndarray, np.ndarray]:
    return wcs.forward_transform(*grid())


@pytest.mark.parametrize("dec", [-89.95, 0.0, 52.9, 89.99])
@pytest.mark.parametrize(
    ("east", "north", "roll_arcsec", "scale"),
    [(0.3, -0.2, 180.0, 0.0), (-1.0, 2.0, -400.0, 1e-4), (12.0, 16.0, 7200.0, 0.0)],
)
def test_ten_detectors_move_as_one_body(
    dec: float, east: float, north: float, roll_arcsec: float, scale: float
) -> None:
    pointing = Pointing(0.001, dec, 31.0)
    turn = np.deg2rad(roll_arcsec / 3600.0)
    matrix, shift = affine("rscale", np.array([east, north, turn, scale]))
    middle = pointing_at(pointing, 0.0, -490.0)
    centre = (middle.ra, middle.dec)
    for name in DETECTORS:
        image = corrector(name, pointing)
        ra, dec_before = sky(image.wcs)
        expected = direction(*move(ra, dec_before, centre, matrix, shift))
        correct(plane_of(image), centre, (matrix, shift), None)
        assert image.wcs.available_frames.count("v2v3corr") == 1
        assert np.max(separation_mas(direction(*sky(image.wcs)), expected)) < RIGID_MAS


def test_a_second_correction_composes_with_the_first() -> None:
    pointing = Pointing(120.0, -40.0, 200.0)
    image = corrector("NRCB3", pointing)
    centre = (120.01, -40.01)
    first = affine("rshift", np.array([0.2, 0.1, 4e-4]))
    second = affine("rshift", np.array([-0.1, 0.3, -1e-4]))
    ra, dec = sky(image.wcs)
    expected = direction(*move(*move(ra, dec, centre, *first), centre, *second))
    correct(plane_of(image), centre, first, None)
    correct(plane_of(image), centre, second, None)
    assert image.wcs.available_frames.count("v2v3corr") == 1
    assert np.max(separation_mas(direction(*sky(image.wcs)), expected)) < RIGID_MAS


@pytest.mark.parametrize("name", ["NRCA2", "NRCBLONG"])
@pytest.mark.parametrize("roll", [0.0, 77.0, 190.0])
def test_a_detector_moves_in_its_own_v2v3_frame(name: str, roll: float) -> None:
    """The same motion serves exposures of any roll: it is the detector that is displaced."""
    pointing = Pointing(10.0, 20.0, roll)
    offset = DetectorOffset(v2=0.015, v3=-0.02, roll=25.0, scale=1e-4)
    image, true = corrector(name, pointing), corrector(name, pointing, offset)
    nominal, moved = (
        np.stack(c.wcs.get_transform("detector", "v2v3vacorr")(*grid())) for c in (image, true)
    )
    middle = image.wcs.get_transform("detector", "v2v3vacorr")(1023.5, 1023.5)
    flat = np.array([[np.cos(np.deg2rad(middle[1] / 3600.0))], [1.0]])
    before = (nominal - np.reshape(middle, (2, 1))) * flat
    after = (moved - np.reshape(middle, (2, 1))) * flat
    columns = np.vstack([before, np.ones(before.shape[1])])
    solved = np.linalg.lstsq(columns.T, after.T, rcond=None)[0].T
    identity = (np.eye(2), np.zeros(2))
    correct(plane_of(image), (10.0, 20.0), identity, (solved[:, :2], solved[:, 2]))
    distance = separation_mas(direction(*sky(image.wcs)), direction(*sky(true.wcs)))
    # V2-V3 angles are no plane: over the detector that is 1e-7 of the 20 mas, and distortion of
    # the motion at the corners another 1e-4 of it
    assert np.max(distance) < 2 * RIGID_MAS
