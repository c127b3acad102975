"""FWHM of stars in each imaging filter of JWST.

Full widths at half maximum as measured in flight, from the pages "NIRCam Point Spread Functions"
and "MIRI Point Spread Functions" of the JWST User Documentation. For NIRISS, whose own page gives
widths that its pixels have already broadened, those of NIRCam in the same band are taken: they are
set by the diffraction of the same mirror. Where the stars of an image have another width, that is
used (``kernel_fwhm`` in ``docs/centroids.rst``).
"""

from __future__ import annotations

__all__ = ["stellar_fwhm"]

# Mean of a camera's detectors [arcsec per pixel]
PIXEL_SCALES = {"NIRCAM SHORT": 0.031, "NIRCAM LONG": 0.063, "NIRISS": 0.0656, "MIRI": 0.11}

NEAR_INFRARED = {
    "F070W": 0.029,
    "F090W": 0.033,
    "F115W": 0.040,
    "F140M": 0.048,
    "F150W": 0.050,
    "F150W2": 0.046,
    "F158M": 0.053,
    "F162M": 0.055,
    "F164N": 0.056,
    "F182M": 0.062,
    "F187N": 0.064,
    "F200W": 0.066,
    "F210M": 0.071,
    "F212N": 0.072,
    "F250M": 0.085,
    "F277W": 0.092,
    "F300M": 0.100,
    "F322W2": 0.097,
    "F323N": 0.108,
    "F335M": 0.111,
    "F356W": 0.116,
    "F360M": 0.120,
    "F380M": 0.127,
    "F405N": 0.136,
    "F410M": 0.137,
    "F430M": 0.145,
    "F444W": 0.145,
    "F460M": 0.155,
    "F466N": 0.158,
    "F470N": 0.160,
    "F480M": 0.162,
}
"""FWHM [arcsec]. F158M and F380M exist in NIRISS alone and are interpolated in wavelength."""

MIRI = {
    "F560W": 0.207,
    "F770W": 0.269,
    "F1000W": 0.328,
    "F1130W": 0.375,
    "F1280W": 0.420,
    "F1500W": 0.488,
    "F1800W": 0.591,
    "F2100W": 0.674,
    "F2550W": 0.803,
}
"""FWHM [arcsec]."""


def stellar_fwhm(instrument: str, channel: str, band: str, pupil: str) -> float | None:
    """FWHM of stars [pixels], None if instrument or filters are unknown.

    With filters in both wheels the narrower band counts; it is that in the pupil wheel, if there is
    a filter (NIRCam F164N behind F150W2, NIRISS F115W behind CLEAR).
    """
    camera = f"{instrument} {channel}".strip() if instrument == "NIRCAM" else instrument
    scale = PIXEL_SCALES.get(camera)
    if scale is None:
        return None
    table = MIRI if camera == "MIRI" else NEAR_INFRARED
    seen = next((table[name] for name in (pupil, band) if name in table), None)
    return None if seen is None else seen / scale
