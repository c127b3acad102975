"""Displacements of points: against the corners of the result and against drawn parameters."""

from __future__ import annotations

import numpy as np
import pytest
from made_results import make_result

from tweakreg_step.alignment.displacement import displacement_of, worst_corner
from tweakreg_step.core.correction import affine
from tweakreg_step.core.sphere import directions, frames_at, to_plane


def test_it_is_where_the_corners_go() -> None:
    result = make_result("mosaic", 4)
    solution = result.solution
    for group in range(4):
        frame = frames_at(solution.groups.ra[group], solution.groups.dec[group])
        ra, dec = result.corners_before[group].T
        places = [
            to_plane(directions(*corners[group].T), frame)
            for corners in (result.corners_before, result.corners_after)
        ]
        found = displacement_of(solution, group, ra, dec)
        np.testing.assert_allclose(found.shift, places[1] - places[0], atol=1e-8)


@pytest.mark.parametrize("geometry", ["shift", "rshift", "rscale", "general"])
def test_the_covariance_is_that_of_drawn_parameters(geometry: str) -> None:
    result = make_result("strip", 3, geometry=geometry, options={"fitgeometry": geometry})
    solution, rng = result.solution, np.random.default_rng(1)
    ra, dec = result.corners_before[1].T
    found = displacement_of(solution, 1, ra, dec)
    theta = rng.multivariate_normal(
        solution.groups.parameters[1], solution.groups.covariance[1], 20000
    )
    matrix, shift = affine(geometry, theta)
    local = to_plane(directions(ra, dec), frames_at(solution.groups.ra[1], solution.groups.dec[1]))
    moved = np.einsum("nij,kj->nki", matrix, local) + shift[:, None]
    for corner in range(4):
        drawn = np.cov(moved[:, corner].T)
        # 20000 draws: variances and correlations are known to 1 per cent
        expected = found.covariance[corner]
        np.testing.assert_allclose(drawn, expected, rtol=0.04, atol=0.04 * expected.max())


def test_the_worst_corner_is_the_least_certain_one() -> None:
    result = make_result("mosaic", 9)
    image, worst = worst_corner(result.solution, 0, result.corners_before, np.array([0]))
    ra, dec = result.corners_before[0].T
    every = displacement_of(result.solution, 0, ra, dec)
    variance = np.trace(every.covariance, axis1=1, axis2=2)
    assert image == 0
    assert np.trace(worst.covariance[0]) == pytest.approx(variance.max())


def test_the_worst_corner_of_a_shift_is_the_farthest() -> None:
    result = make_result("stack", 2, geometry="shift", options={"fitgeometry": "shift"})
    corners = result.corners_before.copy()
    corners[1, 2, 1] += 30.0 / 3600.0
    image, _ = worst_corner(result.solution, 0, corners, np.array([0, 1]))
    assert image == 1


def test_unknown_corners() -> None:
    result = make_result("stack", 2)
    corners = np.full_like(result.corners_before, np.nan)
    assert worst_corner(result.solution, 0, corners, np.array([0])) is None
    corners[0, 1] = result.corners_before[0, 1]
    assert worst_corner(result.solution, 0, corners, np.array([0])) is not None
