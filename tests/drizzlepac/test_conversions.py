"""Values of TweakReg in other units; the finder of this package finds the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tweakreg_step.core.exceptions import ParameterError
from tweakreg_step.core.sources import Pixels
from tweakreg_step.drizzlepac.conversions import SIGMA_TO_FWHM, Shape, column, threshold_here
from tweakreg_step.drizzlepac.translation import translated
from tweakreg_step.drizzlepac.values import values_of
from tweakreg_step.parameters import FinderParameters, SegmentationParameters
from tweakreg_step.sources.finders import candidates

PEAKS = {
    Shape(2.5): 4.616,
    Shape(3.5): 3.120,
    Shape(5.0): 3.649,
    Shape(3.5, 0.6, 30.0): 4.803,
    Shape(5.0, 0.5, 60.0): 3.934,
    Shape(5.0, 0.7, 120.0): 3.130,
    Shape(7.0, 0.4, 45.0): 3.231,
}
"""The least peak [sigma] of a star, half as wide as the kernel, that drizzlepac finds with a
threshold of 4, by the kernel's conv_width, ratio and theta; `make test-hst` looks whether it still
does."""


def scene(peak: float, star: Shape, noise: float = 0.0) -> Any:
    """An image (201, 201) with 16 stars in the middle of pixels."""
    y, x = np.mgrid[:201, :201].astype(float)
    image = noise * np.random.default_rng(3).standard_normal(x.shape)
    angle = np.deg2rad(star.theta)
    for cx in range(25, 200, 50):
        for cy in range(25, 200, 50):
            along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
            across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
            square = along**2 + (across / star.ratio) ** 2
            image += peak * np.exp(-0.5 * square / (star.fwhm / SIGMA_TO_FWHM) ** 2)
    return image


@pytest.mark.parametrize("shapes", [False, True])
@pytest.mark.parametrize("kernel", list(PEAKS), ids=str)
def test_a_star_is_found_from_the_peak_on_that_tweakreg_finds_it(
    kernel: Shape, shapes: bool
) -> None:
    finder = FinderParameters(
        snr_threshold=threshold_here(400.0, kernel, shapes=shapes),
        kernel_fwhm=kernel.star.fwhm, ratio=kernel.ratio, theta=kernel.theta,
        sharplo=-9.0, sharphi=9.0, roundlo=-9.0, roundhi=9.0,
    )  # fmt: skip

    def found(peak: float) -> int:
        image = scene(peak, kernel.star, noise=1.0)
        mask = np.zeros(image.shape, bool)
        pixels = Pixels(image, np.ones_like(image), mask)
        starfinder = "dao" if shapes else "sep"
        _, sources = candidates(
            pixels, starfinder, kernel.star.fwhm, finder, SegmentationParameters()
        )
        return len(sources)

    assert found(95.0 * PEAKS[kernel]) == 0
    assert found(105.0 * PEAKS[kernel]) == 16


def test_the_shape_of_the_kernel_is_part_of_the_threshold() -> None:
    given = {"threshold": 4.0, "conv_width": 3.5}
    flat = translated(values_of(given | {"ratio": 0.6, "theta": 30.0}), 0.05).parameters
    assert (flat["ratio"], flat["theta"]) == (0.6, 30.0)
    assert flat["snr_threshold"] == threshold_here(4.0, Shape(3.5, 0.6, 30.0))
    assert translated(values_of(given), 0.05).parameters["snr_threshold"] == threshold_here(
        4.0, Shape(3.5)
    )


def test_the_reference_image_has_a_threshold_of_its_own() -> None:
    finder = {"threshold": 9.0, "conv_width": 5.0, "ratio": 0.5, "theta": 60.0}
    values = values_of({"threshold": 4.0}, None, None, finder)
    found = translated(values, 0.05, finder="refimagefindpars").parameters
    assert found["snr_threshold"] == threshold_here(9.0, Shape(5.0, 0.5, 60.0))
    assert translated(values, 0.05).parameters["snr_threshold"] == threshold_here(4.0, Shape(3.5))


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
