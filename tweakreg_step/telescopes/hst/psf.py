"""FWHM of stars by camera and filter.

The FWHM of a diffraction-limited image, 1.03 wavelengths over the diameter, and that of the charge
diffusion and the pixel, added in squares. It agrees to 0.1 pixel with the tables of the WFC3
Instrument Handbook (6.7 and 7.5) and the ACS Instrument Handbook (section 5.6). Where the stars of
an image have another width, that is used (``kernel_fwhm`` in ``docs/centroids.rst``).
"""

from __future__ import annotations

import re

import numpy as np

__all__ = ["stellar_fwhm"]

DIAMETER = 2.4  # [m]
ARCSEC = 206264.8

CAMERAS = {
    "ACS WFC": (0.050, 1.7),
    "ACS HRC": (0.027, 1.7),
    "ACS SBC": (0.032, 3.0),
    "WFC3 UVIS": (0.0396, 1.5),
    "WFC3 IR": (0.1283, 0.6),
    "WFPC2 1": (0.0455, 1.2),
    "WFPC2": (0.0996, 1.3),
}
"""Side of a pixel [arcsec], and FWHM of diffusion and pixel [pixels]. Chip 1 of WFPC2 is the PC."""

_FILTER = re.compile(r"F[RQ]?(\d{3,4})[A-Z]*\d*")


def stellar_fwhm(camera: str, band: str) -> float | None:
    """FWHM of stars [pixels] on the detector, None if the camera is unknown.

    Parameters
    ----------
    camera
        Instrument and detector; of WFPC2 instrument and chip.
    band
        Name of the filter, from which the wavelength is taken; of 600 nm if it tells none.
    """
    known = CAMERAS.get(camera) or CAMERAS.get(camera.split(" ", maxsplit=1)[0])
    if known is None:
        return None
    scale, blur = known
    diffraction = 1.03 * _wavelength(camera, band) / DIAMETER * ARCSEC / scale
    return float(np.hypot(diffraction, blur))


def _wavelength(camera: str, band: str) -> float:
    """Wavelength of a filter [m] from its name: F606W is 606 nm, in the infrared F160W 1600 nm."""
    found = _FILTER.match(band)
    if not found:
        return 600e-9
    return float(found[1]) * (1e-8 if camera == "WFC3 IR" else 1e-9)
