"""Cameras of HST as far as files show them: chips on the sky, distortion, header keywords.

The numbers are those of the real cameras, rounded; distortion is quadratic, and as large at the
corners of a chip of any size as it is on the real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

__all__ = ["CAMERAS", "Camera", "template"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera.

    Attributes
    ----------
    instrument, detector, band
        INSTRUME, DETECTOR and the filter.
    filter_keyword
        Keyword of the filter.
    scale
        Side of a pixel [arcsec].
    fwhm
        Of stars on the detector [pixels].
    chips
        Number of the chip and the place of its centre, in sizes of a chip, of each image.
    bend
        Displacement by distortion at the middle of a chip's side, as a part of its half size.
    unit
        BUNIT.
    suffix
        How names of its files end.
    rootname
        First letter of its rootnames.
    tables
        Whether it has lookup tables (D2IMARR, WCSDVARR).
    """

    instrument: str
    detector: str
    band: str
    filter_keyword: str
    scale: float
    fwhm: float
    chips: tuple[tuple[int, float, float], ...]
    bend: float
    unit: str
    suffix: str
    rootname: str
    tables: bool = False

    @property
    def is_drizzled(self) -> bool:
        """Whether its images are as AstroDrizzle makes them: no distortion, but weights."""
        return self.suffix == "drc"


_TWO = ((2, 0.0, -0.515), (1, 0.0, 0.515))
_FOUR = ((1, 0.25, 0.25), (2, -0.52, 0.52), (3, -0.52, -0.52), (4, 0.52, -0.52))
_ONE = ((1, 0.0, 0.0),)

CAMERAS = {
    "ACS/WFC": Camera(
        "ACS", "WFC", "F606W", "FILTER1", 0.05, 1.9, _TWO, 0.017, "ELECTRONS", "flc", "j", True
    ),
    "ACS/SBC": Camera(
        "ACS", "SBC", "F150LP", "FILTER1", 0.032, 3.0, _ONE, 0.02, "COUNTS", "flt", "j"
    ),
    "WFC3/UVIS": Camera(
        "WFC3", "UVIS", "F606W", "FILTER", 0.0396, 1.9, _TWO, 0.015, "ELECTRONS", "flc", "i", True
    ),
    "WFC3/IR": Camera(
        "WFC3", "IR", "F160W", "FILTER", 0.1283, 1.25, _ONE, 0.01, "ELECTRONS/S", "flt", "i"
    ),
    "ACS/WFC drizzled": Camera(
        "ACS", "WFC", "F606W", "FILTER1", 0.05, 2.1, _ONE, 0.0, "ELECTRONS/S", "drc", "j"
    ),
    "WFPC2": Camera(
        "WFPC2", "", "F606W", "FILTNAM1", 0.0996, 1.4, _FOUR, 0.01, "COUNTS", "flt", "u"
    ),
}
"""By instrument and detector."""

_ASTRODRIZZLE: dict[str, str | float] = {
    "PROPOSID": 1,
    "LINENUM": "1",
    "DATE-OBS": "2011-02-18",
    "TIME-OBS": "00:00:00",
    "SUBARRAY": False,
    "PFLTFILE": "N/A",
    "CCDGAIN": 1.0,
    "CCDAMP": "ABCD",
    "DARKTIME": 0.0,
}
"""Keywords without which AstroDrizzle does not start."""

_AMPLIFIERS = {"READNSE": 4.0, "ATODGN": 1.0}
"""The same, with a letter for each amplifier."""

_ASTRODRIZZLE_CHIP: dict[str, str | float] = {
    "LTV1": 0.0,
    "LTV2": 0.0,
    "LTM1_1": 1.0,
    "LTM2_2": 1.0,
    "VAFACTOR": 1.0,
    "MEANDARK": 0.0,
    "NGOODPIX": 1,
    "PHOTFLAM": 1e-19,
    "PHOTPLAM": 5900.0,
    "PHOTZPT": -21.1,
    "PHOTBW": 670.0,
    "IDCTHETA": 0.0,
    "IDCV2REF": 256.6,
    "IDCV3REF": 302.25,
    "IDCTAB": "N/A",
    "OCX10": 0.0,
    "OCY11": 0.0,
}
"""The same in the header of each chip."""

EXPSTART = 55610.0
"""Start of the first exposure [MJD]: February 2011."""


def template(
    camera: Camera,
    shape: tuple[int, int],
    pointing: tuple[float, float, float],
    rootname: str,
    seconds: float,
) -> fits.HDUList:
    """An exposure without light.

    Parameters
    ----------
    camera
        The camera.
    shape
        (ny, nx) of its chips.
    pointing
        RA and DEC [deg] of the camera's middle, and position angle of its columns [deg].
    rootname
        Name of the exposure.
    seconds
        Exposure time.
    """
    hdus = fits.HDUList([fits.PrimaryHDU(header=_primary(camera, rootname, seconds))])
    for number, (chip, right, up) in enumerate(camera.chips, start=1):
        header = _science(camera, shape, pointing, (right, up), number)
        header["EXPNAME"] = rootname
        header["CCDCHIP" if camera.instrument != "WFPC2" else "DETECTOR"] = chip
        data = np.zeros(shape, np.float32)
        hdus.append(fits.ImageHDU(data, header, name="SCI", ver=number))
        if camera.is_drizzled:
            hdus.append(fits.ImageHDU(data + seconds, name="WHT", ver=number))
            continue
        hdus.append(fits.ImageHDU(data.copy(), name="ERR", ver=number))
        hdus.append(fits.ImageHDU(np.zeros(shape, np.int16), name="DQ", ver=number))
    if camera.tables:
        for word, size in (("D2IMARR", 0.03), ("WCSDVARR", 0.05)):
            for number in range(1, 2 * len(camera.chips) + 1):
                hdus.append(_table(word, number, shape, size))
    hdus[0].header["NEXTEND"] = len(hdus) - 1
    return hdus


