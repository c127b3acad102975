"""A reference image that is not among the input: its sources, with their errors, are the stars."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units
from astropy.table import Table

from tweakreg_step.catalogs import alignable
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.exposures import Reader, Refusal, exposure_of
from tweakreg_step.parameters import Parameters
from tweakreg_step.telescopes.choose_mission import open_exposure, telescope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import Sources
    from tweakreg_step.sources.regions import Exclusions
    from tweakreg_step.telescopes import OpenImage

__all__ = ["stars_of_image"]

log = logging.getLogger(__name__)


def stars_of_image(
    path: Path, parameters: Mapping[str, Any], exclusions: Mapping[str, Exclusions] | None = None
) -> Table:
    """The sources of an image as a reference catalog; its file is not changed.

    Parameters
    ----------
    path
        The image, of any mission.
    parameters
        Parameters of the step for finding sources.
    exclusions
        The user's regions for it, by file.

    Returns
    -------
    Table
        RA, DEC [deg], ra_error, dec_error [mas], flux; and ref_epoch [yr] where it is known.

    Raises
    ------
    InputError
        If it can't be used, or has no source.
    """
    options = Parameters.of(SimpleNamespace(**parameters))
    reader = Reader(options, {}, dict(exclusions or {}), Path(), {}, {})
    with open_exposure(path) as model:
        read = exposure_of(model, path.name, reader, reset=False)
        if isinstance(read, Refusal):
            raise read.to_raise()
        images = telescope_of(model).images(model)
        tables = [
            _on_the_sky(image, alignable(one.catalog.sources), one.view.epoch)
            for image, one in zip(images, read.images, strict=True)
        ]
    rows = [row for table in tables for row in zip(*table, strict=True)]
    if not rows:
        raise InputError(
            f"The reference image '{path}' has no source, but at least one is needed. Lower "
            "'threshold' in 'refimagefindcfg', or give another image."
        )
    names = ("RA", "DEC", "ra_error", "dec_error", "flux", "ref_epoch")
    table = Table(rows=rows, names=names, meta={"name": path.name})
    table["ra_error"].unit = table["dec_error"].unit = units.mas
    if not np.isfinite(table["ref_epoch"]).all():
        table.remove_column("ref_epoch")
    log.info("%s: %d sources of the reference image are the reference.", path.name, len(table))
    return table


def _on_the_sky(image: OpenImage, sources: Sources, epoch: float | None) -> tuple[FloatArray, ...]:
    """The columns of the catalog."""
    x, y = sources.x, sources.y
    ra, dec = image.to_sky(x, y)
    right, up = image.to_sky(x + 1.0, y), image.to_sky(x, y + 1.0)
    steps = [_step(ra, dec, *other) for other in (right, up)]
    errors = [
        1e3 * np.hypot(steps[0][axis] * sources.x_err, steps[1][axis] * sources.y_err)
        for axis in (0, 1)
    ]
    year = np.full(len(x), np.nan if epoch is None else epoch)
    return ra, dec, *errors, sources.flux, year


def _step(
    ra: FloatArray, dec: FloatArray, other_ra: FloatArray, other_dec: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """From one position to another one near it, east and north [arcsec]."""
    east = ((other_ra - ra + 180.0) % 360.0 - 180.0) * np.cos(np.deg2rad(dec))
    return 3600.0 * east, 3600.0 * (other_dec - dec)
