"""Cut the images around the detections that the page shows: the worst and the brightest."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.report import Cutout
from tweakreg_step.report.statistics import chosen_stars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.exposures import Member
    from tweakreg_step.report import RunResult

__all__ = ["with_cutouts"]

log = logging.getLogger(__name__)

_HALF = 20
"""Pixels on each side of the one in the middle."""


def with_cutouts(result: RunResult, library: Any, members: Sequence[Member]) -> RunResult:
    """A result with the cut-outs of the detections that the page shows.

    Parameters
    ----------
    result
        Result of the run.
    library
        The exposures; each of those that are shown is opened once more.
    members
        The usable ones of them.
    """
    wanted: dict[int, list[int]] = {}
    if result.catalogs.detections is not None:
        image = result.catalogs.detections.image
        for detection in np.unique(np.concatenate(chosen_stars(result))).tolist():
            wanted.setdefault(int(image[detection]), []).append(detection)
    made: list[Cutout] = []
    with library:
        for member in members:
            if not set(member.images) & set(wanted):
                continue
            try:
                made += _of_member(result, library, member, wanted)
            except Exception as error:  # noqa: BLE001 - of whatever file: the page goes without it
                log.warning("No cut-outs of %s: %s", member.name, error)
    return replace(result, cutouts=tuple(made))


def _of_member(
    result: RunResult, library: Any, member: Member, wanted: dict[int, list[int]]
) -> Iterator[Cutout]:
    model = library.borrow(member.index)
    try:
        for number, image in zip(member.images, member.telescope.images(model), strict=True):
            if number in wanted:
                data = np.asarray(image.pixels().data, float)
                for detection in wanted[number]:
                    x, y = result.catalogs.x[detection], result.catalogs.y[detection]
                    yield _cut(data, detection, float(x), float(y))
    finally:
        library.shelve(model, member.index, modify=False)


def _cut(data: FloatArray, detection: int, x: float, y: float) -> Cutout:
    """The pixels around a position, those outside the image NaN, as shades of grey."""
    column, row = round(x) - _HALF, round(y) - _HALF
    side = 2 * _HALF + 1
    out = np.full((side, side), np.nan)
    low_y, high_y = max(row, 0), min(row + side, data.shape[0])
    low_x, high_x = max(column, 0), min(column + side, data.shape[1])
    if low_y < high_y and low_x < high_x:
        inside = data[low_y:high_y, low_x:high_x]
        out[low_y - row : high_y - row, low_x - column : high_x - column] = inside
    return Cutout(detection, column, row, _grey(out))


def _grey(data: FloatArray) -> NDArray[np.uint8]:
    """Shades 1 to 255 on a scale of asinh, which shows faint wings and bright cores; 0 for NaN."""
    good = np.isfinite(data)
    if not good.any():
        return np.zeros(data.shape, np.uint8)
    sky = float(np.median(data[good]))
    noise = 1.4826 * float(np.median(np.abs(data[good] - sky))) or 1.0
    shade = np.arcsinh(np.where(good, data - sky, 0.0) / (2.0 * noise))
    low, high = float(np.arcsinh(-1.5)), max(float(shade[good].max()), 1.0)
    scaled = 1.0 + 254.0 * np.clip((shade - low) / (high - low), 0.0, 1.0)
    return np.where(good, scaled, 0.0).astype(np.uint8)
