"""Directions and planes against the sphere's own trigonometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tweakreg_step.core import sphere

MAS = 1e-3
PLACES = [(0.0, 0.0), (359.9999, 12.0), (83.6, -69.1), (12.0, 89.9999), (200.0, -90.0)]


RA, DEC = st.floats(0.0, 359.999999), st.floats(-90.0, 90.0)
VECTORS = arrays(float, (5, 3), elements=st.floats(-1e5, 1e5))


@given(st.tuples(RA, DEC), arrays(float, (9, 2), elements=st.floats(-600.0, 600.0)))
@example(PLACES[1], np.eye(9, 2))
@example(PLACES[3], np.eye(9, 2))
@example(PLACES[4], np.eye(9, 2))
def test_plane_and_back(place: tuple[float, float], positions: np.ndarray) -> None:
    frame = sphere.frames_at(*place)
    back = sphere.to_plane(sphere.from_plane(positions, frame), frame)
    # 1e-7 mas: rounding at 10 arcmin
    np.testing.assert_allclose(back, positions, atol=1e-10)


@given(RA, st.floats(-89.9, 89.9))
def test_directions_and_back(ra: float, dec: float) -> None:
    back = sphere.ra_dec(sphere.directions(ra, dec))
    assert 0.0 <= back[0] < 360.0
    # the seam is no distance; near a pole a right ascension is worth less, and known less well
    apart = (back[0] - ra + 180.0) % 360.0 - 180.0
    assert abs(apart) * np.cos(np.deg2rad(dec)) < 1e-12
    assert back[1] == pytest.approx(dec, abs=1e-12)


@given(RA, DEC)
def test_frames_are_right_handed_and_orthonormal(ra: float, dec: float) -> None:
    frame = sphere.frames_at(ra, dec)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(np.cross(frame[0], frame[1]), frame[2], atol=1e-15)
    np.testing.assert_allclose(frame[2], sphere.directions(ra, dec), atol=1e-15)


@given(RA, DEC, st.floats(1e-3, 1e3))
def test_frames_of_vectors_are_those_of_their_angles(ra: float, dec: float, size: float) -> None:
    vector = size * sphere.directions(ra, dec)
    np.testing.assert_allclose(
        sphere.frames_of(vector), sphere.frames_at(*sphere.ra_dec(vector)), atol=1e-15
    )


def test_vectors_at_poles_and_without_length_have_frames() -> None:
    vectors = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    expected = sphere.frames_at([0.0, 0.0, 0.0], [90.0, -90.0, 0.0])
    np.testing.assert_allclose(sphere.frames_of(vectors), expected, atol=1e-15)


def test_the_gnomonic_radius_is_the_tangent() -> None:
    frame = sphere.frames_at(10.0, 89.0)
    vector = sphere.from_plane(np.array([[3600.0, 0.0]]), frame)
    angle = sphere.angular_distance(vector[0], frame[2])
    assert angle == pytest.approx(sphere.ARCSEC * np.arctan(3600.0 / sphere.ARCSEC), abs=1e-8)


def test_axes_point_east_and_north() -> None:
    frame = sphere.frames_at(150.0, 30.0)
    ra, dec = sphere.ra_dec(sphere.from_plane(np.array([[1.0, 0.0], [0.0, 1.0]]), frame))
    assert (ra[0] - 150.0) * 3600.0 * np.cos(np.deg2rad(30.0)) == pytest.approx(1.0, rel=1e-6)
    assert (dec[1] - 30.0) * 3600.0 == pytest.approx(1.0, rel=1e-6)
    assert ra[1] == pytest.approx(150.0, abs=1e-12)


@pytest.mark.parametrize("place", PLACES)
def test_the_jacobian_is_the_difference_quotient(place: tuple[float, float]) -> None:
    rng = np.random.default_rng(2)
    origin = sphere.frames_at(*place)
    target = sphere.frames_of(sphere.from_plane(np.array([[900.0, -400.0]]), origin))[0]
    at = rng.uniform(-300.0, 300.0, (5, 2))
    jacobian = sphere.plane_jacobian(at, origin, target)
    for axis in range(2):
        step = np.zeros(2)
        step[axis] = 0.5
        high = sphere.to_plane(sphere.from_plane(at + step, origin), target)
        low = sphere.to_plane(sphere.from_plane(at - step, origin), target)
        np.testing.assert_allclose(jacobian[:, :, axis], high - low, atol=1e-7)


def test_rotations_and_their_vectors() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(20, 3)) * np.geomspace(1e-3, 1e5, 20)[:, None]
    matrices = sphere.rotation_matrices(vectors)
    identity = matrices @ np.swapaxes(matrices, 1, 2)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), identity.shape), atol=1e-14)
    np.testing.assert_allclose(sphere.rotation_vectors(matrices), vectors, rtol=1e-9, atol=1e-9)


@given(VECTORS, VECTORS, VECTORS)
def test_rotations_keep_angles(turn: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    one, other = one + np.array([0.0, 0.0, 3e5]), other + np.array([0.0, 2e5, 3e5])  # never 0
    matrices = sphere.rotation_matrices(turn)
    moved = ((matrices @ vector[..., None])[..., 0] for vector in (one, other))
    # 4e-10 arcsec: rounding, of half a circle
    np.testing.assert_allclose(
        sphere.angular_distance(*moved), sphere.angular_distance(one, other), atol=1e-9
    )


def test_a_rotation_about_the_pole_adds_to_the_right_ascension() -> None:
    matrix = sphere.rotation_matrices(np.array([0.0, 0.0, 3600.0]))
    ra, dec = sphere.ra_dec(sphere.directions(359.5, 20.0) @ matrix.T)
    assert (ra - 0.5) * 3600.0 / MAS == pytest.approx(0.0, abs=1e-6)
    assert dec == pytest.approx(20.0, abs=1e-13)


def test_chords_belong_to_angles() -> None:
    one, other = sphere.directions(0.0, 0.0), sphere.directions(0.01, 0.0)
    assert np.linalg.norm(one - other) == pytest.approx(float(sphere.chord(36.0)), rel=1e-9)
