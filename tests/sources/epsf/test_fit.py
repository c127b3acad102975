"""Fits of a profile, with and without pixels that disagree with it."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_step.simulate import Psf, star_image
from tweakreg_step.sources.cutouts import Plane, Stamps, cut
from tweakreg_step.sources.epsf.fit import Fits, disagreement, fitted
from tweakreg_step.sources.epsf.shape import of_width, three_gaussians

SHAPE, FWHM, NOISE = (300, 300), 1.25, 56.0
PROFILE = three_gaussians(np.array([-0.719, -0.06, -2.153]))
"""Close to a Moffat profile of this FWHM and of index 3.5."""

OFF = 0.005
"""By how much: errors that contain more than that are too large for bright stars."""


def stars(flux: float, hit: float = 0.0, beside: int = 1) -> tuple[Stamps, np.ndarray]:
    """Stars and where they are (2, n); a hit of a flux on a pixel beside the middle of each."""
    rng, line = np.random.default_rng(1), np.linspace(12.0, 288.0, 18)
    at = np.stack([axis.ravel() for axis in np.meshgrid(line, line)])
    at = at + rng.uniform(-1.0, 1.0, at.shape)
    light = star_image(*at, np.full(at.shape[1], flux), SHAPE, Psf(FWHM, 3.5))
    column, row = np.rint(at).astype(int)
    light[row, column + beside] += hit
    error = np.sqrt(light + NOISE)
    data = light + error * rng.standard_normal(SHAPE)
    good = np.ones(SHAPE, bool)
    plane = Plane(data, error, good, ~good, 1.0)
    return cut(plane, *at, 6), at


def pulls(found: Fits, at: np.ndarray) -> np.ndarray:
    """What positions are off (2, n), in their errors."""
    error = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2)).T
    return (np.stack([found.x, found.y]) - at) / error


@pytest.mark.parametrize("flux", [3000.0, 30000.0])
def test_positions_are_within_the_errors_of_light(flux: float) -> None:
    stamps, at = stars(flux)
    found = fitted(stamps, *at, PROFILE, FWHM, OFF)
    assert found.solved.all()
    assert np.mean(found.lost > 0.02) < 0.05
    assert 0.85 < np.sqrt(np.mean(pulls(found, at) ** 2)) < 1.2
    assert 0.4 < np.median(found.square) < 1.2


@pytest.mark.parametrize("hit", [700.0, 3000.0])
def test_pixels_that_were_hit_are_taken_out(hit: float) -> None:
    stamps, at = stars(10000.0, hit)
    found = fitted(stamps, *at, PROFILE, FWHM, 0.01)
    assert np.mean(found.lost > 0.02) > 0.9
    off = np.stack([found.x, found.y]) - at
    assert abs(np.median(off[0])) < 0.006  # in the mean, 0.04 and more if they were left in
    assert 1.4826 * np.median(np.abs(pulls(found, at))) < 1.3


def test_a_faint_hit_on_the_pixel_that_the_fit_follows_is_seen() -> None:
    """Of four errors of the pixel: the fit leaves less than three of them in the residual."""
    stamps, at = stars(30000.0, 500.0, beside=0)
    found = fitted(stamps, *at, PROFILE, FWHM, 0.002)
    middle = found.kept.shape[1] // 2
    assert np.mean(~found.kept[:, middle, middle]) > 0.8
    assert np.sqrt(np.mean(pulls(found, at) ** 2)) < 1.3


def test_a_bright_star_is_not_off_where_its_wings_are_not_those_of_the_profile() -> None:
    stamps, at = stars(3e6)
    other = three_gaussians(of_width(FWHM) - [0.0, 0.0, 2.0])
    found = fitted(stamps, *at, other, FWHM, disagreement(stamps, *at, other, FWHM))
    assert np.sqrt(np.mean((np.stack([found.x, found.y]) - at) ** 2)) < 0.012


def test_a_profile_that_is_too_narrow_disagrees_more() -> None:
    stamps, at = stars(30000.0)
    narrow = three_gaussians(of_width(0.8 * FWHM))
    assert disagreement(stamps, *at, PROFILE, FWHM) <= 0.01
    assert disagreement(stamps, *at, narrow, FWHM) >= 0.03


def test_what_has_no_light_is_not_solved() -> None:
    stamps, at = stars(3000.0)
    nothing = Stamps.joined([stamps[:2]])
    nothing.data[:] = 0.0
    assert not fitted(nothing, *at[:, :2], PROFILE, FWHM, 0.01).solved.any()
