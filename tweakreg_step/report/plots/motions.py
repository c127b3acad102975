"""Picture of the detectors' own motions, with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.report.sentences import motion_reason
from tweakreg_step.report.statistics import unit_motions, unit_names

from .canvas import BLACK, BLUE, VERMILLION, Drawing, new_figure, styled

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult


__all__ = ["draw_motions"]


@styled
def draw_motions(result: RunResult) -> Drawing | None:
    """Shift, roll and scale of each detector; None where no detector moves by itself."""
    solution, detections = result.solution, result.catalogs.detections
    if solution is None or detections is None or solution.motion.geometry == "none":
        return None
    names = unit_names(result, detections, len(solution.units.shift))
    value, sigma, labels = unit_motions(solution)
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
    reason = motion_reason(solution.motion)
    caption = (
        f"{reason} Each detector's motion in its own V2-V3 frame, shared by all "
        "exposures, on top of the exposure's; bars are one standard deviation."
    )
    size = np.hypot(value[:, 0], value[:, 1])
    alt = (
        f"Motions of {len(names)} detectors, shifts of {size.min():.2f} to {size.max():.2f} mas. "
        f"{reason}"
    )
    return Drawing(figure, "Detector motions", caption, alt, dense=False)
