"""Correctors with catalogs of known truth: stacks, mosaics and strips of NIRCam-like images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import Table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step.alignment.solver.cramer_rao import bound, displacement_covariance, without_common
from tweakreg_step.core.images import Groups
from tweakreg_step.core.sphere import directions, frames_of, ra_dec, to_plane
from tweakreg_step.pipeline.correctors import images_of
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.pipeline.reference_stars import reference_of
from tweakreg_step.simulate import claimed_wcs, nircam, pixel_of, pointing_at, true_wcs
from tweakreg_step.simulate.mosaic import Mosaic, mosaic_images, mosaic_stars

# name: rows and columns of tiles, dithers, overlap of neighbouring tiles
KINDS = {
    "4 dithers": ((1, 1), 4, 0.2),
    "8 dithers": ((1, 1), 8, 0.2),
    "16 dithers": ((1, 1), 16, 0.2),
    "36 dithers": ((1, 1), 36, 0.2),
    "3x3 mosaic, 20 % overlap": ((3, 3), 1, 0.2),
    "3x3 mosaic, 50 % overlap": ((3, 3), 1, 0.5),
    "6x6 mosaic, 20 % overlap": ((6, 6), 1, 0.2),
    "12x12 mosaic, 20 % overlap": ((12, 12), 1, 0.2),
    "strip of 8, 30 % overlap": ((1, 8), 1, 0.3),
    "4 dithers of 5 detectors": ((1, 1), 4, 0.2),
}
FIVE = ("NRCA1", "NRCA2", "NRCA3", "NRCA4", "NRCALONG")
NOISE_PX = 0.05
REFERENCE_ERROR_MAS = 1.0


@dataclass(frozen=True)
class Scene:
    """What is given and what is true.

    Attributes
    ----------
    images
        The truth of each image.
    catalogs
        x, y [pixels] of each image; ``star`` is the index of the true star, -1 for spurious ones.
    reference
        RA, DEC [deg] with errors; ``star`` as above.
    """

    images: tuple[Any, ...]
    catalogs: tuple[Table, ...]
    reference: Table


def make_scene(
    kind: str,
    seed: int,
    *,
    stars: int = 200,
    missing: float = 0.2,
    spurious: float = 0.3,
    roll: float = 100.0,
) -> Scene:
    """Draw a scene; `stars` are on each image, `missing` of them unseen, `spurious` more added.

    The pointing errors are 0.3 arcsec rms and `roll` [arcsec] rms.
    """
    tiles, dithers, overlap = KINDS[kind]
    mosaic = Mosaic(
        seed=seed,
        tiles=tiles,
        dithers=dithers,
        detectors=FIVE if kind.endswith("5 detectors") else FIVE[-1:],
        overlap=overlap,
        stars_per_image=stars,
        pointing_roll=roll,
    )
    images = mosaic_images(mosaic)
    sky = mosaic_stars(mosaic, images)
    catalogs = tuple(
        _catalog(image, sky, np.random.default_rng((seed, number)), missing, spurious)
        for number, image in enumerate(images)
    )
    rng = np.random.default_rng((seed, 10**6))
    chosen = np.flatnonzero(rng.random(len(sky.ra)) < 0.1)
    error = REFERENCE_ERROR_MAS / 3.6e6
    cosine = np.cos(np.radians(sky.dec[chosen]))
    reference = Table(
        {
            "RA": sky.ra[chosen] + rng.normal(0.0, error, len(chosen)) / cosine,
            "DEC": sky.dec[chosen] + rng.normal(0.0, error, len(chosen)),
            "RA_ERROR": np.full(len(chosen), REFERENCE_ERROR_MAS),
            "DEC_ERROR": np.full(len(chosen), REFERENCE_ERROR_MAS),
            "star": chosen,
        },
        meta={"name": "reference"},
    )
    return Scene(images, catalogs, reference)


def _catalog(
    image: Any, sky: Any, rng: np.random.Generator, missing: float, spurious: float
) -> Table:
    ny, nx = image.shape
    x, y = pixel_of(true_wcs(image), sky.ra, sky.dec)
    seen = (x > 0) & (x < nx - 1) & (y > 0) & (y < ny - 1) & (rng.random(len(x)) >= missing)
    star = np.flatnonzero(seen)
    false = rng.poisson(spurious * len(star))
    columns = {
        "x": np.r_[x[star] + rng.normal(0.0, NOISE_PX, len(star)), rng.uniform(0, nx - 1, false)],
        "y": np.r_[y[star] + rng.normal(0.0, NOISE_PX, len(star)), rng.uniform(0, ny - 1, false)],
        "star": np.r_[star, np.full(false, -1)],
    }
    order = rng.permutation(len(columns["x"]))
    return Table({name: values[order] for name, values in columns.items()})


def make_correctors(scene: Scene, *, true: bool = False) -> list[Any]:
    """Correctors of the images as delivered, or with their true WCS."""
    correctors = []
    for image, catalog in zip(scene.images, scene.catalogs, strict=True):
        detector = nircam(image.detector, image.shape)
        angles = {
            "v2_ref": detector.v2_ref,
            "v3_ref": detector.v3_ref,
            "roll_ref": pointing_at(image.claimed, detector.v2_ref, detector.v3_ref).roll,
        }
        wcs = true_wcs(image) if true else claimed_wcs(image)
        table = catalog["x", "y"]
        meta = {"catalog": table, "name": image.file_name, "group_id": image.group}
        meta["detector"] = image.detector
        correctors.append(JWSTWCSCorrector(wcs, angles, meta=meta))
    return correctors


def grid_directions(correctors: list[Any], n: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Directions (K, 3) of n x n points of each image, and the image (K,) of each."""
    found = []
    for corrector in correctors:
        (xmin, xmax), (ymin, ymax) = corrector.bounding_box
        x, y = np.meshgrid(np.linspace(xmin, xmax, n), np.linspace(ymin, ymax, n))
        found.append(directions(*corrector.wcs.forward_transform(x.ravel(), y.ravel())))
    return np.concatenate(found), np.repeat(np.arange(len(correctors)), n * n)


