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

__all__ = [
    "Chip",
    "bound_of",
    "centroid_error",
    "chips_of",
    "errors_beside_hits",
    "seen_on",
    "told_among_hits",
]

EDGE = 5.0
"""Stars closer than this [pixels] to the edge of a chip do not count."""

HALF, BESIDE, STEP = 8, 4.0, 0.01
"""Half width of the stamps of stars, distance of stars that lie on another, and step by which they
are moved for derivatives [pixels]."""

SEEN = 5.0
"""Charge of a cosmic ray, in errors of a pixel, above which everybody knows that it was hit."""

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


def errors_beside_hits(
    chip: Chip, charge: np.ndarray, stars: Table, psf: Psf, noise: float
) -> np.ndarray:
    """Cramer-Rao bound of the place of the stars on a chip, per axis, with what lies on them.

    A pixel that a cosmic ray has given more than `SEEN` errors tells nothing, since nobody knows
    how much. Nobody knows either which of the others are hit: these tell what `told_among_hits`
    says. The flux of each star is unknown, and flux and place of those next to it; their light is
    noise as well.

    Parameters
    ----------
    chip
        The chip and its N stars.
    charge
        (ny, nx) of cosmic rays [electrons].
    stars
        All stars, as ``chip.stars`` counts them (RA, DEC, FLUX).
    psf
        Their profile.
    noise
        Variance of a pixel without star [electrons^2].

    Returns
    -------
    ndarray
        (N,) error [pixels]; infinite for a star of which the hits have left nothing.
    """
    x, y = chip.wcs.all_world2pix(stars["RA"], stars["DEC"], 0, quiet=True)
    flux, shape = np.asarray(stars["FLUX"]), charge.shape
    variance = noise + star_image(x, y, flux, shape, psf)
    errors = np.sqrt(variance)
    free, told = charge < SEEN * errors, told_among_hits(charge, errors)
    variance = variance / told
    information = [_information(one, (x, y, flux), variance, free, psf) for one in chip.stars]
    with np.errstate(divide="ignore"):
        return 1.0 / np.sqrt(np.array(information))


def told_among_hits(charge: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """What a pixel tells of the light in it, relative to one that nothing can have hit.

    With p the density of noise and charge together, in errors, that is the Fisher information of
    its location, the integral of p'^2 / p. Hits of more than `SEEN` errors are known as such.

    Parameters
    ----------
    charge
        (ny, nx) of cosmic rays [electrons], of which each pixel may have any.
    errors
        (ny, nx) of the pixels without them [electrons].

    Returns
    -------
    ndarray
        (ny, nx), 0 to 1.
    """
    residual = np.arange(-8.0, SEEN + 8.0, 0.01)
    some = np.geomspace(errors.min(), errors.max(), 6)
    told = np.ones(len(some))
    for number, error in enumerate(some):
        unseen = charge[charge < SEEN * error] / error
        count, edges = np.histogram(unseen[unseen > 0.0], 200, (0.0, SEEN))
        hits = np.append(count, len(unseen) - count.sum()) / len(unseen)
        places = np.append(0.5 * (edges[1:] + edges[:-1]), 0.0)
        density = np.exp(-0.5 * (residual[:, None] - places) ** 2) @ hits / np.sqrt(2.0 * np.pi)
        told[number] = np.sum(np.gradient(density, residual) ** 2 / density) * 0.01
    return np.interp(np.log(errors), np.log(some), told)


def _information(
    one: int,
    stars: tuple[np.ndarray, np.ndarray, np.ndarray],
    variance: np.ndarray,
    free: np.ndarray,
    psf: Psf,
) -> float:
    """Information on the place of a star [1 / pixels^2], the mean of both axes."""
    x, y, flux = stars
    column, row = round(float(x[one])), round(float(y[one]))
    apart = np.hypot(x - x[one], y - y[one])
    left, low = max(column - HALF, 0), max(row - HALF, 0)
    box = slice(low, row + HALF + 1), slice(left, column + HALF + 1)
    shape = free[box].shape
    columns = []
    for star in np.argsort(apart)[: np.sum(apart < BESIDE)]:
        at = np.array([x[star] - left, y[star] - low])
        columns.append(_stamp(at, shape, psf))
        columns += [
            flux[star] * (_stamp(at + step, shape, psf) - _stamp(at - step, shape, psf)) / STEP / 2
            for step in (np.array([STEP, 0.0]), np.array([0.0, STEP]))
        ]
    columns[0] = columns[0] * flux[one]  # the others' fluxes have any unit
    design = np.stack([part[free[box]] for part in columns], 1)
    normal = design.T @ (design / variance[box][free[box]][:, None])
    size = np.sqrt(np.diagonal(normal))
    if not (size > 0).all():
        return 0.0
    covariance = np.linalg.pinv(normal / np.outer(size, size), rcond=1e-9)[1:3, 1:3]
    covariance = covariance / np.outer(size[1:3], size[1:3])
    return float(2.0 / np.trace(covariance))


def _stamp(at: np.ndarray, shape: tuple[int, int], psf: Psf) -> np.ndarray:
    """A star of flux 1 at x and y."""
    return star_image(at[:1], at[1:], np.ones(1), shape, psf)


def bound_of(
    truth: HstTruth, scene: Scene, centroid: float | None, *, beside_hits: bool = False
) -> np.ndarray:
    """Rms error [mas] of each chip, exposure by exposure, at best.

    Parameters
    ----------
    truth, scene
        The visit.
    centroid
        Error of the stars' places [pixels]; None for what light and noise allow.
    beside_hits
        Whether cosmic rays and other stars that lie on a star are counted, where places are found
        in pixels; else each star is alone, and has all of its light.
    """
    stars = Table.read(truth.folder / "sky.ecsv")
    camera = CAMERAS[scene.camera]
    flux = np.asarray(stars["FLUX"])
    noise, psf = scene.sky + scene.read**2, Psf(camera.fwhm, MOFFAT)
    alone = np.full(len(flux), centroid or 0.0)
    if centroid is None:
        alone = centroid_error(psf, flux, noise)
    plane_of = frames_at(float(np.mean(stars["RA"])), float(np.mean(stars["DEC"])))
    plane = to_plane(directions(stars["RA"], stars["DEC"]), plane_of)
    star, number, where, pixels = [], [], [], []
    for exposure, one in enumerate(truth.exposures):
        for chip, charge in zip(chips_of(one, stars), one.hits, strict=True):
            star.append(chip.stars)
            number.append(np.full(len(chip.stars), exposure))
            error = alone[chip.stars]
            if beside_hits:
                error = errors_beside_hits(chip, charge, stars, psf, noise)
            pixels.append(error)
            grid = chip.wcs.all_pix2world(*pixel_grid(chip.wcs.pixel_shape[::-1]), 0)
            where.append((exposure, to_plane(directions(*grid), plane_of)))
    seen, exposures, sigma = (np.concatenate(part) for part in (star, number, pixels))
    told = np.isfinite(sigma)
    sightings = Sightings(
        plane[seen[told]], seen[told], exposures[told], camera.scale * sigma[told]
    )
    listed = Table.read(truth.catalog)
    known = catalog_errors(
        (listed["RA"], listed["DEC"]), stars["RA"], stars["DEC"], scene.reference_error
    )
    return 1e3 * smallest_errors(sightings, known, where, scale=True)