def _primary(camera: Camera, rootname: str, seconds: float) -> fits.Header:
    header = fits.Header()
    if camera.filter_keyword == "FILTER1":
        header["FILTER2"] = "CLEAR2L"
    header["FILENAME"] = (f"{rootname}_{camera.suffix}.fits", "name of file")
    header["TELESCOP"] = ("HST", "telescope used to acquire data")
    header["INSTRUME"] = camera.instrument
    header["ROOTNAME"] = rootname
    if camera.detector:
        header["DETECTOR"] = camera.detector
    header[camera.filter_keyword] = camera.band
    header["OBSTYPE"] = "IMAGING"
    header["EXPTIME"] = seconds
    header["EXPSTART"] = EXPSTART
    header["EXPEND"] = EXPSTART + seconds / 86400.0
    header["EXPFLAG"] = "NORMAL"
    header["PA_V3"] = 35.0
    for keyword, value in _ASTRODRIZZLE.items():
        header[keyword] = value
    for keyword, value in _AMPLIFIERS.items():
        for amplifier in "ABCD":
            header[f"{keyword}{amplifier}"] = value
    return header


def _science(
    camera: Camera,
    shape: tuple[int, int],
    pointing: tuple[float, float, float],
    place: tuple[float, float],
    number: int,
) -> fits.Header:
    ny, nx = shape
    angle = np.deg2rad(pointing[2])
    # the columns at the position angle, the rows to the west of them; a little skew, as ACS has
    rows = camera.scale * np.array([-np.cos(angle), np.sin(angle)])
    columns = camera.scale * np.array([np.sin(angle + 0.03), np.cos(angle + 0.03)])
    matrix = np.column_stack([rows, columns])
    offset = matrix @ (np.array(place) * [nx, ny])
    crval = np.array(ra_dec(from_plane(offset, frames_at(*pointing[:2]))))
    header = fits.Header()
    header["BUNIT"] = camera.unit
    values = {"WCSAXES": 2, "CRPIX1": 0.5 * nx, "CRPIX2": 0.5 * ny}
    values |= {"CRVAL1": float(crval[0]), "CRVAL2": float(crval[1])}
    values |= {f"CD{i + 1}_{j + 1}": float(matrix[i, j] / 3600.0) for i in (0, 1) for j in (0, 1)}
    for keyword, value in values.items():
        header[keyword] = value
    sip = "" if camera.is_drizzled else "-SIP"
    header["CTYPE1"], header["CTYPE2"] = f"RA---TAN{sip}", f"DEC--TAN{sip}"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["RADESYS"] = "ICRS"
    header["ORIENTAT"] = float(pointing[2])
    header["WCSNAME"] = ("IDC_0461802ej", "Coordinate system title")
    header["IDCSCALE"] = header["OCX11"] = header["OCY10"] = camera.scale
    header["IDCXREF"], header["IDCYREF"] = header["CRPIX1"], header["CRPIX2"]
    for keyword, word in _ASTRODRIZZLE_CHIP.items():
        header[keyword] = word
    if not camera.is_drizzled:
        _add_distortion(header, camera.bend, shape)
    if camera.tables:
        _add_lookups(header, number)
    return header


def _add_distortion(header: fits.Header, bend: float, shape: tuple[int, int]) -> None:
    """SIP coefficients of second order, another one for each axis and power."""
    header["A_ORDER"] = header["B_ORDER"] = 2
    half = 0.5 * np.hypot(*shape)
    for axis, (square, cross) in {"A": (1.0, -0.7), "B": (-0.3, 0.9)}.items():
        header[f"{axis}_2_0"] = square * bend / half
        header[f"{axis}_1_1"] = cross * bend / half
        header[f"{axis}_0_2"] = 0.4 * bend / half


def _add_lookups(header: fits.Header, number: int) -> None:
    for word, place, error in (("D2IMDIS", "D2IM", "D2IMERR"), ("CPDIS", "DP", "CPERR")):
        for axis in (1, 2):
            header[f"{error}{axis}"] = 0.1
            header[f"{word}{axis}"] = "Lookup"
            version = 2 * (number - 1) + axis
            for entry in (f"EXTVER: {version}", "NAXES: 2", "AXIS.1: 1", "AXIS.2: 2"):
                header.append((f"{place}{axis}", entry))


def _table(word: str, number: int, shape: tuple[int, int], size: float) -> fits.ImageHDU:
    """A lookup table of displacements [pixels] of a given size."""
    rng = np.random.default_rng((number, len(word)))
    hdu = fits.ImageHDU((size * rng.standard_normal((5, 9))).astype(np.float32), name=word)
    hdu.ver = number
    for axis, (pixels, count) in enumerate(zip(shape[::-1], (9, 5), strict=True), start=1):
        hdu.header[f"CRPIX{axis}"] = 1.0
        hdu.header[f"CRVAL{axis}"] = 1.0
        hdu.header[f"CDELT{axis}"] = pixels / (count - 1.0)
    return hdu
