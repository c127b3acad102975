"""What photutils' finders are for is in test_detect; here, what they must not cost."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tweakreg_step.parameters.source_stages import (
    FinderParameters,
    SegmentationParameters,
)
from tweakreg_step.sources.photutils_finders import FINDERS, Search, background


def test_photutils_is_not_imported_unless_one_of_its_finders_is_chosen() -> None:
    """Its import takes as long as finding the stars of two images."""
    program = (
        "import sys; from tweakreg_step import TweakRegStep; "
        "print([name for name in ('photutils', 'scipy.signal', 'scipy.stats') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]"]


def test_the_background_is_the_level_and_its_noise() -> None:
    rng = np.random.default_rng(4)
    data = 7.0 + rng.normal(0.0, 0.5, (400, 400))
    level, noise = background(data, np.zeros(data.shape, bool), 100)
    assert np.abs(level - 7.0).max() < 0.05  # error of a median of 10,000 pixels: 0.006
    assert noise == pytest.approx(0.5, rel=0.05)  # clipped at 3 sigma


@pytest.mark.parametrize("finder", ["iraf", "dao", "segmentation"])
def test_each_finds_a_star_where_it_is(finder: str) -> None:
    y, x = np.mgrid[0:61, 0:61]
    data = 100.0 * np.exp(-0.5 * ((x - 30.3) ** 2 + (y - 24.8) ** 2) / 1.1**2)
    search = Search(data, 1.0, np.zeros(data.shape, bool), 2.6)
    # the usual limits take half of all round stars for dao, whose roundness has two signs
    limits = FinderParameters(roundlo=-1.0, roundhi=1.0, sharplo=0.2)
    found = FINDERS[finder](search, limits, SegmentationParameters())
    assert len(found) == 1
    # dao fits to the pixels next to the peak; a tenth of a pixel is what a first guess needs
    assert np.hypot(found.x[0] - 30.3, found.y[0] - 24.8) < 0.1


@pytest.mark.parametrize("finder", ["iraf", "dao", "segmentation"])
def test_no_star_gives_no_sources(finder: str) -> None:
    search = Search(np.zeros((61, 61)), 1.0, np.zeros((61, 61), bool), 2.6)
    assert len(FINDERS[finder](search, FinderParameters(), SegmentationParameters())) == 0
