"""Images around the worst residuals and around the brightest stars, sources circled."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tweakreg_step.report.statistics import chosen_stars, magnitudes

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import IntArray
    from tweakreg_step.report.result import Cutout, RunResult

__all__ = ["Stamp", "stamps_of"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A cut-out as the page shows it.

    Attributes
    ----------
    image
        The pixels as PNG, in base64.
    side
        Pixels on a side.
    circles
        Column, row (downwards) and kind of each source on it: 'used', 'rejected' or 'alone'; the
        one in the middle is the first.
    caption
        What it is of.
    group
        Index of its group.
    """

    image: str
    side: int
    circles: list[tuple[float, float, str]]
    caption: str
    group: int


def stamps_of(result: RunResult) -> list[tuple[str, list[Stamp]]]:
    """Cut-outs of the largest residuals and of the brightest stars, with their titles."""
    known = {one.detection: one for one in result.cutouts}
    worst, brightest = chosen_stars(result)
    kinds = (("The largest residuals", worst), ("The brightest stars", brightest))
    made = [(title, _stamps(result, known, own)) for title, own in kinds]
    return [(title, stamps) for title, stamps in made if stamps]


def _stamps(result: RunResult, known: dict[int, Cutout], own: IntArray) -> list[Stamp]:
    return [_stamp(result, known[one]) for one in own.tolist() if one in known]


def _stamp(result: RunResult, cutout: Cutout) -> Stamp:
    side = len(cutout.pixels)
    detections = result.catalogs.detections
    group = 0 if detections is None else int(detections.group[cutout.detection])
    # the first row of the image is at the bottom
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(255 - cutout.pixels[::-1])).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Stamp(data, side, _circles(result, cutout), _caption(result, cutout.detection), group)


def _circles(result: RunResult, cutout: Cutout) -> list[tuple[float, float, str]]:
    detections, side = result.catalogs.detections, len(cutout.pixels)
    if detections is None:
        return []
    x = result.catalogs.x - cutout.column + 0.5
    y = side - (result.catalogs.y - cutout.row + 0.5)
    near = detections.image == detections.image[cutout.detection]
    near &= (x > 0.0) & (x < side) & (y > 0.0) & (y < side)
    others = [i for i in np.flatnonzero(near).tolist() if i != cutout.detection]
    every = [cutout.detection, *others]
    return [(round(float(x[i]), 2), round(float(y[i]), 2), _kind(result, i)) for i in every]


def _kind(result: RunResult, detection: int) -> str:
    solution = result.solution
    if solution is None or solution.detections.source[detection] < 0:
        return "alone"
    return "used" if solution.detections.used[detection] else "rejected"


def _caption(result: RunResult, detection: int) -> str:
    detections, solution = result.catalogs.detections, result.solution
    words = []
    if detections is not None:
        words.append(result.images.names[int(detections.image[detection])])
        magnitude = float(magnitudes(detections.flux[[detection]])[0])
        words.append(f"({result.catalogs.x[detection]:.1f}, {result.catalogs.y[detection]:.1f})")
        if np.isfinite(magnitude):
            words.append(f"mag {magnitude:.2f}")
    if solution is not None and solution.detections.source[detection] >= 0:
        size = 1000.0 * float(np.hypot(*solution.detections.residual[detection]))
        words.append(f"residual {size:.1f} mas")
    return ", ".join(words)
