"""The shape of a finder's kernel, and the noise of which its threshold is a multiple."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sep

from tweakreg_step.core.sources import Pixels
from tweakreg_step.parameters import FinderParameters, SegmentationParameters
from tweakreg_step.sources.finders import candidates, subtract_background

FWHM = 6.0
SIGMA = FWHM / 2.35482
RATIO = 0.3
OPEN: dict[str, Any] = {"sharplo": -9.0, "sharphi": 9.0, "roundlo": -9.0, "roundhi": 9.0}


def image(peak: float) -> Pixels:
    """Noise of 1 and 25 long stars, whose long axis is at 30 degrees from x towards y."""
    y, x = np.mgrid[:300, :300].astype(float)
    data = np.random.default_rng(3).standard_normal(x.shape)
    turn = np.deg2rad(30.0)
    for cx in range(30, 300, 60):
        for cy in range(30, 300, 60):
            along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
            across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
            data += peak * np.exp(-0.5 * (along**2 + (across / RATIO) ** 2) / SIGMA**2)
    return Pixels(data, np.ones_like(data), np.zeros(data.shape, bool))


def found(pixels: Pixels, starfinder: str, **options: Any) -> int:
    """Number of sources."""
    finder = FinderParameters(kernel_fwhm=FWHM, **(OPEN | options))
    return len(candidates(pixels, starfinder, FWHM, finder, SegmentationParameters())[1])


@pytest.mark.parametrize(("starfinder", "threshold"), [("sep", 1.3), ("dao", 4.0)])
def test_a_kernel_of_the_stars_shape_finds_more_than_one_across_it(
    starfinder: str, threshold: float
) -> None:
    pixels = image(4.0)
    along, across = (
        found(pixels, starfinder, snr_threshold=threshold, ratio=RATIO, theta=theta)
        for theta in (30.0, 120.0)
    )
    assert along >= 23
    assert across < 10


@pytest.mark.parametrize("starfinder", ["sep", "iraf", "dao", "segmentation"])
def test_the_threshold_is_a_multiple_of_the_sigma_that_is_given(starfinder: str) -> None:
    pixels = image(150.0)
    given = found(pixels, starfinder, snr_threshold=3.0, skysigma=4.0)
    assert given == found(pixels, starfinder, snr_threshold=12.0, skysigma=1.0)
    assert given >= 20
    assert found(pixels, starfinder, snr_threshold=3.0, skysigma=100.0) == 0


def sky(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 1 on a slope and a wide bump, with 900 stars; and bad pixels, whole rows of them."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    data = rng.normal(100.0, 1.0, shape) + 0.02 * x - 0.01 * y
    data += 30.0 * np.exp(-0.5 * ((x - 700) ** 2 + (y - 500) ** 2) / 400.0**2)
    at = rng.integers(5, np.array(shape) - 5, (900, 2))
    for row, column in at:
        data[row - 2 : row + 3, column - 2 : column + 3] += rng.exponential(200.0)
    good = rng.random(shape) > 0.02
    good[300:340] = False
    return np.where(good, data, 0.0).astype(np.float32), good


@pytest.mark.parametrize("rows", [1024, 1021])
@pytest.mark.parametrize("every_fourth_is_bad", [False, True])
def test_the_background_of_some_rows_is_that_of_all(rows: int, every_fourth_is_bad: bool) -> None:
    data, good = sky((rows, 1300))
    if every_fourth_is_bad:
        good[::4] = False
    usual = sep.Background(data, mask=~good, bw=400, bh=400)
    ours = data.copy()
    rms = subtract_background(ours, good, 400)
    assert np.abs(ours - (data - usual.back())).max() < 0.1 * usual.globalrms
    assert rms == pytest.approx(usual.globalrms, rel=0.01)


def test_small_boxes_have_all_of_their_pixels() -> None:
    data, good = sky((400, 500))
    usual = sep.Background(data, mask=~good, bw=50, bh=50)
    ours = data.copy()
    assert subtract_background(ours, good, 50) == usual.globalrms
    np.testing.assert_array_equal(ours, data - usual.back(dtype=np.float32))
