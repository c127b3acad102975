"""Common motions: exact on the sphere, and taken out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tweakreg_step.alignment.solver import gauge
from tweakreg_step.core import sphere
from tweakreg_step.core.correction import affine, parameter_count, prior_precision

GEOMETRIES = ("shift", "rshift", "rscale", "general")


def _frames(pole: tuple[float, float], reach: float = 600.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    places = rng.uniform(-reach, reach, (12, 2))
    return sphere.frames_of(sphere.from_plane(places, sphere.frames_at(*pole)))


@pytest.mark.parametrize("pole", [(0.0, 0.0), (100.0, 89.95)])
def test_the_basis_is_a_rotation_of_the_sky(pole: tuple[float, float]) -> None:
    """A point moved by its group's share of a common rotation goes where the rotation takes it."""
    frames = _frames(pole, 3600.0)
    vector = np.array([0.3, -0.2, 0.4])  # arcsec
    turn = sphere.rotation_matrices(vector)
    centre = sphere.frames_of(frames[:, 2].mean(axis=0))
    along = centre @ vector
    common = np.array([along[1], -along[0], along[2] / sphere.ARCSEC])
    theta = gauge.common_basis(frames, "rshift") @ common
    matrix, shift = affine("rshift", theta)
    corner = np.array([40.0, -50.0])
    seen = sphere.from_plane(np.tile(corner, (12, 1)), frames)
    moved = sphere.from_plane(matrix @ corner + shift, frames)
    # second order: 0.4 arcsec of 64 arcsec on the sphere
    assert sphere.angular_distance(moved, seen @ turn.T).max() < 1e-5
    applied = gauge.apply_common(frames, np.zeros((12, 3)), "rshift", common)
    np.testing.assert_allclose(applied, theta, atol=1e-6)  # 1e-3 mas


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_weighted_mean_becomes_zero(geometry: str) -> None:
    frames = _frames((10.0, 40.0))
    rng = np.random.default_rng(2)
    sigma = 1.0 / np.sqrt(prior_precision(geometry, (0.3, 100.0, 1e-4)))
    theta = sigma * rng.normal(size=(12, len(sigma)))
    weight = rng.uniform(0.2, 1.0, theta.shape) / sigma**2
    fixed = gauge.regauge(frames, theta, geometry, weight)
    basis = gauge.common_basis(frames, geometry, fixed)
    left = gauge.projector(basis, weight) @ fixed.ravel()
    again = gauge.regauge(frames, fixed, geometry, weight)
    np.testing.assert_allclose(again, fixed, atol=1e-9)
    assert np.abs(left[:2]).max() < 1e-7
    assert np.abs(left[2:]).max(initial=0.0) < 1e-10


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_common_motion_is_gone_entirely(geometry: str) -> None:
    frames = _frames((10.0, 40.0))
    common = np.array([0.5, -0.3, 1e-4, 2e-5, -1e-5, 3e-5])[: parameter_count(geometry)]
    theta = gauge.apply_common(frames, np.zeros((12, len(common))), geometry, common)
    left = gauge.regauge(frames, theta, geometry, np.ones_like(theta))
    # a shift of groups that cannot roll leaves what the sphere's curvature makes of it
    assert np.abs(left[:, :2]).max() < (1e-4 if geometry == "shift" else 2e-5)


@given(
    st.sampled_from(GEOMETRIES),
    st.integers(0, 2**32 - 1),
    arrays(float, 6, elements=st.floats(-1.0, 1.0)),
)
def test_the_gauge_does_not_depend_on_a_common_motion(
    geometry: str, seed: int, unit: np.ndarray
) -> None:
    """Nor on the order of the groups, nor on the scale of the weights."""
    frames, rng = _frames((10.0, 40.0)), np.random.default_rng(seed)
    sigma = 1.0 / np.sqrt(prior_precision(geometry, (0.3, 100.0, 1e-4)))
    theta = sigma * rng.normal(size=(12, len(sigma)))
    weight = rng.uniform(0.2, 1.0, theta.shape) / sigma**2
    fixed = gauge.regauge(frames, theta, geometry, weight)
    moved = gauge.apply_common(frames, theta, geometry, sigma * unit[: len(sigma)])
    order = rng.permutation(12)
    same = gauge.regauge(frames, moved, geometry, weight)
    turned = gauge.regauge(frames[order], theta[order], geometry, 7.0 * weight[order])
    np.testing.assert_allclose(same, fixed, rtol=0.0, atol=1e-8)  # arcsec: 0.00001 mas
    np.testing.assert_allclose(turned, fixed[order], atol=1e-9)


def test_one_heavy_group_stays_where_it_is() -> None:
    frames = _frames((10.0, 40.0))
    theta = np.random.default_rng(3).normal(size=(12, 3)) * (20.0, 20.0, 0.02)
    weight = np.tile(prior_precision("rshift", (0.3, 100.0, 1e-4)), (12, 1))
    weight[5] *= 1e12
    fixed = gauge.regauge(frames, theta, "rshift", weight)
    np.testing.assert_allclose(fixed[5], 0.0, atol=1e-7)
