"""A dithered mosaic: cal files with known pointing errors, association, catalog and truth."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_step.files.asdf_schemas import schemas_remembered
from tweakreg_step.simulate.detectors import detector_named, is_roman
from tweakreg_step.simulate.directions import direction, separation_mas
from tweakreg_step.simulate.exposure import Identity, Settings, cal_model
from tweakreg_step.simulate.optics import (
    DetectorOffset,
    Pointing,
    perturbed,
    pixel_of,
    pointing_at,
)
from tweakreg_step.simulate.render import Defects, Noise, Psf, observe, star_image
from tweakreg_step.simulate.roman import RomanIdentity, roman_model
from tweakreg_step.simulate.stars import Stars, reference_catalog, star_field
from tweakreg_step.simulate.truth import ImageTruth, Truth, claimed_wcs, true_wcs

ASSOCIATION = "mosaic_asn.json"
CATALOG = "reference.ecsv"
TRUTH = "truth.json"

CENTRE = Pointing(214.95, 52.95, 130.6)
"""Where the mosaic lies unless told: in the field of programme 1345."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """What to simulate; the defaults are the demonstration.

    Parameters
    ----------
    seed : int
        The same seed gives the same files.
    tiles : (int, int)
        Rows (along V3) and columns (along V2) of the mosaic.
    dithers : int
        Exposures of each tile.
    detectors : tuple of str
        Detectors of each exposure, of NIRCam ('NRCA1', ...) or all of Roman ('WFI01', ...).
    shape : (int, int)
        (ny, nx) of each image: the full array, or a cut-out around the reference pixel.
    stars_per_image : float
        Expected number of stars on an image, on average over the detectors.
    overlap : float
        Part of the field that neighbouring tiles share along an axis.
    dither_size : float
        Dithers are uniform within +- this, arcsec along V2 and V3.
    centre : Pointing
        Direction and roll of the mosaic's centre (its field point is ignored).
    pointing_shift, pointing_roll : float
        Rms error of an exposure's pointing: shift on the sky in total and roll, arcsec.
    detector_offset : DetectorOffset
        Rms of the detectors' own offsets, which all exposures share.
    psf : Psf
        Its fwhm in pixels of each detector.
    noise, defects : Noise, Defects
        What spoils the images.
    settings : Settings
        Filter, time of the first exposure, units.
    flux_limits : (float, float)
        Faintest and brightest star, DN/s.
    reference_fraction, reference_error : float
        Part of the stars in the absolute catalog, and its error per axis in mas.
    aberration_centre : (float, float), optional
        Point (v2, v3) [arcsec] about which velocity aberration truly acts on all detectors; None:
        about each one's own reference point, as the files have it.
    """

    seed: int
    tiles: tuple[int, int] = (2, 2)
    dithers: int = 2
    detectors: tuple[str, ...] = ("NRCALONG",)
    shape: tuple[int, int] = (2048, 2048)
    stars_per_image: float = 200.0
    overlap: float = 0.2
    dither_size: float = 3.0
    centre: Pointing = CENTRE
    pointing_shift: float = 0.3
    pointing_roll: float = 100.0
    detector_offset: DetectorOffset = field(default_factory=DetectorOffset)
    psf: Psf = field(default_factory=Psf)
    noise: Noise = field(default_factory=Noise)
    defects: Defects = field(default_factory=Defects)
    settings: Settings = field(default_factory=Settings)
    flux_limits: tuple[float, float] = (3.0, 3000.0)
    reference_fraction: float = 0.5
    reference_error: float = 1.0
    aberration_centre: tuple[float, float] | None = None


def simulate_mosaic(folder: str | Path, *, seed: int, **options: Any) -> Truth:
    """Write the cal files of a mosaic, its association, reference catalog and truth.

    Parameters
    ----------
    folder : str or Path
        Made if it does not exist; files of the same names are replaced.
    seed : int
        The same seed and options give the same pixels.
    **options
        The other fields of :class:`Mosaic`.

    Returns
    -------
    Truth
        Also written, as ``truth.json``.
    """
    mosaic = Mosaic(seed=seed, **options)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images = mosaic_images(mosaic)
    stars = mosaic_stars(mosaic, images)
    for number, image in enumerate(images):
        _write_image(folder, mosaic, number, image, stars)
    catalog = reference_catalog(
        stars, fraction=mosaic.reference_fraction, sigma=mosaic.reference_error, seed=seed
    )
    catalog.write(folder / CATALOG, format="ascii.ecsv", overwrite=True)
    write_association(folder / ASSOCIATION, [image.file_name for image in images])
    truth = Truth(folder, folder / ASSOCIATION, folder / CATALOG, images)
    truth.save(folder / TRUTH)
    return truth


def mosaic_images(mosaic: Mosaic) -> tuple[ImageTruth, ...]:
    """Lay out the exposures and draw their pointing errors; nothing is rendered.

    The pointing error moves an exposure rigidly about the middle of the detectors in use, so
    that the roll error does not also shift the field by its distance from the boresight.
    """
    v2, v3, width, height = _field(mosaic)
    centre = replace(mosaic.centre, v2=v2, v3=v3)
    offsets = _detector_offsets(mosaic)
    rows, columns = mosaic.tiles
    images: list[ImageTruth] = []
    for tile in range(rows * columns):
        row, column = divmod(tile, columns)
        along_v2 = (column - (columns - 1) / 2.0) * width * (1.0 - mosaic.overlap)
        along_v3 = (row - (rows - 1) / 2.0) * height * (1.0 - mosaic.overlap)
        for dither in range(mosaic.dithers):
            rng = np.random.default_rng((mosaic.seed, 4, tile, dither))
            d2, d3 = rng.uniform(-mosaic.dither_size, mosaic.dither_size, 2)
            looks_at = pointing_at(centre, v2 + along_v2 + d2, v3 + along_v3 + d3)
            true = replace(looks_at, v2=v2, v3=v3)
            errors = rng.standard_normal(3)
            east, north = errors[:2] * (mosaic.pointing_shift / np.sqrt(2.0))
            claimed = perturbed(true, east, north, errors[2] * mosaic.pointing_roll)
            identity = _identity(tile, dither, mosaic.detectors[0])
            images.extend(
                ImageTruth(
                    file_name=identity.file_name(name),
                    group=identity.group_id,
                    detector=name,
                    shape=mosaic.shape,
                    true=true,
                    claimed=claimed,
                    offset=offsets[name],
                    velocity_aberration=mosaic.settings.velocity_aberration,
                    aberration_centre=mosaic.aberration_centre,
                )
                for name in mosaic.detectors
            )
    return tuple(images)


def _identity(tile: int, dither: int, detector: str) -> Identity | RomanIdentity:
    """Each tile is an observation, each dither an exposure of it."""
    kind = RomanIdentity if is_roman(detector) else Identity
    return kind(observation=tile + 1, exposure=dither + 1)


def _field(mosaic: Mosaic) -> tuple[float, float, float, float]:
    """Middle (v2, v3) and extent (along V2, V3) of the detectors in use, arcsec."""
    reach = []
    for name in mosaic.detectors:
        detector = detector_named(name, mosaic.shape)
        ny, nx = (size * detector.pixel_scale / 2.0 for size in detector.shape)
        reach.append(
            (
                *(detector.v2_ref - nx, detector.v3_ref - ny),
                *(detector.v2_ref + nx, detector.v3_ref + ny),
            )
        )
    low, high = np.min(reach, axis=0)[:2], np.max(reach, axis=0)[2:]
    v2, v3 = (low + high) / 2.0
    width, height = high - low
    return float(v2), float(v3), float(width), float(height)


def _detector_offsets(mosaic: Mosaic) -> dict[str, DetectorOffset]:
    """Draw the offset of each detector, from its name and the seed alone."""
    rms = mosaic.detector_offset
    offsets = {}
    for name in mosaic.detectors:
        draw = np.random.default_rng((mosaic.seed, 5, *name.upper().encode())).standard_normal(4)
        values = draw * np.array([rms.v2, rms.v3, rms.roll, rms.scale])
        offsets[name] = DetectorOffset(*(float(value) for value in values))
    return offsets


def mosaic_stars(mosaic: Mosaic, images: tuple[ImageTruth, ...]) -> Stars:
    """Scatter stars over a circle around all images, at the density asked for."""
    corners = np.concatenate(
        [direction(*true_wcs(image).forward_transform(*_corners(image.shape))) for image in images]
    )
    centre = direction(mosaic.centre.ra, mosaic.centre.dec)
    # The stars just outside still reach into the images: 5 arcsec is more than any PSF here.
    radius = float(np.max(separation_mas(corners, centre))) / 1000.0 + 5.0
    scale = np.array([detector_named(name).pixel_scale for name in mosaic.detectors])
    area = float(np.mean(scale**2)) * mosaic.shape[0] * mosaic.shape[1]
    n = round(mosaic.stars_per_image * np.pi * radius**2 / area)
    return star_field(
        (mosaic.centre.ra, mosaic.centre.dec),
        radius,
        n,
        seed=mosaic.seed,
        flux_limits=mosaic.flux_limits,
    )


def _corners(shape: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Zero-based x and y of the four corner pixels."""
    ny, nx = shape
    return [0.0, nx - 1.0, nx - 1.0, 0.0], [0.0, 0.0, ny - 1.0, ny - 1.0]


