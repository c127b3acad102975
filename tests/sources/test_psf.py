"""Stars on pixels against integrals by themselves, one star and many."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad

from tweakreg_step.sources.psf import Profile, gaussian


def offsets(centre: np.ndarray) -> np.ndarray:
    """Offsets (n, 9) of nine pixels from stars at ``centre`` (n,)."""
    return np.arange(-4.0, 5.0)[None, :] - centre[:, None]


def test_a_pixel_holds_the_integral_of_the_gaussian_over_it() -> None:
    sigma, shift = np.array([0.8, 1.7]), np.array([0.3, -0.2])
    parts = gaussian(sigma).along(offsets(shift))[0]
    for star in range(2):
        law = lambda u, s=sigma[star]: np.exp(-0.5 * (u / s) ** 2) / (s * np.sqrt(2 * np.pi))  # noqa: E731 - an integrand
        for pixel in range(9):
            middle = pixel - 4.0 - shift[star]
            expected = quad(law, middle - 0.5, middle + 0.5)[0]
            assert abs(parts[star, pixel] - expected) < 1e-12  # of quad


def test_the_slope_is_how_that_changes_as_the_star_moves() -> None:
    profile, shift, step = gaussian(np.array([0.8, 1.7])), np.array([0.3, -0.2]), 1e-4
    ahead, behind = (profile.along(offsets(shift + way)) for way in (step, -step))
    quotient = (ahead - behind) / (2.0 * step)
    np.testing.assert_allclose(profile.slope(offsets(shift)), quotient, atol=step**2)


def test_several_gaussians_are_the_weighted_sum_of_each() -> None:
    shift = np.array([0.1, 0.4, -0.3])
    dx, dy = offsets(shift), offsets(-shift)
    both = Profile(np.array([0.7, 0.3]), np.array([[0.9], [2.0]]))
    one, other = (gaussian(np.full(3, width)) for width in (0.9, 2.0))
    np.testing.assert_allclose(both(dx, dy), 0.7 * one(dx, dy) + 0.3 * other(dx, dy), atol=1e-15)


def test_some_of_the_stars_have_the_images_that_they_have_among_all() -> None:
    shift, rows = np.array([0.1, 0.4, -0.3]), np.array([2, 0])
    dx, dy = offsets(shift), offsets(-shift)
    for profile in (gaussian(np.array([0.8, 1.0, 1.9])), Profile(np.ones(1), np.array([[1.2]]))):
        some = profile.of(rows)(dx[rows], dy[rows])
        np.testing.assert_array_equal(some, profile(dx, dy)[rows])
