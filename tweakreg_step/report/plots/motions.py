"""The detectors' own motions, with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import ARCSEC

from .canvas import BLACK, BLUE, VERMILLION, Drawing, new_figure, styled

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult


__all__ = ["draw_motions"]


@styled
def draw_motions(result: RunResult) -> Drawing | None:
    """Shift, roll and scale of each detector; None where no detector moves by itself."""
    solution, detections = result.solution, result.detections
    if solution is None or detections is None or solution.motion.geometry == "none":
        return None
    names = _names(result, detections, len(solution.units.shift))
    value, sigma, labels = _columns(solution)
    figure = new_figure(2.6 * len(labels) + 1.4, 1.6 + 0.32 * len(names))
    panels = np.atleast_1d(figure.subplots(1, len(labels), sharey=True))
    rows = np.arange(len(names))
    for column, (axes, label) in enumerate(zip(panels, labels, strict=True)):
        colour, marker = (BLUE, "o") if column % 2 == 0 else (VERMILLION, "s")
        axes.errorbar(
            value[:, column],
            rows,
            xerr=sigma[:, column],
            fmt=marker,
            color=colour,
            capsize=3,
            markersize=5,
        )
        axes.axvline(0.0, color=BLACK, linewidth=0.8)
        axes.set_xlabel(label)
    panels[0].set_yticks(rows, names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    caption = (
        f"{solution.motion.reason} Each detector's motion in its own V2-V3 frame, shared by all "
        "exposures, on top of the exposure's; bars are one standard deviation."
    )
    size = np.hypot(value[:, 0], value[:, 1])
    alt = (
        f"Motions of {len(names)} detectors, shifts of {size.min():.2f} to {size.max():.2f} mas. "
        f"{solution.motion.reason}"
    )
    return Drawing(figure, "Detector motions", caption, alt, dense=False)


def _columns(solution: Solution) -> tuple[FloatArray, FloatArray, list[str]]:
    """Values and errors (U, q), and what they are, with units."""
    width = solution.units.covariance.shape[1]
    theta = parameters_of("rscale", solution.units.matrix, solution.units.shift)[:, :width]
    variance = np.diagonal(solution.units.covariance, axis1=1, axis2=2)
    factor = np.array([1000.0, 1000.0, ARCSEC, 1e6])[: theta.shape[1]]
    labels = ["shift in V2 [mas]", "shift in V3 [mas]", "roll [arcsec]", "scale [ppm]"]
    sigma = np.sqrt(np.maximum(variance, 0.0))[:, : theta.shape[1]]
    return theta * factor, sigma * factor, labels[: theta.shape[1]]


def _names(result: RunResult, detections: Detections, count: int) -> list[str]:
    """The detector and filter of each unit, by the first of its detections."""
    names = []
    for unit in range(count):
        own = np.flatnonzero(detections.unit == unit)
        name = result.detectors[detections.image[own[0]]] if len(own) else ""
        names.append(name or f"detector {unit + 1}")
    return names