def _write_image(
    folder: Path, mosaic: Mosaic, number: int, image: ImageTruth, stars: Stars
) -> None:
    """Render one image through its true WCS and write it with the claimed one."""
    tile, dither = divmod(number // len(mosaic.detectors), mosaic.dithers)
    detector = detector_named(image.detector, image.shape)
    wcs = true_wcs(image)
    x, y = pixel_of(wcs, stars.ra, stars.dec)
    noiseless = star_image(x, y, stars.flux, image.shape, mosaic.psf)
    seed = (mosaic.seed, 6, tile, dither, *image.detector.upper().encode())
    pixels = observe(noiseless, mosaic.noise, mosaic.defects, seed=seed)
    exposure = number // len(mosaic.detectors)
    settings = replace(
        mosaic.settings,
        exposure_time=mosaic.noise.exposure_time,
        # A tenth more than the exposure time, for the dither in between.
        start_mjd=mosaic.settings.start_mjd + exposure * 1.1 * mosaic.noise.exposure_time / 86400,
    )
    identity = _identity(tile, dither, image.detector)
    content = pixels, claimed_wcs(image), detector, image.claimed
    with schemas_remembered():  # every word of the metadata is checked
        if isinstance(identity, RomanIdentity):
            model = roman_model(*content, identity, settings)
        else:
            model = cal_model(*content, identity, settings)
        with model:
            model.save(folder / image.file_name)


def write_association(path: Path, members: list[str], product: str = "mosaic") -> None:
    """Write a level-3 imaging association of science members, as the JWST archive makes them."""
    content = {
        "asn_type": "image3",
        "asn_rule": "Asn_Lv3Image",
        "asn_pool": "none",
        "asn_id": "a3001",
        "degraded_status": "No known degraded exposures in association.",
        "version_id": None,
        "program": "00001",
        "target": "1",
        "constraints": "none",
        "code_version": "simulated",
        "products": [
            {
                "name": product,
                "members": [{"expname": name, "exptype": "science"} for name in members],
            }
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
