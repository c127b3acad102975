"""A mosaic of one simulated exposure, as the pipeline resamples it: with its pointing error."""

from __future__ import annotations

from pathlib import Path

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
        model = datamodels.ImageModel(data=drawn.data, err=drawn.err)
        model.update(exposure)
        model.meta.wcs = wrong
        model.meta.filename = path.name
        model.meta.instrument.detector = "MULTIPLE"
        for name in ("v2_ref", "v3_ref", "roll_ref"):
            setattr(model.meta.wcsinfo, name, None)
        if listed:
            table = Table({"FILENAME": [image.file_name]})
            model.hdrtab = np.array(table.as_array(), dtype=[("FILENAME", "S60")])
        model.save(path)
    return right
