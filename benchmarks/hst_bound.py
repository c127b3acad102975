"""The smallest errors of simulated visits of HST: of stars in pixels, and of exposures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning
from fisher import Sightings, catalog_errors, smallest_errors

from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate.hst import CAMERAS, ExposureTruth, HstTruth, Scene
from tweakreg_step.simulate.render import Psf, star_image
from tweakreg_step.simulate.truth import pixel_grid

__all__ = ["Chip", "bound_of", "centroid_error", "chips_of", "seen_on"]

EDGE = 5.0
"""Stars closer than this [pixels] to the edge of a chip do not count."""

MOFFAT = 3.5
"""Index of the stars that ``simulate_hst`` makes."""


@dataclass(frozen=True)
class Chip:
    """A chip at its true place.

    Attributes
    ----------
    wcs
        Where it is.
    stars
        Indices of those that it sees, not at its edge.
    x, y
        Their places [pixels], from 0.
    """

    wcs: WCS
    stars: np.ndarray
    x: np.ndarray
    y: np.ndarray


def chips_of(exposure: ExposureTruth, stars: Table) -> list[Chip]:
    """The chips of an exposure, and which of some stars (RA, DEC) they see."""
    with warnings.catch_warnings(), fits.open(exposure.path) as hdus:
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcses = [WCS(header, hdus) for header in exposure.headers]
    return [seen_on(wcs, stars) for wcs in wcses]


def seen_on(wcs: WCS, stars: Table) -> Chip:
    """Which stars a chip sees."""
    x, y = wcs.all_world2pix(stars["RA"], stars["DEC"], 0, quiet=True)
    nx, ny = wcs.pixel_shape
    inside = (x > EDGE) & (x < nx - EDGE) & (y > EDGE) & (y < ny - EDGE)
    return Chip(wcs, np.flatnonzero(inside), x[inside], y[inside])


def centroid_error(psf: Psf, flux: np.ndarray, noise: float) -> np.ndarray:
    """Cramer-Rao bound of the place of stars, per axis.

    Parameters
    ----------
    psf
        Their profile.
    flux
        (N,) [electrons].
    noise
        Variance of a pixel without star [electrons^2].

    Returns
    -------
    ndarray
        (N,) error [pixels]; information is the mean of that of several places in a pixel.
    """
    rng, step, size = np.random.default_rng(1), 0.01, 2 * psf.reach + 1
    places = psf.reach + rng.uniform(-0.5, 0.5, (12, 2))
    grid = np.geomspace(flux.min(), flux.max(), 16)
    information = np.zeros(len(grid))
    for x, y in places:
        star, left, right = (
            star_image(np.array([x + shift]), np.array([y]), np.ones(1), (size, size), psf)
            for shift in (0.0, -step, step)
        )
        slope = ((right - left) / (2.0 * step)) ** 2
        for number, one in enumerate(grid):
            information[number] += np.sum(one**2 * slope / (one * star + noise)) / len(places)
    return np.exp(np.interp(np.log(flux), np.log(grid), -0.5 * np.log(information)))


def bound_of(truth: HstTruth, scene: Scene, centroid: float | None) -> np.ndarray:
    """Rms error [mas] of each chip, exposure by exposure, at best.

    Parameters
    ----------
    truth, scene
        The visit; cosmic rays are not counted.
    centroid
        Error of the stars' places [pixels]; None for what light and noise allow.
    """
    stars = Table.read(truth.folder / "sky.ecsv")
    camera = CAMERAS[scene.camera]
    flux = np.asarray(stars["FLUX"])
    noise = scene.sky + scene.read**2
    pixels = np.full(len(flux), centroid or 0.0)
    if centroid is None:
        pixels = centroid_error(Psf(camera.fwhm, MOFFAT), flux, noise)
    plane_of = frames_at(float(np.mean(stars["RA"])), float(np.mean(stars["DEC"])))
    plane = to_plane(directions(stars["RA"], stars["DEC"]), plane_of)
    star, number, where = [], [], []
    for exposure, one in enumerate(truth.exposures):
        for chip in chips_of(one, stars):
            star.append(chip.stars)
            number.append(np.full(len(chip.stars), exposure))
            grid = chip.wcs.all_pix2world(*pixel_grid(chip.wcs.pixel_shape[::-1]), 0)
            where.append((exposure, to_plane(directions(*grid), plane_of)))
    seen, exposures = np.concatenate(star), np.concatenate(number)
    sightings = Sightings(plane[seen], seen, exposures, camera.scale * pixels[seen])
    listed = Table.read(truth.catalog)
    known = catalog_errors(
        (listed["RA"], listed["DEC"]), stars["RA"], stars["DEC"], scene.reference_error
    )
    return 1e3 * smallest_errors(sightings, known, where, scale=True)
