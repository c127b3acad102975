"""The Cramer-Rao bound against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.alignment.solver.cramer_rao import bound, displacement_covariance, without_common
from tweakreg_step.core.detections import Detections, Reference
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

SIGMA, COUNT, SIDE = 0.002, 400, 60.0


def _two(shift: float = 0.0) -> tuple[Detections, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    places = rng.uniform(-0.5, 0.5, (COUNT, 2)) * SIDE
    places -= places.mean(axis=0)
    ra, dec = ra_dec(from_plane(np.concatenate([places, places + shift]), frames_at(5.0, 50.0)))
    group = np.repeat([0, 1], COUNT)
    return Detections.simple(ra, dec, group, SIGMA), np.tile(np.arange(COUNT), 2), places


def _difference(covariance: np.ndarray, first: int, second: int) -> float:
    return covariance[first, first] + covariance[second, second] - 2.0 * covariance[first, second]


def test_two_images() -> None:
    """Shift: 2 s^2 / n per axis; rotation: 2 s^2 / (n <r^2>)."""
    detections, source, places = _two()
    centre = np.full(2, 5.0), np.full(2, 50.0)
    found = bound(detections, source, centre, "rshift").covariance
    assert _difference(found, 0, 3) == pytest.approx(2.0 * SIGMA**2 / COUNT, rel=1e-4)
    square = np.mean(np.sum(places**2, axis=1))
    assert square == pytest.approx(SIDE**2 / 6.0, rel=0.05)
    assert _difference(found, 2, 5) == pytest.approx(2.0 * SIGMA**2 / (COUNT * square), rel=1e-4)


def test_image_to_reference() -> None:
    """(s^2 + s_ref^2) / n."""
    detections, source, _ = _two()
    one = detections.take(detections.group == 0)
    errors = np.broadcast_to(0.001**2 * np.eye(2), (COUNT, 2, 2))
    reference = Reference(one.ra, one.dec, errors)
    stars = np.arange(COUNT)
    centre = np.array([5.0]), np.array([50.0])
    found = bound(one, source[:COUNT], centre, "shift", (reference, stars)).covariance
    assert found[0, 0] == pytest.approx((SIGMA**2 + 0.001**2) / COUNT, rel=1e-4)


def test_the_common_motion_is_all_that_is_removed() -> None:
    detections, source, _ = _two()
    best = bound(detections, source, (np.full(2, 5.0), np.full(2, 50.0)), "shift")
    group, vectors = np.array([0, 1]), np.repeat(frames_at(5.0, 50.0)[2:], 2, axis=0)
    covariance = displacement_covariance(best, group, vectors)
    projection = without_common(best.model, group, vectors)
    left = projection @ covariance @ projection.T
    # each of two images has half of the difference, with a quarter of its variance
    np.testing.assert_allclose(np.diag(left), 0.5 * SIGMA**2 / COUNT, rtol=1e-3)
    assert covariance[0, 0] > 100.0 * left[0, 0]  # the prior's width, before
