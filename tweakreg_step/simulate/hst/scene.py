"""A visit of HST: dithered exposures of one field with pointing errors and cosmic rays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning

from tweakreg_step.simulate.render import Psf, star_image
from tweakreg_step.simulate.stars import Stars, reference_catalog, star_field

from .cameras import CAMERAS, Camera, template
from .cosmic_rays import Hits, cosmic_rays
from .motion import Motion, moved
from .truth import ExposureTruth, HstTruth

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["Scene", "simulate_hst"]

CATALOG = "reference.ecsv"

SKY = "sky.ecsv"
"""All stars as they are: RA, DEC [deg], FLUX [electrons]."""

COSMIC_RAY = 8192


@dataclass(frozen=True, slots=True)
class Scene:
    """A visit.

    Attributes
    ----------
    seed
        The same scene gives the same files.
    camera
        Key of `CAMERAS`.
    exposures
        Number of exposures.
    shape
        (ny, nx) of a chip.
    pointing
        RA, DEC [deg] and position angle of the columns [deg].
    stars
        Number of stars on a chip.
    fluxes
        Faintest and brightest star [electrons].
    pointing_error
        Standard deviations of shift [arcsec], roll [arcsec] and scale.
    dither
        Largest dither [arcsec].
    offsets
        East and north [arcsec] of each exposure, as those of the tiles of a mosaic; empty for
        dithers that are drawn.
    sky, read
        Sky and read noise [electrons].
    seconds
        Exposure time [s].
    hits
        Cosmic rays, None for none.
    flagged
        Part of the cosmic rays' pixels that have a flag in DQ.
    reference_fraction, reference_error
        Part of the stars in the reference catalog, and their error [mas].
    template
        A file to put the light into, None for one made from scratch.
    """

    seed: int
    camera: str = "ACS/WFC"
    exposures: int = 3
    shape: tuple[int, int] = (256, 512)
    pointing: tuple[float, float, float] = (150.1, 2.2, 35.0)
    stars: int = 60
    fluxes: tuple[float, float] = (2000.0, 200000.0)
    pointing_error: tuple[float, float, float] = (0.3, 20.0, 3e-5)
    dither: float = 2.0
    offsets: tuple[tuple[float, float], ...] = ()
    sky: float = 40.0
    read: float = 4.0
    seconds: float = 500.0
    hits: Hits | None = None
    flagged: float = 0.0
    reference_fraction: float = 0.8
    reference_error: float = 1.0
    template: Path | None = None


def simulate_hst(folder: str | Path, scene: Scene, sky: Stars | None = None) -> HstTruth:
    """Write the exposures of a visit, and the reference catalog.

    Parameters
    ----------
    folder
        Made if it does not exist.
    scene
        The visit.
    sky
        Stars to see, with fluxes in electrons; None for those of the scene.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stars = _stars(scene) if sky is None else sky
    exposures = tuple(_exposure(folder, scene, number, stars) for number in range(scene.exposures))
    Table({"RA": stars.ra, "DEC": stars.dec, "FLUX": stars.flux}).write(
        folder / SKY, format="ascii.ecsv", overwrite=True
    )
    catalog = folder / CATALOG
    reference = reference_catalog(
        stars, fraction=scene.reference_fraction, sigma=scene.reference_error, seed=scene.seed
    )
    reference.write(catalog, format="ascii.ecsv", overwrite=True)
    return HstTruth(folder, catalog, exposures)


def _empty(scene: Scene, number: int) -> fits.HDUList:
    camera = CAMERAS[scene.camera]
    rootname = f"{camera.rootname}94f{scene.seed % 36**2:02x}"[:6].ljust(6, "0") + f"{number:02d}q"
    if scene.template is None:
        return template(camera, scene.shape, scene.pointing, rootname, scene.seconds)
    with fits.open(scene.template) as hdus:
        copies = fits.HDUList([hdu.copy() for hdu in hdus])
    copies[0].header["ROOTNAME"] = rootname
    copies[0].header["EXPTIME"] = scene.seconds
    copies[0].header["FILENAME"] = f"{rootname}_{camera.suffix}.fits"
    return copies


