"""Widths of stars in the filters of JWST."""

from __future__ import annotations

import pytest

from tweakreg_step.telescopes.jwst.psf import MIRI, NEAR_INFRARED, stellar_fwhm


@pytest.mark.parametrize(
    ("names", "pixels"),
    [
        (("NIRCAM", "SHORT", "F200W", "CLEAR"), 2.129),  # as published in pixels
        (("NIRCAM", "LONG", "F444W", "CLEAR"), 2.302),
        (("NIRCAM", "SHORT", "F150W2", "F164N"), 1.806),
        (("NIRISS", "", "CLEAR", "F115W"), 0.61),
        (("NIRISS", "", "F444W", "CLEARP"), 2.21),
        (("MIRI", "", "F770W", ""), 2.445),
    ],
)
def test_known_filters(names: tuple[str, ...], pixels: float) -> None:
    assert stellar_fwhm(*names) == pytest.approx(pixels, abs=0.005)


@pytest.mark.parametrize(
    "names", [("FGS", "", "", ""), ("NIRCAM", "SHORT", "WLP4", "CLEAR"), ("", "", "", "")]
)
def test_unknown_ones_are_left_to_the_data(names: tuple[str, ...]) -> None:
    assert stellar_fwhm(*names) is None


@pytest.mark.parametrize("table", [NEAR_INFRARED, MIRI])
def test_widths_follow_the_diffraction_of_the_mirror(table: dict[str, float]) -> None:
    """1.03 lambda / D with D = 6.5 m is 0.0327 arcsec per micrometre; wide bands are sharper."""
    for name, fwhm in table.items():
        if not name.endswith("W2"):
            wavelength = float(name[1:-1]) / 100.0
            assert fwhm / wavelength == pytest.approx(0.034, rel=0.25), name
