"""Profiles from the pixels of many stars against those that the stars were made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_step.simulate import Psf, star_image
from tweakreg_step.sources.cutouts import Plane, Stamps, cut
from tweakreg_step.sources.epsf.shape import best_shape, of_width, three_gaussians

SHAPE, NOISE = (200, 200), 56.0


def stars(psf: Psf, flux: float = 1e5) -> tuple[Stamps, np.ndarray]:
    """Stars at all pixel phases, and where they are (2, n)."""
    rng, line = np.random.default_rng(2), np.linspace(15.0, 185.0, 10)
    at = np.stack([axis.ravel() for axis in np.meshgrid(line, line)])
    at = at + rng.uniform(-1.0, 1.0, at.shape)
    light = star_image(*at, np.full(at.shape[1], flux), SHAPE, psf)
    error, good = np.sqrt(light + NOISE), np.ones(SHAPE, bool)
    plane = Plane(light + error * rng.standard_normal(SHAPE), error, good, ~good, 1.0)
    return cut(plane, *at, 4), at


def off(numbers: np.ndarray, psf: Psf) -> float:
    """Largest difference of a profile from the truth, relative to its peak, at some phases."""
    phases = np.random.default_rng(3).uniform(-0.5, 0.5, (12, 2))
    there = np.arange(-2, 3) - phases[:, :, None]
    found = three_gaussians(numbers)(there[:, 0], there[:, 1])
    true = [star_image(*at[:, None] + 40.0, np.ones(1), (81, 81), psf) for at in phases]
    true = np.array(true)[:, 38:43, 38:43]
    # the flux is free, and so much of it is beyond the pixels of the fit
    scale = (found * true).sum() / (found**2).sum()
    return float(np.abs(scale * found - true).max() / true.max())


@pytest.mark.parametrize("psf", [Psf(1.25, 3.5), Psf(1.9, 3.5), Psf(1.5, 2.5), Psf(1.5, None)])
def test_a_profile_is_that_of_its_stars_to_a_hundredth_of_its_peak(psf: Psf) -> None:
    stamps, at = stars(psf)
    start = of_width(1.15 * psf.fwhm)
    assert off(start, psf) > 0.03
    assert off(best_shape(stamps, *at, start, 0.02), psf) < 0.012


def test_positions_need_not_be_known_well() -> None:
    psf = Psf(1.25, 3.5)
    stamps, at = stars(psf)
    moved = at + np.random.default_rng(4).normal(0.0, 0.03, at.shape)
    assert off(best_shape(stamps, *moved, of_width(1.25), 0.01), psf) < 0.012


def test_pixels_that_are_not_good_do_not_count() -> None:
    psf = Psf(1.25, 3.5)
    stamps, at = stars(psf)
    hit = np.zeros(stamps.data.shape, bool)
    hit[:, 4, 5:7] = hit[:, 2:4, 4] = True  # more than what is rare enough not to matter
    spoiled = replace(stamps, data=stamps.data + 3e4 * hit)
    without = best_shape(replace(spoiled, good=~hit), *at, of_width(1.25), 0.01)
    assert off(without, psf) < 0.012
    assert off(best_shape(spoiled, *at, of_width(1.25), 0.01), psf) > 0.02