@dataclass(frozen=True)
class Judge:
    """How far a solution of a scene is from the truth, and how far the best one would be.

    Attributes
    ----------
    relative_bound, absolute_bound
        Cramer-Rao bound of the rms distance over all images [mas], for known identifications;
        the absolute one needs the reference catalog.
    """

    truth: np.ndarray
    projection: np.ndarray
    relative_bound: float
    absolute_bound: float

    def relative(self, correctors: list[Any]) -> float:
        """Rms distance [mas] after the motion common to all images is removed."""
        return _rms(self.projection @ self._displacement(correctors))

    def absolute(self, correctors: list[Any]) -> float:
        """Rms distance [mas]."""
        return _rms(self._displacement(correctors))

    def _displacement(self, correctors: list[Any]) -> np.ndarray:
        found, _ = grid_directions(correctors)
        return 1000.0 * to_plane(found, frames_of(self.truth)).ravel()


def make_judge(
    scene: Scene, geometry: str, *, reference: bool, true: list[Any] | None = None
) -> Judge:
    """Know the truth of a scene; `true` are its correctors with the true WCS, if there are any."""
    correctors = true or make_correctors(scene, true=True)
    points, image = grid_directions(correctors)
    star = np.concatenate([np.asarray(catalog["star"]) for catalog in scene.catalogs])
    catalog = None
    source = _seen_twice(star, scene.reference["star"] if reference else ())
    known, source = np.unique(source, return_inverse=True)
    source = source - np.count_nonzero(known < 0)
    if reference:
        rows = {int(s): row for row, s in enumerate(scene.reference["star"])}
        stars = np.array([rows.get(int(s), -1) for s in known if s >= 0])
        catalog = (reference_of(scene.reference), stars)
    _, first, group = np.unique(
        [image.group for image in scene.images], return_index=True, return_inverse=True
    )
    group = np.argsort(np.argsort(first))[group][image]  # groups are numbered as they appear
    detections = gather(Groups.of(images_of(correctors)))
    limit = bound(detections, source, _centres(points, group), geometry, catalog)
    covariance = displacement_covariance(limit, group, points)
    projection = without_common(limit.model, group, points)
    count = len(points)
    relative = 1000.0 * np.sqrt(np.sum((projection @ covariance) * projection) / count)
    absolute = 1000.0 * np.sqrt(np.trace(covariance) / count)
    return Judge(points, projection, float(relative), float(absolute))


def _centres(points: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination of the middle of each group's points."""
    return ra_dec(np.stack([np.bincount(group, axis) for axis in points.T], axis=1))


def _seen_twice(star: np.ndarray, reference: Any) -> np.ndarray:
    """The stars that tie images to each other or to the reference; -1 for all others."""
    seen, count = np.unique(star[star >= 0], return_counts=True)
    useful = np.union1d(seen[count > 1], np.intersect1d(seen, np.asarray(reference, int)))
    return np.where(np.isin(star, useful), star, -1)


def _rms(displacement: np.ndarray) -> float:
    """Rms length of vectors whose components are in one line."""
    return float(np.sqrt(2.0 * np.mean(np.square(displacement))))
