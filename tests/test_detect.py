"""Finders on stars at known positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tweakreg_step.config import FinderParameters, SegmentationParameters
from tweakreg_step.data import Pixels, Sources
from tweakreg_step.detect import find_sources
from tweakreg_step.simulate import Noise, Psf, observe, star_image

SHAPE = (400, 300)
FWHM = 2.5


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """x and y (2, 60) of stars on a loose grid, with random pixel phases."""
    rng = np.random.default_rng(4)
    x, y = np.meshgrid(np.arange(25.0, 290.0, 40.0), np.arange(30.0, 380.0, 40.0))
    return np.stack([x.ravel(), y.ravel()])[:, :60] + rng.uniform(-3.0, 3.0, (2, 60))


@pytest.fixture(scope="module")
def image(truth: np.ndarray) -> Pixels:
    flux = np.geomspace(300.0, 3000.0, truth.shape[1])  # DN/s: S/N 100 and more
    stars = star_image(*truth, flux, SHAPE, Psf(FWHM))
    pixels = observe(stars, Noise(), seed=8)
    return Pixels(pixels.data, pixels.err, np.zeros(SHAPE, bool))


def find(image: Pixels, starfinder: str = "sep", **options: Any) -> Sources:
    finder = FinderParameters(**{"kernel_fwhm": FWHM, **options})
    return find_sources(image, starfinder, finder, SegmentationParameters()).sources


def errors(found: Sources, truth: np.ndarray) -> np.ndarray:
    """Distance (N, 2) of each source from the nearest star [pixels]."""
    offset = np.stack([found.x, found.y])[:, :, None] - truth[:, None, :]
    nearest = np.argmin(np.hypot(*offset), axis=1)
    return np.asarray(offset[:, np.arange(len(found)), nearest].T)


@pytest.mark.parametrize(
    ("starfinder", "rms_px"),
    # windowed positions are at the photon noise; the others feel the pixel grid
    [("sep", 0.015), ("iraf", 0.1), ("dao", 0.1), ("segmentation", 0.1)],
)
def test_every_star_is_found_where_it_is(
    image: Pixels, truth: np.ndarray, starfinder: str, rms_px: float
) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0} if starfinder != "sep" else {}
    found = find(image, starfinder, **options)
    assert len(found) == truth.shape[1]
    assert np.sqrt(np.mean(errors(found, truth) ** 2)) < rms_px
    assert np.all(np.diff(found.flux) <= 0.0)  # brightest first


def test_the_errors_of_positions_are_of_the_right_size(image: Pixels, truth: np.ndarray) -> None:
    found = find(image)
    pulls = errors(found, truth) / np.stack([found.x_err, found.y_err], axis=1)
    # up to sqrt 2 too large where photons and not the background dominate, see the docstring
    assert 0.5 < np.sqrt(np.mean(pulls**2)) < 1.3


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "segmentation"])
def test_masked_and_nan_pixels_are_not_used(
    image: Pixels, truth: np.ndarray, starfinder: str
) -> None:
    options = {"roundhi": 1.0} if starfinder == "iraf" else {}
    x, y = np.rint(truth[:, :2]).astype(int)
    mask = image.mask.copy()
    mask[y[0] - 6 : y[0] + 7, x[0] - 6 : x[0] + 7] = True
    data = image.data.copy()
    data[y[1] - 6 : y[1] + 7, x[1] - 6 : x[1] + 7] = np.nan
    found = find(replace(image, data=data, mask=mask), starfinder, **options)
    assert len(found) == truth.shape[1] - 2
    for k in (0, 1):
        assert np.min(np.hypot(found.x - truth[0, k], found.y - truth[1, k])) > 6.0


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_brightest_and_peakmax_select(image: Pixels, starfinder: str) -> None:
    options = {"roundlo": -1.0, "roundhi": 1.0, "sharplo": 0.0}
    every = find(image, starfinder, **options)
    some = find(image, starfinder, brightest=7, **options)
    np.testing.assert_allclose(np.sort(some.flux), np.sort(every.flux[:7]))
    faint = find(image, starfinder, peakmax=150.0, **options)
    assert 0 < len(faint) < len(every)
    assert faint.flux.max() < np.median(every.flux[: len(every) - len(faint) + 1])


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
@pytest.mark.parametrize("kind", ["all masked", "all NaN", "constant", "pure noise"])
def test_images_without_stars_give_empty_catalogs(starfinder: str, kind: str) -> None:
    data = np.full((64, 64), np.nan if kind == "all NaN" else 1.0, np.float32)
    if kind == "pure noise":
        data += np.random.default_rng(1).normal(0.0, 0.1, data.shape).astype(np.float32)
    mask = np.full(data.shape, kind == "all masked")
    found = find(Pixels(data, np.ones_like(data), mask), starfinder)
    assert len(found) == 0


def test_a_lone_hot_pixel_is_no_source(image: Pixels, truth: np.ndarray) -> None:
    data = image.data.copy()
    data[200, 45] += 5000.0
    found = find(replace(image, data=data))
    assert len(found) == truth.shape[1]
    assert np.min(np.hypot(found.x - 45.0, found.y - 200.0)) > 3.0


def test_undersampled_stars_are_not_taken_for_hot_pixels(truth: np.ndarray) -> None:
    stars = star_image(*truth, np.full(truth.shape[1], 1000.0), SHAPE, Psf(1.0))
    pixels = observe(stars, Noise(), seed=9)
    found = find(Pixels(pixels.data, pixels.err, np.zeros(SHAPE, bool)), kernel_fwhm=1.0)
    assert len(found) == truth.shape[1]


def test_arrays_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        Pixels(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((4, 3), bool))
