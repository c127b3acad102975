"""Sources of images -> detections on the sky, with errors, also next to a pole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.table import Table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.core.detections import Detections
from tweakreg_step.core.images import Groups
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import (
    CENTROID_FLOOR,
    CENTROID_SIGMA,
    REFERENCE_SIGMA,
    gather,
)
from tweakreg_step.pipeline.reference_stars import reference_of
from tweakreg_step.simulate import Pointing, detector_wcs, nircam, pointing_at
from tweakreg_step.simulate.directions import direction, separation_mas


def corrector(table: Table, dec: float = 30.0, **meta: Any) -> Any:
    detector, pointing = nircam("NRCALONG"), Pointing(0.01, dec, 50.0)
    angles = {
        "v2_ref": detector.v2_ref,
        "v3_ref": detector.v3_ref,
        "roll_ref": pointing_at(pointing, detector.v2_ref, detector.v3_ref).roll,
    }
    wcs = detector_wcs(detector, pointing, 0.99995)
    return JWSTWCSCorrector(wcs, angles, meta={"catalog": table, **meta})


def gathered(*correctors: Any) -> Detections:
    return gather(Groups.of(images_of(correctors)))


POSITIONS = {"x": [10.0, 1000.0, 2040.0], "y": [20.0, 1500.0, 5.0]}


@pytest.mark.parametrize("dec", [30.0, 89.99])
def test_positions_are_the_forward_transform(dec: float) -> None:
    image = corrector(Table(POSITIONS), dec)
    found = gathered(image)
    ra, expected_dec = image.wcs(np.array(POSITIONS["x"]), np.array(POSITIONS["y"]))
    distance = separation_mas(direction(found.ra, found.dec), direction(ra, expected_dec))
    assert np.max(distance) < 1e-6  # mas; rounding


@pytest.mark.parametrize("dec", [30.0, 89.99])
def test_errors_follow_the_pixels_to_the_sky(dec: float) -> None:
    """An error along x alone is one along the direction in which x runs on the sky."""
    table = Table({**POSITIONS, "x_err": [0.2] * 3, "y_err": [1e-9] * 3})
    image = corrector(table, dec)
    found = gathered(image)
    x, y = np.array(POSITIONS["x"]), np.array(POSITIONS["y"])
    here, there = image.wcs.forward_transform(x, y), image.wcs.forward_transform(x + 0.2, y)
    step = to_plane(directions(*there), frames_at(*here))
    length = np.linalg.norm(step, axis=1)
    along = step / length[:, None]
    variance = np.einsum("ni,nij,nj->n", along, found.covariance, along)
    expected = length * np.hypot(0.2, CENTROID_FLOOR) / 0.2
    # 1 %: the y axis is not quite perpendicular and has the floor's error
    np.testing.assert_allclose(np.sqrt(variance), expected, rtol=0.01)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    narrow = np.sqrt(np.einsum("ni,nij,nj->n", across, found.covariance, across))
    assert np.all(narrow < 0.1 * expected)


def sigma_px(table: Table) -> np.ndarray:
    """Geometric mean error of each detection, in pixels of 0.063 arcsec or so."""
    found = gathered(corrector(table))
    sigma = np.linalg.det(found.covariance) ** 0.25
    plain = gathered(corrector(table["x", "y"]))
    return np.asarray(sigma / np.linalg.det(plain.covariance) ** 0.25) * np.hypot(
        CENTROID_SIGMA, CENTROID_FLOOR
    )


def test_weights_are_inverse_variances_and_come_before_errors() -> None:
    table = Table({**POSITIONS, "weight": [1.0, 4.0, 100.0], "x_err": [9.0] * 3})
    expected = np.hypot(CENTROID_SIGMA * np.array([2.0, 1.0, 0.2]), CENTROID_FLOOR)
    np.testing.assert_allclose(sigma_px(table), expected, rtol=1e-6)


def test_unknown_errors_get_the_usual_one() -> None:
    nan = [np.nan, 0.0, 0.3]
    table = Table({**POSITIONS, "x_err": nan, "y_err": nan})
    expected = np.hypot([CENTROID_SIGMA, CENTROID_SIGMA, 0.3], CENTROID_FLOOR)
    np.testing.assert_allclose(sigma_px(table), expected, rtol=1e-6)


def test_unusable_rows_and_empty_catalogs() -> None:
    x = [np.nan, 5.0, 6.0, 7.0]
    bad = Table({"x": x, "y": [1.0] * 4, "weight": [1.0, 0.0, np.nan, 2.0]})
    empty = Table({"x": np.empty(0), "y": np.empty(0)})
    found = gathered(corrector(empty, group_id="a"), corrector(bad, group_id="b"))
    assert len(found) == 1
    assert found.group.tolist() == [1]
    assert found.image.tolist() == [1]


def test_groups_and_detectors_are_numbered_by_their_names() -> None:
    table = Table(POSITIONS)
    images = [
        corrector(table, group_id="x", detector="B F200W"),
        corrector(table, group_id="y"),
        corrector(table, group_id="x", detector="A F200W"),
        corrector(table),
        corrector(table, detector="B F200W"),
    ]
    found = gathered(*images)
    assert found.group[::3].tolist() == [0, 1, 0, 2, 3]
    assert found.unit[::3].tolist() == [0, -1, 1, -1, 0]
    assert found.image[::3].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dec", [30.0, 89.99])
def test_the_detectors_plane_is_that_of_v2_and_v3(dec: float) -> None:
    image = corrector(Table(POSITIONS), dec, detector="A")
    found = gathered(image)
    v2, v3 = image.wcs.get_transform("detector", "v2v3vacorr")(
        np.array([1023.5, *POSITIONS["x"]]), np.array([1023.5, *POSITIONS["y"]])
    )
    flat = np.stack([(v2 - v2[0]) * np.cos(np.radians(v3[0] / 3600)), v3 - v3[0]], axis=1)[1:]
    np.testing.assert_allclose(found.unit_xy, flat, atol=2e-3)  # arcsec; the sphere is no plane
    # the derivative predicts where the sky position of a neighbour in that plane is
    one, two = 0, 1
    step = found.unit_xy[two] - found.unit_xy[one]
    expected = to_plane(
        directions(found.ra[two : two + 1], found.dec[two : two + 1]),
        frames_at(found.ra[one], found.dec[one]),
    )[0]
    np.testing.assert_allclose(found.unit_to_sky[one] @ step, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, [REFERENCE_SIGMA] * 2),
        ({"RA_ERROR": [2.0, 4.0], "DEC_ERROR": [2.0, 4.0]}, [0.002, 0.004]),  # mas, as in Gaia
        ({"ra_err": [0.002, 0.004] * units.arcsec, "dec_err": [2, 4] * units.mas}, [0.002, 0.004]),
        ({"weight": [1.0, 1.0]}, [REFERENCE_SIGMA] * 2),
        ({"ra_error": [np.nan, 4.0], "dec_error": [2.0, 4.0]}, [None, 0.004]),
    ],
)
def test_errors_of_reference_catalogs(columns: dict[str, Any], expected: list[Any]) -> None:
    table = Table({"RA": [1.0, 2.0], "DEC": [3.0, 4.0], **columns})
    reference = reference_of(table)
    sigma = np.sqrt(reference.covariance[:, 0, 0])
    for got, wanted in zip(sigma, expected, strict=True):
        assert got == pytest.approx(REFERENCE_SIGMA if wanted is None else wanted, rel=1e-12)
