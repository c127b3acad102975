"""Two epochs of four detectors whose WCS has the pipeline's convention of velocity aberration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from astropy.table import Table
from tweakwcs.correctors import JWSTWCSCorrector

from tweakreg_step import relative_align
from tweakreg_step.core.sphere import directions
from tweakreg_step.simulate import claimed_wcs, nircam, pixel_of, pointing_at, true_wcs
from tweakreg_step.simulate.mosaic import Mosaic, mosaic_images, mosaic_stars

DETECTORS = "NRCA1", "NRCA4", "NRCB1", "NRCB4"
COMMON = 0.0, -490.0  # V2, V3 [arcsec]


def _correctors(seed: int, aberration: float) -> tuple[list, list]:
    """Two dithers of each of two visits, at factors of 1 -+ `aberration`, and their truth."""
    mosaic = Mosaic(
        seed=seed,
        tiles=(1, 1),
        dithers=4,
        detectors=DETECTORS,
        stars_per_image=60.0,
        aberration_centre=COMMON,
    )
    images = [
        replace(
            image,
            velocity_aberration=1.0 + (aberration if number >= 2 * len(DETECTORS) else -aberration),
            group=image.group.replace("001001001_", "001001002_")
            if number >= 2 * len(DETECTORS)
            else image.group,
        )
        for number, image in enumerate(mosaic_images(mosaic))
    ]
    sky, rng = mosaic_stars(mosaic, tuple(images)), np.random.default_rng(seed)
    return [_corrector(image, sky, rng) for image in images], images


def _corrector(image, sky, rng: np.random.Generator) -> JWSTWCSCorrector:
    x, y = pixel_of(true_wcs(image), sky.ra, sky.dec)
    seen = (x > 0) & (x < 2047) & (y > 0) & (y < 2047)
    noise = rng.normal(0.0, 0.03, (2, int(seen.sum())))
    detector = nircam(image.detector, image.shape)
    angles = {
        "v2_ref": detector.v2_ref,
        "v3_ref": detector.v3_ref,
        "roll_ref": pointing_at(image.claimed, detector.v2_ref, detector.v3_ref).roll,
    }
    meta = {
        "catalog": Table({"x": x[seen] + noise[0], "y": y[seen] + noise[1]}),
        "name": image.file_name,
        "group_id": image.group,
        "detector": image.detector,
    }
    return JWSTWCSCorrector(claimed_wcs(image), angles, meta=meta)


def test_epochs_of_different_aberration_agree() -> None:
    """26 mas between the modules, without a placement or detectors told apart by visit."""
    correctors, images = _correctors(1, 1e-4)
    aligned = relative_align(correctors)
    found, true = [], []
    for corrector, image in zip(aligned, images, strict=True):
        found.append(directions(*corrector.wcs.forward_transform(1023.5, 1023.5)))
        true.append(directions(*true_wcs(image).forward_transform(1023.5, 1023.5)))
    apart = 2.0626e8 * (np.reshape(found, (2, 2, -1, 3)) - np.reshape(true, (2, 2, -1, 3)))
    between = apart[1].mean(axis=0) - apart[0].mean(axis=0)
    between -= between.mean(axis=0)
    assert np.linalg.norm(between, axis=1).max() < 0.7
