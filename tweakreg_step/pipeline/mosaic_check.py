"""Whether the stars of a mosaic are as sharp as those of the images that it was made of.

Exposures that are off from each other broaden the stars of their mosaic: the second moments of a
mean image are the mean of those of its images, and the covariance of their positions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.sources import Pixels
from tweakreg_step.files.open_fits import open_fits
from tweakreg_step.parameters import FinderParameters, SegmentationParameters
from tweakreg_step.sources import excluded
from tweakreg_step.sources.detect import find_sources
from tweakreg_step.sources.psf import FWHM_OF_SIGMA
from tweakreg_step.sources.shapes import ellipticity, fwhm_of, moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.sources.detect import Finding

__all__ = ["check_mosaic"]

LEAST_STARS = 5
"""Stars of a cell whose mean is told."""

FINDER = FinderParameters(brightest=1000, snr_threshold=20.0)
"""Faint stars say nothing of widths."""


@dataclass(frozen=True, slots=True)
class _Image:
    """Data (ny, nx), NaN where there are none, and the WCS of a resampled image."""

    data: Any
    wcs: WCS


def check_mosaic(
    mosaic: str | Path, singles: Sequence[str | Path], cells: tuple[int, int] = (2, 2)
) -> Table:
    """Compare the stars of a mosaic with those of the images that it was made of.

    Parameters
    ----------
    mosaic
        A mosaic in FITS: ``*_drz``, ``*_drc``, ``*_i2d``.
    singles
        Its exposures, each resampled alone and without another alignment: ``*_single_sci`` of
        AstroDrizzle, ``*_outlier_i2d`` of outlier detection.
    cells
        Rows and columns of the field for which the result is given.

    Returns
    -------
    astropy.table.Table
        A line for the whole field (row and column -1) and for each cell: ``row``, ``column``,
        ``stars``; medians of ``fwhm`` and ``fwhm_singles`` [mas], ``ellipticity`` and
        ``ellipticity_singles``; ``spread``, the rms displacement per axis of exposures from each
        other that broadens the mosaic's stars as observed, with its error ``spread_error`` [mas];
        ``significance``, of the broadening, in standard deviations.

    Raises
    ------
    InputError
        If there are no single images, or too few stars.
    """
    if not singles:
        raise InputError(
            f"'{mosaic}' can be compared with nothing: no single images are given, but the images "
            "that it was made of are needed. AstroDrizzle leaves them with clean=False."
        )
    image = _read(Path(mosaic))
    found = _stars(image, str(mosaic))
    sigma = found.fwhm / FWHM_OF_SIGMA
    x, y = found.sources.x, found.sources.y
    whole = moments(image.data, x, y, sigma)
    parts = np.stack([_moments_at(_read(Path(s)), image, (x, y), sigma) for s in singles])
    scale = 3.6e6 * np.sqrt(abs(np.linalg.det(image.wcs.pixel_scale_matrix)))
    seen = np.isfinite(whole).all((1, 2)) & np.isfinite(parts).all((2, 3)).any(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of stars that no image has whole
        mean = np.nanmean(parts, axis=0)
    if seen.sum() < LEAST_STARS:
        raise InputError(
            f"'{mosaic}' has {seen.sum()} stars that its single images have as well, {LEAST_STARS} "
            "are needed. Give the images that it was made of."
        )
    labels = _cells(x, y, image.data.shape, cells)
    rows = [_row((-1, -1), whole[seen], mean[seen], scale)]
    for number in range(cells[0] * cells[1]):
        inside = seen & (labels == number)
        if inside.sum() >= LEAST_STARS:
            rows.append(_row(divmod(number, cells[1]), whole[inside], mean[inside], scale))
    return Table(rows=rows)


def _read(path: Path) -> _Image:
    try:
        with warnings.catch_warnings(), open_fits(path) as hdus:
            warnings.simplefilter("ignore", FITSFixedWarning)
            names = [hdu.name for hdu in hdus]
            hdu = hdus["SCI"] if "SCI" in names else hdus[0]
            data = np.array(hdu.data, float)
            weights = hdus["WHT"].data if "WHT" in names else data  # no exposure: zero
            wcs = WCS(hdu.header).celestial
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"'{path}' can't be read: {error}. It must be a resampled image in FITS."
        ) from error
    return _Image(np.where(np.asarray(weights) == 0, np.nan, data), wcs)


def _stars(image: _Image, name: str) -> Finding:
    """The undisturbed stars of an image."""
    bad = ~np.isfinite(image.data)
    pixels = Pixels(np.where(bad, 0.0, image.data), np.full(image.data.shape, np.nan), bad)
    found = find_sources(pixels, "sep", FINDER, SegmentationParameters())
    flags = found.sources.flags
    good = np.ones(len(found.sources), bool) if flags is None else (flags == 0) & ~excluded(flags)
    if good.sum() < LEAST_STARS:
        raise InputError(
            f"'{name}' has {good.sum()} undisturbed stars, {LEAST_STARS} are needed to compare "
            "their widths."
        )
    return replace(found, sources=found.sources[good])


def _moments_at(
    single: _Image, mosaic: _Image, pixels: tuple[FloatArray, FloatArray], sigma: float
) -> FloatArray:
    """Moments (N, 2, 2) in a single image of the stars at pixels of the mosaic, in its pixels^2."""
    x, y = single.wcs.all_world2pix(*mosaic.wcs.all_pix2world(*pixels, 0), 0)
    turn = np.linalg.inv(mosaic.wcs.pixel_scale_matrix) @ single.wcs.pixel_scale_matrix
    size = float(np.sqrt(abs(np.linalg.det(turn))))
    found = moments(single.data, x, y, sigma / size)
    return np.asarray(turn @ found @ turn.T)


def _cells(
    x: FloatArray, y: FloatArray, shape: tuple[int, int], cells: tuple[int, int]
) -> FloatArray:
    row, column = (
        np.clip((position + 0.5) * count // size, 0, count - 1)
        for position, count, size in zip((y, x), cells, shape, strict=True)
    )
    return np.asarray(row * cells[1] + column)


def _row(
    cell: tuple[int, int], whole: FloatArray, mean: FloatArray, scale: float
) -> dict[str, Any]:
    """A line of the result, of moments (N, 2, 2) [pixels^2] and a pixel of `scale` [mas]."""
    excess = scale**2 * np.trace(whole - mean, axis1=1, axis2=2) / 2.0
    middle = float(np.median(excess))
    error = 1.2533 * 1.4826 * float(np.median(np.abs(excess - middle))) / np.sqrt(len(excess))
    spread = float(np.sqrt(max(middle, 0.0)))
    return {
        "row": cell[0],
        "column": cell[1],
        "stars": len(excess),
        "fwhm": float(scale * np.median(fwhm_of(whole))),
        "fwhm_singles": float(scale * np.median(fwhm_of(mean))),
        "ellipticity": float(np.median(ellipticity(whole))),
        "ellipticity_singles": float(np.median(ellipticity(mean))),
        "spread": spread,
        "spread_error": float(error / (2.0 * max(spread, np.sqrt(error)))),
        "significance": middle / error,
    }
