"""Parameters, affines, derivatives, and what they do on the sky."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.core import correction, sphere

GEOMETRIES = ("shift", "rshift", "rscale", "general")


def _theta(geometry: str, count: int = 7) -> np.ndarray:
    rng = np.random.default_rng(4)
    sigma = np.array([2.0, 2.0, 0.02, 0.01, 0.01, 0.01])[: correction.GEOMETRIES[geometry]]
    return rng.normal(size=(count, len(sigma))) * sigma


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_parameters_and_back(geometry: str) -> None:
    theta = _theta(geometry)
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


def test_a_body_stays_rigid_on_the_sky() -> None:
    """0.01 mas over the ten detectors of NIRCam (2.2 arcmin each way) for a shift of 1 arcsec."""
    rng = np.random.default_rng(6)
    frame = sphere.frames_at(53.1, -27.8)
    vectors = sphere.from_plane(rng.uniform(-130.0, 130.0, (30, 2)), frame)
    theta = np.array([0.7, -0.7, 5e-4])
    moved = correction.move(
        *sphere.ra_dec(vectors), (53.1, -27.8), *correction.affine("rshift", theta)
    )
    before = sphere.angular_distance(vectors[1:], vectors[:-1])
    after = sphere.directions(*moved)
    change = sphere.angular_distance(after[1:], after[:-1]) - before
    assert np.abs(change).max() < 1e-5


def test_move_at_the_seam_of_right_ascension() -> None:
    ra, dec = correction.move(0.0, 0.0, (0.0, 0.0), np.eye(2), np.array([-3.6, 0.0]))
    assert ra == pytest.approx(359.999, abs=1e-9)
    assert dec == pytest.approx(0.0, abs=1e-12)


def test_an_unknown_geometry_is_named() -> None:
    with pytest.raises(ValueError, match="'similarity', but one of"):
        correction.parameter_count("similarity")
