"""Windowed moment equations against the truth, the photon bound and their own covariance."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.simulate import Noise, Psf, star_image
from tweakreg_step.sources import centroid
from tweakreg_step.sources.centroid import (
    Centroids,
    _equations,
    best_window,
    centroids,
    starts,
    window_of,
)
from tweakreg_step.sources.cutouts import Plane, Stamps, cut
from tweakreg_step.sources.psf import FWHM_OF_SIGMA, gaussian

FLUX, SIDE, COUNT = 40.0, 31, 400


def stars(
    fwhm: float, flux: float = FLUX, bad: tuple[int, int] | None = None
) -> tuple[Stamps, np.ndarray]:
    """Stamps of stars in the middle of small images, and where they are (n, 2)."""
    rng, noise, middle = np.random.default_rng(5), Noise(), SIDE // 2
    true = middle + rng.uniform(-0.5, 0.5, (COUNT, 2))
    parts = []
    for x, y in true:
        image = star_image(np.array([x]), np.array([y]), np.array([flux]), (SIDE, SIDE), Psf(fwhm))
        variance = (image + noise.sky) / (noise.gain * noise.exposure_time) + noise.read**2
        data = image + np.sqrt(variance) * rng.standard_normal(image.shape)
        good = np.ones(image.shape, bool)
        if bad is not None:
            good[middle + bad[1], middle + bad[0]] = False
            data[~good] = 1e5
        plane = Plane(data, np.sqrt(variance), good, np.zeros_like(good), 1.0)
        parts.append(cut(plane, np.array([x]), np.array([y]), 12))
    return Stamps.joined(parts), true


def solved(stamps: Stamps, fwhm: float) -> Centroids:
    sigma = np.full(COUNT, fwhm / FWHM_OF_SIGMA)
    guess = np.full(COUNT, SIDE // 2, float)
    x, y, flux = starts(stamps, guess, guess, gaussian(sigma), window_of(sigma, 1.0))
    return centroids(stamps, x, y, gaussian(sigma), best_window(stamps, flux, sigma))


def bound(fwhm: float, flux: float) -> float:
    """Cramer-Rao bound per axis [pixels], rms over phases, of the pixels themselves."""
    noise, at, step = (
        Noise(),
        SIDE // 2 + np.random.default_rng(1).uniform(-0.5, 0.5, (40, 2)),
        0.01,
    )
    found = []
    for x, y in at:
        one, other, here = (
            star_image(np.array([x + d]), np.array([y]), np.array([flux]), (SIDE, SIDE), Psf(fwhm))
            for d in (step, -step, 0.0)
        )
        variance = (here + noise.sky) / (noise.gain * noise.exposure_time) + noise.read**2
        found.append(1.0 / np.sum(((one - other) / (2 * step)) ** 2 / variance))
    return float(np.sqrt(np.mean(found)))


@pytest.mark.parametrize("fwhm", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("flux", [5.0, FLUX, 2000.0])
def test_positions_are_at_the_photon_bound_and_know_their_errors(fwhm: float, flux: float) -> None:
    found, true = solved(*stars(fwhm, flux)[:1], fwhm), stars(fwhm, flux)[1]
    error = np.stack([found.x, found.y], axis=1) - true
    sigma = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    assert found.solved.all()
    # 800 values know their rms to 2.5 %; the aim is 15 % above the bound
    assert 0.9 < np.sqrt(np.mean(error**2)) / bound(fwhm, flux) < 1.15
    assert 0.9 < np.sqrt(np.mean((error / sigma) ** 2)) < 1.15
    np.testing.assert_allclose(np.mean(found.flux), flux, rtol=0.02)


@pytest.mark.parametrize("bad", [(1, 0), (0, 0), (-1, -1)])
def test_a_bad_pixel_biases_nothing_and_raises_the_error(bad: tuple[int, int]) -> None:
    whole, (stamps, true) = solved(stars(2.0)[0], 2.0), stars(2.0, bad=bad)
    found = solved(stamps, 2.0)
    error = np.stack([found.x, found.y], axis=1) - true
    variance = np.diagonal(found.covariance, axis1=1, axis2=2)
    sigma = np.sqrt(variance + found.missing**2)
    assert np.all(found.lost > 0.005)
    assert np.all(whole.lost == 0.0)
    assert np.median(variance) > np.median(np.diagonal(whole.covariance, axis1=1, axis2=2))
    assert np.all(np.abs(error.mean(axis=0)) < 4.0 * error.std(axis=0) / np.sqrt(COUNT))
    # the error for what might be wrong with wings is not needed by Gaussian stars
    assert 0.3 < np.sqrt(np.mean((error / sigma) ** 2)) < 1.1


def test_what_can_not_be_solved_stays_where_it_was() -> None:
    plane = Plane(np.zeros((31, 31)), np.ones((31, 31)), np.ones((31, 31), bool),
                  np.zeros((31, 31), bool), 1.0)  # fmt: skip
    at, sigma = np.array([15.0]), np.array([1.0])
    for good in (plane.good, ~plane.good):
        dark = Plane(plane.data, plane.error, good, plane.saturated, 1.0)
        found = centroids(cut(dark, at, at, 8), at, at, gaussian(sigma), window_of(sigma, 1.0))
        assert not found.solved.any()
        assert found.x == found.y == 15.0
        assert np.isfinite(found.covariance).all()


def test_no_sources_give_no_positions() -> None:
    stamps, _ = stars(2.0)
    none = np.empty(0)
    assert len(centroids(stamps[:0], none, none, gaussian(none), none)) == 0


def test_the_equations_are_the_sums_over_images_of_the_profile_and_its_derivatives() -> None:
    """The sums of products of small matrices against those over whole stamps.

    Of a private function: the sums are inside an iteration, and centroids show them only where it
    ends, to its tolerance.
    """
    stamps, true = stars(2.0, bad=(1, 0))
    sigma = np.full(COUNT, 2.0 / FWHM_OF_SIGMA)
    profile, window = gaussian(sigma), window_of(sigma, 0.7)
    here = true + 0.03
    moments, matrix, flux = _equations(stamps, here, profile, window)
    dx, dy = stamps.offsets(*here.T)
    distance2 = dx[:, None, :] ** 2 + dy[:, :, None] ** 2
    weight = np.where(stamps.good, np.exp(-0.5 * distance2 / window[:, None, None] ** 2), 0.0)
    star = profile(dx, dy)
    tests = (1.0, dx[:, None, :], dy[:, :, None])
    expected = (weight * stamps.data).sum(axis=(1, 2)) / (weight * star).sum(axis=(1, 2))
    np.testing.assert_allclose(flux, expected, rtol=1e-12)
    images = (
        star,
        profile.along(dy)[0][:, :, None] * profile.slope(dx)[0][:, None, :],
        profile.slope(dy)[0][:, :, None] * profile.along(dx)[0][:, None, :],
    )
    for row, test in enumerate(tests):
        left = (weight * test * (stamps.data / flux[:, None, None] - star)).sum(axis=(1, 2))
        np.testing.assert_allclose(moments[:, row], left, atol=1e-12)
        for column, image in enumerate(images):
            total = (weight * test * image).sum(axis=(1, 2))
            np.testing.assert_allclose(matrix[:, row, column], total, atol=1e-12)


def test_a_position_does_not_depend_on_the_stars_that_are_measured_with_it() -> None:
    stamps, _ = stars(2.0)
    sigma, guess = np.full(COUNT, 2.0 / FWHM_OF_SIGMA), np.full(COUNT, SIDE // 2, float)
    window = window_of(sigma, 1.0)
    all_of_them = centroids(stamps, guess, guess, gaussian(sigma), window)
    rows = np.arange(0, COUNT, 7)
    some = centroids(stamps[rows], guess[rows], guess[rows], gaussian(sigma[rows]), window[rows])
    np.testing.assert_allclose(some.x, all_of_them.x[rows], atol=1e-12)
    np.testing.assert_allclose(some.y, all_of_them.y[rows], atol=1e-12)


def galaxies(seed: int) -> Stamps:
    """Lopsided, elongated images, twice as wide as the star that is expected."""
    rng, middle = np.random.default_rng(seed), SIDE // 2
    rows, columns = np.mgrid[:SIDE, :SIDE]
    parts = []
    for turn in rng.uniform(0.0, np.pi, COUNT):
        u = (columns - middle) * np.cos(turn) + (rows - middle) * np.sin(turn) - 0.3
        v = (rows - middle) * np.cos(turn) - (columns - middle) * np.sin(turn) + 0.2
        image = np.exp(-0.5 * (u**2 / 9.0 + v**2 / 2.0)) * (1.0 + 0.3 * np.tanh(u))
        data = image + 0.01 * rng.standard_normal(image.shape)
        good = np.ones(image.shape, bool)
        plane = Plane(data, np.full(image.shape, 0.01), good, ~good, 1.0)
        parts.append(cut(plane, np.array([middle]), np.array([middle]), 12))
    return Stamps.joined(parts)


def test_the_exact_derivatives_are_those_of_the_moments() -> None:
    stamps, step = galaxies(3), 1e-4
    sigma = np.full(COUNT, 2.5 / FWHM_OF_SIGMA)
    profile, window = gaussian(sigma), window_of(sigma, 0.7)
    here = np.full((COUNT, 2), SIDE // 2 + 0.1)
    _, exact, flux = _equations(stamps, here, profile, window, exact=True)

    def moments_at(position: np.ndarray) -> np.ndarray:
        """With the flux from before: the function solves for the flux that fits each position."""
        left, matrix, own = _equations(stamps, position, profile, window)
        star = matrix[:, :, 0]
        return (left + star) * (own / flux)[:, None] - star

    for column, apart in ((1, np.array([step, 0.0])), (2, np.array([0.0, step]))):
        slope = (moments_at(here - apart) - moments_at(here + apart)) / (2.0 * step)
        np.testing.assert_allclose(exact[:, :, column], slope, atol=10 * step**2)
    image = moments_at(here) + _equations(stamps, here, profile, window)[1][:, :, 0]
    np.testing.assert_allclose(exact[:, :, 0], image, atol=1e-12)


def test_sources_that_are_no_stars_have_positions_too() -> None:
    stamps = galaxies(4)
    sigma = np.full(COUNT, 2.5 / FWHM_OF_SIGMA)
    guess = np.full(COUNT, SIDE // 2, float)
    profile, window = gaussian(sigma), window_of(sigma, 0.7)
    found = centroids(stamps, guess, guess, profile, window)
    assert found.solved.all()
    moments, _, _ = _equations(stamps, np.stack([found.x, found.y], axis=1), profile, window)
    np.testing.assert_allclose(moments, 0.0, atol=1e-7)


def stamp_of(image: np.ndarray, error: float = 1e-3) -> Stamps:
    """One stamp around the middle of a small image without noise."""
    good, middle = np.ones(image.shape, bool), np.array([SIDE // 2], float)
    plane = Plane(image, np.full(image.shape, error), good, ~good, 1.0)
    return cut(plane, middle, middle, 12)


def at_the_middle(stamps: Stamps, sigma: float, apart: float = 0.0) -> Centroids:
    guess, sigmas = np.array([SIDE // 2 + apart]), np.array([sigma])
    return centroids(stamps, guess, guess, gaussian(sigmas), window_of(sigmas, 1.0))


@pytest.mark.parametrize("apart", [0.0, 0.3])
def test_a_plateau_has_no_position(apart: float) -> None:
    far = np.abs(np.arange(SIDE) - SIDE // 2) > 9
    found = at_the_middle(stamp_of(np.where(far[:, None] | far, 0.0, 1.0)), 1.2, apart)
    assert not found.solved.any()
    assert found.x == SIDE // 2 + apart


def test_the_saddle_between_two_stars_is_no_position() -> None:
    x, y = SIDE // 2 + np.array([-2.5, 2.5]), np.full(2, SIDE // 2, float)
    two = star_image(x, y, np.full(2, FLUX), (SIDE, SIDE), Psf(2.0))
    assert not at_the_middle(stamp_of(two), 2.0 / FWHM_OF_SIGMA).solved.any()
    one = star_image(x[:1] + 2.5, y[:1], np.full(1, FLUX), (SIDE, SIDE), Psf(2.0))
    assert at_the_middle(stamp_of(one), 2.0 / FWHM_OF_SIGMA).solved.all()


def test_what_uses_up_all_steps_has_no_position(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps, _ = stars(2.0)
    assert solved(stamps, 2.0).solved.all()
    monkeypatch.setattr(centroid, "ROUNDS", 1)
    found = solved(stamps, 2.0)
    assert not found.solved.any()
    assert np.all(found.x == SIDE // 2)


def test_errors_of_what_is_flatter_than_a_star_are_its_own() -> None:
    """Round sources three times as wide as the star that is expected."""
    rng, middle = np.random.default_rng(6), SIDE // 2
    rows, columns = np.mgrid[:SIDE, :SIDE] - middle
    image = np.exp(-0.5 * (rows**2 + columns**2) / 9.0)
    parts = [stamp_of(image + 0.01 * rng.standard_normal(image.shape), 0.01) for _ in range(COUNT)]
    stamps, guess, sigma = Stamps.joined(parts), np.full(COUNT, float(middle)), np.ones(COUNT)
    found = centroids(stamps, guess, guess, gaussian(sigma), window_of(sigma, 1.0))
    assert found.solved.all()
    pulls = (found.x - middle) / np.sqrt(found.covariance[:, 0, 0])
    assert 0.9 < np.sqrt(np.mean(pulls**2)) < 1.1  # 1 / sqrt(2 COUNT) is 0.035


def test_a_rough_start_ends_where_an_exact_one_does() -> None:
    stamps, _ = stars(2.5, 2000.0)
    sigma = np.full(COUNT, 2.5 / FWHM_OF_SIGMA)
    guess = np.full(COUNT, SIDE // 2, float)
    exact = centroids(stamps, guess, guess, gaussian(sigma), window_of(sigma, 1.0))
    window = best_window(stamps, exact.flux, sigma)
    end = centroids(stamps, exact.x, exact.y, gaussian(sigma), window)
    found = solved(stamps, 2.5)
    assert exact.solved.all()
    assert np.hypot(found.x - end.x, found.y - end.y).max() < 1e-5
