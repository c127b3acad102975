"""FWHM of stars in each imaging filter of Roman's Wide Field Instrument.

Full widths at half maximum of simulated stars, from the mission's technical information on the WFI;
no stars have been observed yet. Where the stars of an image have another width, that is used
(``kernel_fwhm`` in ``docs/centroids.rst``).
"""

from __future__ import annotations

__all__ = ["stellar_fwhm"]

PIXEL_SCALE = 0.11
"""[arcsec per pixel]."""

FWHM = {
    "F062": 0.058,
    "F087": 0.073,
    "F106": 0.087,
    "F129": 0.105,
    "F146": 0.105,
    "F158": 0.127,
    "F184": 0.151,
    "F213": 0.175,
}
"""FWHM [arcsec], before the pixels broaden it."""


def stellar_fwhm(optical_element: str) -> float | None:
    """FWHM of stars on the detector [pixels], None for an element that is no imaging filter.

    A pixel is as wide as stars in the blue filters: its square has the variance 1/12, which adds to
    that of the star.
    """
    width = FWHM.get(optical_element.upper())
    if width is None:
        return None
    variance_to_fwhm = 5.545  # 8 ln 2
    return float(((width / PIXEL_SCALE) ** 2 + variance_to_fwhm / 12.0) ** 0.5)
