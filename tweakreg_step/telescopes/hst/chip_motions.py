"""Whether each solution in a file moves its chips as one body from where their distortion has them.

Solutions of the archive were made chip by chip where something went wrong; such chips are tens of
mas apart from each other, and stay so in any alignment that moves the exposure as one.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.core.sphere import directions, frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.files.open_fits import open_fits

from .headers import alternate_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io.fits import Header

    from tweakreg_step.core.arrays import FloatArray

    from .exposure import HstExposure

__all__ = ["TOLERANCE_MAS", "chips_apart"]

TOLERANCE_MAS = 10.0
"""Residual of a chip from the common motion that is told of."""

HALF = 1000.0
"""Half the side [pixels] of the square, about the reference pixel, over which motions are seen."""


def chips_apart(exposure: HstExposure) -> dict[str, float]:
    """Solutions in the file of an exposure that move its chips apart.

    Compared with the WCS of the distortion model alone are the present WCS, the alternate ones, and
    those in headerlets.

    Returns
    -------
    dict
        Largest distance [mas] of a chip's corner from the one motion that all chips share, by the
        name of the solution, where it is more than `TOLERANCE_MAS`.
    """
    headers = [exposure.header(chip.science) for chip in exposure.chips]
    models = [_model_key(header) for header in headers]
    if len(headers) < 2 or None in models:
        return {}
    before = [_corners(header, key or "") for header, key in zip(headers, models, strict=True)]
    apart = {}
    for name, after in _solutions(exposure, headers):
        missed = _missed_mas(before, after)
        if missed > TOLERANCE_MAS:
            apart[name] = missed
    return apart


def _solutions(
    exposure: HstExposure, headers: list[Header]
) -> Iterator[tuple[str, list[FloatArray]]]:
    """Name and corners by chip of each solution; not that of the first pipeline, which had none."""
    for key, name in alternate_names(headers[0]).items():
        if key != "O" and all(f"CD1_1{key.strip()}" in header for header in headers):
            yield name, [_corners(header, key.strip()) for header in headers]
    for content in exposure.headerlets():
        with open_fits(io.BytesIO(content)) as hdus:
            chips = [hdu.header for hdu in hdus if hdu.name == "SIPWCS"]
            name = str(hdus[0].header.get("WCSNAME") or "")
        if len(chips) == len(headers) and name != "OPUS":
            yield f"{name} (headerlet)", [_corners(header, "") for header in chips]


def _model_key(header: Header) -> str | None:
    """Letter of the WCS that no fit has moved, '' if the present one is it; None without one."""
    model = str(header.get("WCSNAME") or "").split("-")[0]
    names = alternate_names(header)
    keys = [key.strip() for key, name in names.items() if model and name == model]
    return next((key for key in keys if f"CD1_1{key}" in header), None)


def _missed_mas(before: list[FloatArray], after: list[FloatArray]) -> float:
    frame = frames_at(*(float(np.mean(axis)) for axis in np.concatenate(before).T))
    planes = [
        to_plane(directions(*np.concatenate(corners).T), frame) for corners in (before, after)
    ]
    return float(1000.0 * _residuals(*planes).max())


def _corners(header: Header, key: str) -> FloatArray:
    """RA and DEC (4, 2) [deg] of the corners of a square, without distortion."""
    matrix = np.array([[header[f"CD{i}_{j}{key}"] for j in (1, 2)] for i in (1, 2)], float)
    offsets = HALF * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    frame = frames_at(header[f"CRVAL1{key}"], header[f"CRVAL2{key}"])
    return np.stack(ra_dec(from_plane(3600.0 * offsets @ matrix.T, frame)), axis=-1)


def _residuals(before: FloatArray, after: FloatArray) -> Any:
    """Distances (N,) [arcsec] left by a shift, turn and scale from positions (N, 2) to others."""
    first, second = (positions @ np.array([1.0, 1.0j]) for positions in (before, after))
    design = np.stack([first, np.ones(len(first))], axis=-1)
    solution = np.linalg.lstsq(design, second, rcond=None)[0]
    return np.abs(design @ solution - second)
