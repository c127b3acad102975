"""Mosaics of simulated exposures, as the pipeline resamples them: with their pointing error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy import coordinates, units
from astropy.modeling.models import (
    AffineTransformation2D,
    Pix2Sky_TAN,
    RotateNative2Celestial,
    Shift,
)
from astropy.table import Table
from gwcs import WCS, coordinate_frames
from scipy.ndimage import map_coordinates
from stdatamodels.jwst import datamodels

from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.simulate import ImageTruth, Noise, Psf, Truth, observe, pixel_of, true_wcs
from tweakreg_step.simulate.render import NO_DEFECTS, star_image
from tweakreg_step.telescopes.wcs.v2v3corr import affine_between

SIZE = 560
SCALE = 0.063  # arcsec


def tan_wcs(centre: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> WCS:
    """A tangential projection; matrix and shift [arcsec] are applied in its plane."""
    middle = 0.5 * (SIZE - 1)
    scale = AffineTransformation2D(matrix @ (SCALE / 3600.0 * np.diag([-1.0, 1.0])), shift / 3600.0)
    transform = (Shift(-middle) & Shift(-middle)) | scale
    transform = transform | Pix2Sky_TAN() | RotateNative2Celestial(*centre, 180.0)
    detector = coordinate_frames.Frame2D(
        name="detector", axes_order=(0, 1), unit=(units.pix, units.pix)
    )
    world = coordinate_frames.CelestialFrame(
        name="world", reference_frame=coordinates.ICRS(), unit=(units.deg, units.deg)
    )
    wcs = WCS([(detector, transform), (world, None)])
    wcs.bounding_box = ((-0.5, SIZE - 0.5), (-0.5, SIZE - 0.5))
    return wcs


def make_mosaic(truth: Truth, image: ImageTruth, path: Path, *, listed: bool) -> WCS:
    """Write the mosaic of one exposure, and return its true WCS.

    `listed` says whether it names the exposure in its table of inputs.
    """
    with datamodels.open(truth.folder / image.file_name) as exposure:
        claimed = exposure.meta.wcs
        x, y = np.meshgrid(np.linspace(0, 511, 5), np.linspace(0, 511, 5))
        there = np.array(true_wcs(image).forward_transform(x.ravel(), y.ravel()))
        here = np.array(claimed.forward_transform(x.ravel(), y.ravel()))
        centre = there[:, 12]
        planes = [to_plane(directions(*places), frames_at(*centre)) for places in (there, here)]
        right = tan_wcs(centre, np.eye(2), np.zeros(2))
        wrong = tan_wcs(centre, *affine_between(*planes))
        stars = Table.read(truth.catalog)
        flux = np.geomspace(2000.0, 50.0, len(stars))
        pixels = pixel_of(right, np.array(stars["RA"]), np.array(stars["DEC"]))
        data = star_image(*pixels, flux, (SIZE, SIZE), Psf())
        drawn = observe(data, Noise(), NO_DEFECTS, seed=(1, 2))
        save(exposure, (drawn.data, drawn.err, wrong), [image.file_name] if listed else [], path)
    return right


def combine(exposures: list[Any], path: Path, *, listed: bool) -> None:
    """Write the mean of exposures with their present WCS, resampled to one tangent plane."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    middle = np.array(exposures[0].meta.wcs.forward_transform(255.5, 255.5))
    wcs = tan_wcs(middle, np.eye(2), np.zeros(2))
    sky = wcs.forward_transform(x, y)
    total, variance, count = np.zeros((3, SIZE, SIZE))
    for model in exposures:
        place = model.meta.wcs.backward_transform(*sky)[::-1]
        inside = np.all([(axis > 1.0) & (axis < 510.0) for axis in place], axis=0)
        data, error = (np.nan_to_num(np.asarray(a, float)) for a in (model.data, model.err))
        total += np.where(inside, map_coordinates(data, place, mode="nearest"), 0.0)
        variance += np.where(inside, map_coordinates(error, place, order=1) ** 2, 0.0)
        count += inside
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (total / count).astype("f4"), (np.sqrt(variance) / count).astype("f4")
    names = [model.meta.filename for model in exposures] if listed else []
    save(exposures[0], (*drawn, wcs), names, path)


def save(exposure: Any, drawn: tuple[Any, Any, WCS], names: list[str], path: Path) -> None:
    """Write data, errors and WCS as a mosaic that lists its exposures."""
    model = datamodels.ImageModel(data=drawn[0], err=drawn[1])
    model.update(exposure)
    model.meta.wcs = drawn[2]
    model.meta.filename = path.name
    model.meta.instrument.detector = "MULTIPLE"
    for name in ("v2_ref", "v3_ref", "roll_ref"):
        setattr(model.meta.wcsinfo, name, None)
    if names:
        table = Table({"FILENAME": names})
        model.hdrtab = np.array(table.as_array(), dtype=[("FILENAME", "S60")])
    model.save(path)
