"""Parameters, affines, derivatives, and what they do on the sky."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tweakreg_step.core import correction, sphere

GEOMETRIES = ("shift", "rshift", "rscale", "general")


def _theta(geometry: str, count: int = 7) -> np.ndarray:
    rng = np.random.default_rng(4)
    sigma = np.array([2.0, 2.0, 0.02, 0.01, 0.01, 0.01])[: correction.GEOMETRIES[geometry]]
    return rng.normal(size=(count, len(sigma))) * sigma


SIZES = np.array([20.0, 20.0, 3.0, 0.3, 0.3, 0.3])  # arcsec, nearly half a turn, a third
PLANE_ARCSEC = 1e-3
"""Terms that a plane leaves out for these sizes: 28 arcsec times the square of 6 arcmin, twice."""

UNIT = arrays(float, (3, 6), elements=st.floats(-1.0, 1.0))


@given(st.sampled_from(GEOMETRIES), UNIT)
def test_parameters_and_back(geometry: str, unit: np.ndarray) -> None:
    theta = (unit * SIZES)[:, : correction.GEOMETRIES[geometry]]
    back = correction.parameters_of(geometry, *correction.affine(geometry, theta))
    np.testing.assert_allclose(back, theta, atol=1e-14)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_design_is_the_difference_quotient(geometry: str) -> None:
    theta = _theta(geometry)
    positions = np.random.default_rng(5).uniform(-100.0, 100.0, (7, 2))
    design = correction.design(geometry, theta, positions)

    def moved(parameters: np.ndarray) -> np.ndarray:
        matrix, shift = correction.affine(geometry, parameters)
        return np.einsum("nij,nj->ni", matrix, positions) + shift

    for column in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[column] = 1e-6
        slope = (moved(theta + step) - moved(theta - step)) / 2e-6
        np.testing.assert_allclose(design[:, :, column], slope, atol=1e-6)


def test_rshift_is_an_exact_rotation() -> None:
    matrix, _ = correction.affine("rshift", np.array([0.0, 0.0, 0.7]))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-15)
    assert matrix[1, 0] > 0.0  # counterclockwise, from east to north


@pytest.mark.parametrize(("field", "shift"), [(130.0, 0.7), (1600.0, 0.7), (1600.0, 20.0)])
def test_a_body_stays_rigid_on_the_sky(field: float, shift: float) -> None:
    """A micro-arcsecond over the detectors of NIRCam and of Roman, also with another guide star."""
    rng = np.random.default_rng(6)
    frame = sphere.frames_at(53.1, -27.8)
    vectors = sphere.from_plane(rng.uniform(-field, field, (30, 2)), frame)
    theta = np.array([shift, -shift, 5e-4])
    moved = correction.move(
        *sphere.ra_dec(vectors), (53.1, -27.8), *correction.affine("rshift", theta)
    )
    before = sphere.angular_distance(vectors[1:], vectors[:-1])
    after = sphere.directions(*moved)
    change = sphere.angular_distance(after[1:], after[:-1]) - before
    assert np.abs(change).max() < 1e-6


@given(st.floats(0.0, 360.0), st.floats(-90.0, 90.0), st.sampled_from(GEOMETRIES), UNIT)
def test_one_correction_after_another_is_their_product(
    ra: float, dec: float, geometry: str, unit: np.ndarray
) -> None:
    """But for terms of the shift and the field squared; a rigid one back is so to the bit."""
    centre, theta = (ra, dec), (unit * SIZES)[:2, : correction.GEOMETRIES[geometry]]
    (first, second), (shift, push) = correction.affine(geometry, theta)
    vectors = sphere.from_plane(200.0 * unit[:, :2], sphere.frames_at(ra, dec))
    place = sphere.ra_dec(vectors)
    half = correction.move(*place, centre, first, shift)
    back = np.linalg.inv(first)
    product = correction.move(*place, centre, second @ first, second @ shift + push)
    assert apart(correction.move(*half, centre, second, push), product) < PLANE_ARCSEC
    returned = apart(correction.move(*half, centre, back, -back @ shift), place)
    # arcsec: rounding of the declinations in between
    assert returned < (1e-9 if geometry in {"none", "shift", "rshift"} else PLANE_ARCSEC)


def apart(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> float:
    """The largest distance [arcsec]."""
    directions = sphere.directions(*one), sphere.directions(*other)
    return float(sphere.angular_distance(*directions).max())


def test_move_at_the_seam_of_right_ascension() -> None:
    ra, dec = correction.move(0.0, 0.0, (0.0, 0.0), np.eye(2), np.array([-3.6, 0.0]))
    assert ra == pytest.approx(359.999, abs=1e-9)
    assert dec == pytest.approx(0.0, abs=1e-12)


def test_an_unknown_geometry_is_named() -> None:
    with pytest.raises(ValueError, match="'similarity', but one of"):
        correction.parameter_count("similarity")