def _stars(scene: Scene) -> Stars:
    """Stars over the field of all dithers, as many on a chip as wanted."""
    hdus = _empty(scene, 0)
    chips = [hdu for hdu in hdus if hdu.name == "SCI"]
    camera = CAMERAS[scene.camera]
    ny, nx = chips[0].shape
    side = camera.scale * np.hypot(ny * max(1.0, len(chips) ** 0.5 * 1.2), nx * 1.2)
    radius = 0.5 * side * (1.45 if len(chips) > 2 else 1.0)
    radius += max([scene.dither, *(float(np.hypot(*offset)) for offset in scene.offsets)])
    density = scene.stars / (ny * nx * camera.scale**2)
    count = int(density * np.pi * radius**2)
    return star_field(_centre(hdus), radius, count, seed=scene.seed, flux_limits=scene.fluxes)


def _centre(hdus: fits.HDUList) -> tuple[float, float]:
    """The middle of the chips [deg]; they are not next to RA = 0."""
    headers = [hdu.header for hdu in hdus if hdu.name == "SCI"]
    ra, dec = (float(np.mean([h[word] for h in headers])) for word in ("CRVAL1", "CRVAL2"))
    return ra, dec


def _exposure(folder: Path, scene: Scene, number: int, stars: Stars) -> ExposureTruth:
    rng = np.random.default_rng((scene.seed, number, 7))
    hdus, camera = _empty(scene, number), CAMERAS[scene.camera]
    centre, true, hits = _centre(hdus), [], []
    dither = Motion(*_offset(scene, number, rng))
    shift, roll, scale = scene.pointing_error
    draw = rng.standard_normal(4)
    error = Motion(shift * draw[0], shift * draw[1], roll * draw[2], scale * draw[3])
    for hdu in [hdu for hdu in hdus if hdu.name == "SCI"]:
        header = moved(hdu.header, dither, centre)
        true.append(header)
        electrons = _light(header, hdus, hdu.shape, stars, camera)
        parts = _observed(electrons, scene, rng)
        hits.append(parts[2])
        _put(hdus, hdu, parts, camera, scene)
        hdu.header.update(_placed(moved(header, error, centre)))
    path = folder / hdus[0].header["FILENAME"]
    hdus.writeto(path, overwrite=True)
    return ExposureTruth(path, tuple(true), tuple(hits))


def _offset(scene: Scene, number: int, rng: np.random.Generator) -> tuple[float, float]:
    """East and north [arcsec] of an exposure."""
    east, north = scene.dither * (2.0 * rng.random(2) - 1.0)
    if scene.offsets:
        return scene.offsets[number]
    return (east, north) if number else (0.0, 0.0)


def _placed(header: fits.Header) -> dict[str, float]:
    words = ["CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"]
    return {word: header[word] for word in words}


def _light(
    header: fits.Header, hdus: fits.HDUList, shape: tuple[int, int], stars: Stars, camera: Camera
) -> FloatArray:
    """The light of the stars (ny, nx) [electrons]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = WCS(header, hdus)
    x, y = wcs.wcs_world2pix(stars.ra, stars.dec, 0)
    ny, nx = shape
    margin = 0.05 * max(shape) + 50.0
    near = (x > -margin) & (x < nx + margin) & (y > -margin) & (y < ny + margin)
    some = stars.select(near)
    x, y = wcs.all_world2pix(some.ra, some.dec, 0, tolerance=1e-7, maxiter=50, quiet=True)
    return star_image(x, y, some.flux, shape, Psf(camera.fwhm, 3.5))


def _observed(
    light: FloatArray, scene: Scene, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Data and error (ny, nx) [electrons], and the charge of cosmic rays."""
    hits = np.zeros(light.shape)
    if scene.hits is not None:
        hits = cosmic_rays(light.shape, scene.hits, rng)
    signal = light + scene.sky + hits
    error = np.sqrt(signal + scene.read**2)
    return signal + error * rng.standard_normal(light.shape), error, hits


def _put(
    hdus: fits.HDUList,
    hdu: fits.ImageHDU,
    parts: tuple[FloatArray, FloatArray, FloatArray],
    camera: Camera,
    scene: Scene,
) -> None:
    """Fill the arrays of a chip."""
    data, error, hits = parts
    unit = scene.seconds if camera.unit.endswith("/S") else 1.0
    hdu.data = (data / unit).astype(np.float32)
    if camera.is_drizzled:
        return
    hdus["ERR", hdu.ver].data = (error / unit).astype(np.float32)
    flagged = np.random.default_rng((scene.seed, 11)).random(data.shape) < scene.flagged
    quality = np.where((hits > 2.0 * error) & flagged, COSMIC_RAY, 0)
    hdus["DQ", hdu.ver].data = quality.astype(np.int16)
