"""SCAMP on the catalogs of a scene, for ``peers.py``: catalogs in FITS_LDAC, a run, WCS read again.

SCAMP has no model of the distortion of JWST. It is given positions from which the distortion of the
delivered WCS is taken out: on the plane tangent to the sky at the image's centre, in pixels of one
size. The solution of degree 1 for each exposure has then six parameters.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_step.core.sphere import directions, frames_at, to_plane

__all__ = ["SCAMP", "image_of", "judge", "run_scamp", "write_image", "write_reference"]

SCAMP = shutil.which("scamp")
SIDE, STEP = 4096, 0.063
"""Pixels on a side, and arcsec of a pixel, of the plane that SCAMP is told to be the image."""

_BLOCK = 2880
"""Bytes of a block of FITS, which the primary header fills."""

OPTIONS = {
    "ASTREF_CATALOG": "FILE",
    "ASTREFCAT_NAME": "reference.cat",
    "ASTREFCENT_KEYS": "X_WORLD,Y_WORLD",
    "ASTREFERR_KEYS": "ERRA_WORLD,ERRB_WORLD,ERRTHETA_WORLD",
    "ASTREFMAG_KEY": "MAG",
    "ASTREFMAGERR_KEY": "MAGERR",
    "CROSSID_RADIUS": "0.2",
    "POSITION_MAXERR": "0.1",
    "POSANGLE_MAXERR": "0.5",
    "PIXSCALE_MAXERR": "1.01",
    "DISTORT_DEGREES": "1",
    "SOLVE_PHOTOM": "N",
    "FWHM_THRESHOLDS": "0.0,100.0",
    "CHECKPLOT_TYPE": "NONE",
    "WRITE_XML": "N",
    "NTHREADS": "1",
}
"""What differs from its defaults: 6 arcsec are searched, as this package does for a reference."""


def image_of(wcs: Any, shape: tuple[int, int]) -> tuple[fits.Header, Any]:
    """Header of an undistorted image about the centre of a WCS, and pixels of RA and Dec on it."""
    ra, dec = (float(one) for one in wcs((shape[1] - 1) / 2, (shape[0] - 1) / 2))
    header = fits.Header(
        {
            "SIMPLE": True,
            "BITPIX": -32,
            "NAXIS": 2,
            "NAXIS1": SIDE,
            "NAXIS2": SIDE,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRVAL1": ra,
            "CRVAL2": dec,
            "CRPIX1": SIDE / 2,
            "CRPIX2": SIDE / 2,
            "CD1_1": -STEP / 3600.0,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": STEP / 3600.0,
            "EQUINOX": 2000.0,
            "RADESYS": "ICRS",
            "EXPTIME": 100.0,
            "DATE-OBS": "2023-02-25T00:00:00",
            "FILTER": "F356W",
            "GAIN": 1.0,
        }
    )
    frame = frames_at(ra, dec)

    def pixels(east_ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        east, north = np.asarray(to_plane(directions(east_ra, dec), frame)).T
        return np.stack([SIDE / 2 - east / STEP, SIDE / 2 + north / STEP], axis=1)

    return header, pixels


def _ldac(path: Path, header: fits.Header, table: dict[str, np.ndarray]) -> None:
    """Write catalog and header of one image in the format of SExtractor."""
    cards = header.tostring(endcard=True, padding=True).encode()
    head = fits.Header(
        {
            "XTENSION": "BINTABLE",
            "BITPIX": 8,
            "NAXIS": 2,
            "NAXIS1": len(cards),
            "NAXIS2": 1,
            "PCOUNT": 0,
            "GCOUNT": 1,
            "TFIELDS": 1,
            "TTYPE1": "Field Header Card",
            "TFORM1": f"{len(cards)}A",
            "TDIM1": f"(80, {len(cards) // 80})",
            "EXTNAME": "LDAC_IMHEAD",
        }
    )
    rows = fits.BinTableHDU.from_columns(
        [
            fits.Column(name, "I" if values.dtype.kind == "i" else "D", array=values)
            for name, values in table.items()
        ],
        name="LDAC_OBJECTS",
    )
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), rows]).writeto(buffer)
    written = buffer.getvalue()
    # astropy would end the cards with zeros, at which SCAMP crashes
    path.write_bytes(written[:_BLOCK] + head.tostring().encode() + cards + written[_BLOCK:])


def write_image(
    path: Path, header: fits.Header, place: np.ndarray, flux: np.ndarray, error: float
) -> None:
    """The catalog of one image: places (N, 2), fluxes, and an error of places [pixels]."""
    count = len(place)
    table = {
        "NUMBER": np.arange(count, dtype=np.int16),
        "XWIN_IMAGE": place[:, 0],
        "YWIN_IMAGE": place[:, 1],
        "ERRAWIN_IMAGE": np.full(count, error),
        "ERRBWIN_IMAGE": np.full(count, error),
        "ERRTHETAWIN_IMAGE": np.zeros(count),
        "FLUX_AUTO": flux,
        "FLUXERR_AUTO": flux / 50.0,
        "FLUX_RADIUS": np.full(count, 1.5),
        "ELONGATION": np.ones(count),
        "FLAGS": np.zeros(count, np.int16),
    }
    _ldac(path, header, table)


def write_reference(path: Path, table: Any) -> None:
    """The reference catalog, RA, DEC [deg], their errors [mas] and MAG."""
    count = len(table)
    columns = {
        "X_WORLD": np.asarray(table["RA"], float),
        "Y_WORLD": np.asarray(table["DEC"], float),
        "ERRA_WORLD": np.asarray(table["RA_ERROR"], float) / 3.6e6,
        "ERRB_WORLD": np.asarray(table["DEC_ERROR"], float) / 3.6e6,
        "ERRTHETA_WORLD": np.zeros(count),
        "MAG": np.asarray(table["MAG"], float),
        "MAGERR": np.full(count, 0.02),
        "OBSDATE": np.full(count, 2023.15),
    }
    _ldac(path, fits.Header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}), columns)


def run_scamp(folder: Path, catalogs: list[str]) -> tuple[list[WCS | None], list[float]]:
    """The WCS of each catalog, None where there is none, and the contrasts of its matching."""
    words = [word for name, value in OPTIONS.items() for word in (f"-{name}", value)]
    done = subprocess.run(  # noqa: S603 - our own command
        [str(SCAMP), *catalogs, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    heads = [folder / Path(name).with_suffix(".head") for name in catalogs]
    # a line for each field: its shifts with their contrast at the end, in red where it is low
    contrasts = re.findall(
        r' deg .*"\s+\S+"\s+([\d.e+]+)(?:\x1b\[0m)?\s*$', done.stdout + done.stderr, re.MULTILINE
    )
    found = [_wcs(head) if head.exists() else None for head in heads]
    return found, [float(one) for one in contrasts]


def _wcs(head: Path) -> WCS:
    text = "\n".join(
        line
        for line in head.read_text(encoding="latin-1").splitlines()
        if not line.startswith(("HISTORY", "COMMENT"))
    )
    header = fits.Header.fromstring(text, sep="\n")
    return WCS(header)


def judge(wcs: WCS, place: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> float:
    """Rms distance [mas] of places (N, 2) through a WCS from their true RA and Dec [deg]."""
    found = wcs.all_pix2world(place, 1)
    true = directions(ra, dec)
    chord = np.linalg.norm(directions(found[:, 0], found[:, 1]) - true, axis=1)
    return float(np.degrees(np.sqrt(np.mean(chord**2))) * 3.6e6)
