"""Values of TweakReg in other units; the finder of this package finds the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.sources import Pixels
from tweakreg_step.drizzlepac.conversions import HALF, SIGMA_TO_FWHM, column, threshold_here
from tweakreg_step.drizzlepac.translation import translated
from tweakreg_step.drizzlepac.values import values_of
from tweakreg_step.parameters import FinderParameters, SegmentationParameters
from tweakreg_step.sources.finders import candidates

PEAKS = {2.5: 4.616, 3.5: 3.120, 5.0: 3.649}
"""The least peak [sigma] of a star that drizzlepac finds with a threshold of 4, by conv_width;
`make test-hst` looks whether it still does."""


def scene(peak: float, fwhm: float, noise: float = 0.0) -> Any:
    """An image (201, 201) with 16 stars in the middle of pixels."""
    y, x = np.mgrid[:201, :201]
    image = noise * np.random.default_rng(3).standard_normal(x.shape)
    for cx in range(25, 200, 50):
        for cy in range(25, 200, 50):
            radius = (x - cx) ** 2 + (y - cy) ** 2
            image += peak * np.exp(-0.5 * radius / (fwhm / SIGMA_TO_FWHM) ** 2)
    return image


@pytest.mark.parametrize("shapes", [False, True])
@pytest.mark.parametrize("conv_width", [2.5, 3.5, 5.0])
def test_a_star_is_found_from_the_peak_on_that_tweakreg_finds_it(
    conv_width: float, shapes: bool
) -> None:
    finder = FinderParameters(
        snr_threshold=threshold_here(400.0, conv_width, shapes=shapes),
        kernel_fwhm=HALF * conv_width,
        sharplo=-9.0, sharphi=9.0, roundlo=-9.0, roundhi=9.0,
    )  # fmt: skip

    def found(peak: float) -> int:
        image = scene(peak, HALF * conv_width, noise=1.0)
        mask = np.zeros(image.shape, bool)
        pixels = Pixels(image, np.ones_like(image), mask)
        starfinder = "dao" if shapes else "sep"
        _, sources = candidates(
            pixels, starfinder, HALF * conv_width, finder, SegmentationParameters()
        )
        return len(sources)

    assert found(95.0 * PEAKS[conv_width]) == 0
    assert found(105.0 * PEAKS[conv_width]) == 16


def test_pixels_become_arcsec_and_the_log_says_both() -> None:
    given = {"searchrad": 30.0, "searchunits": "pixels", "tolerance": 2.0, "use2dhist": False}
    found = translated(values_of(given | {"xoffset": -4.0}), 0.04)
    assert found.parameters["searchrad"] == pytest.approx(1.2)
    assert found.parameters["tolerance"] == pytest.approx(0.08)
    assert found.parameters["xoffset"] == pytest.approx(-0.16)
    assert any(
        line.startswith("searchrad = 30 pixels of TweakReg is searchrad = 1.2 ")
        and "0.04 arcsec a pixel" in line
        for line in found.numbers
    )


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("3", "3"),
        ("c3", "3"),
        ("RA", "RA"),
        ("1-3", "1,2,3"),
        ("c4:c6", "4,5,6"),
        ("1 2 3", "1,2,3"),
    ],
)
def test_columns(given: str, ours: str) -> None:
    assert column(given) == ours


def test_a_given_sigma_of_the_sky_must_be_one() -> None:
    values = values_of({"computesig": False})
    with pytest.raises(ParameterError, match=r"'skysigma' is 0.*Give 'skysigma'"):
        translated(values, 0.05)


def test_small_magnitudes_are_bright_with_ascend() -> None:
    given = {"catfile": "cats.txt", "ascend": True}
    assert translated(values_of(given), 0.05).parameters["fluxunits"] == "mag"
    assert translated(values_of({"catfile": "cats.txt"}), 0.05).parameters["fluxunits"] == "counts"
