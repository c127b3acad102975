"""Plots of what moves: detectors, exposures within their visit, and the field between epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import ColumnDataSource, Span

from tweakreg_step.core.wording import counted
from tweakreg_step.report.sentences import motion_reason
from tweakreg_step.report.statistics import unit_motions, unit_names

from .canvas import BLUE_IN_BOTH, GREY, VERMILLION, Plot, add_cross, add_hover, new_plot, new_square

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult

__all__ = ["motion_plots"]


def motion_plots(result: RunResult) -> list[Plot]:
    """The plots of detectors, visits and the field, as far as these move.

    Parameters
    ----------
    result
        Result of the run.
    """
    return [*_detectors(result), *_visits(result), *_field(result)]


def _detectors(result: RunResult) -> list[Plot]:
    """A plot for each parameter of the detectors' motions."""
    solution, detections = result.solution, result.catalogs.detections
    if solution is None or detections is None or solution.motion.geometry == "none":
        return []
    values, sigmas, labels = unit_motions(solution)
    names = list(dict.fromkeys(unit_names(result, detections, len(values))))
    # one detector may have a unit in each visit and filter: each keeps a line of its own
    rows = names if len(names) == len(values) else [f"{i + 1}" for i in range(len(values))]
    out = []
    for column, label in enumerate(labels):
        low, high = values[:, column] - sigmas[:, column], values[:, column] + sigmas[:, column]
        data = {"row": rows, "value": values[:, column], "low": low, "high": high}
        height = 110 + 24 * len(rows)
        plot = new_plot((label, ""), height, y_range=rows[::-1])
        source = ColumnDataSource(data)
        plot.segment("low", "row", "high", "row", source=source, line_color=BLUE_IN_BOTH)
        dots = plot.scatter("value", "row", source=source, color=BLUE_IN_BOTH, size=8)
        plot.add_layout(Span(location=0.0, dimension="height", line_color=GREY))
        add_hover(plot, [dots], (("detector", "@row"), (label, "@value{+0.00}")))
        caption = (
            f"Of {counted(len(rows), 'detector')} in their own V2-V3 frames, on top of the "
            "exposures' motions; bars are one standard deviation."
        )
        alt = f"{label} of each detector. {motion_reason(solution.motion)}"
        out.append(Plot(plot, f"Detectors: {label.partition(' [')[0]}", caption, alt))
    return out


def _visits(result: RunResult) -> list[Plot]:
    """How far each exposure is from the others of its visit."""
    if result.solution is None:
        return []
    levels = result.solution.levels
    apart = levels.apart_mas
    if not np.any(apart):
        return []
    own = np.flatnonzero(np.isfinite(apart).all(axis=1))
    half = 1.2 * float(np.abs(apart[own]).max())
    plot = new_square(("← east [mas]", "north [mas] →"), half)
    source = ColumnDataSource(
        {
            "x": apart[own, 0],
            "y": apart[own, 1],
            "group": own,
            "name": [result.groups.names[g] for g in own],
            "roll": levels.apart_roll[own],
            "colour": [VERMILLION if levels.left[g] else BLUE_IN_BOTH for g in own],
        }
    )
    dots = plot.scatter("x", "y", source=source, color="colour", size=8, nonselection_alpha=0.2)
    rows = (("group", "@name"), ("apart", "@x{+0.0}, @y{+0.0} mas"), ("roll", '@roll{+0.00}"'))
    add_hover(plot, [dots], rows)
    add_cross(plot)
    count = int(levels.left.sum())
    caption = (
        "How far each exposure is from where its visit is. "
        f"{count or 'None'} of them left the visit{' (red)' if count else ''}."
    )
    return [Plot(plot, "Exposures within their visits", caption, caption)]


def _field(result: RunResult) -> list[Plot]:
    """The mean motion of the sources without a known one."""
    field = None if result.solution is None else result.solution.levels.field
    if field is None:
        return []
    mean, sigma = np.asarray(field.mean_mas, float), np.asarray(field.sigma_mas, float)
    half = 1.3 * max(float(np.abs(mean).max() + sigma.max()), field.scatter_mas, 1e-3)
    plot = new_square(("← east [mas/yr]", "north [mas/yr] →"), half)
    turn = np.linspace(0.0, 2.0 * np.pi, 121)
    for size, dash in ((sigma, "solid"), (np.full(2, field.scatter_mas), "dotted")):
        x, y = mean[0] + size[0] * np.cos(turn), mean[1] + size[1] * np.sin(turn)
        plot.line(x, y, line_color=BLUE_IN_BOTH, line_dash=dash, line_width=2)
    plot.segment([0.0], [0.0], [mean[0]], [mean[1]], line_color=VERMILLION, line_width=2)
    plot.scatter([mean[0]], [mean[1]], color=VERMILLION, size=8)
    add_cross(plot)
    how = "" if field.told else " It is not known: too few reference stars of known motion tell it."
    caption = (
        f"Mean motion of the sources between the epochs, {mean[0]:+.2f} east and {mean[1]:+.2f} "
        f"north; solid: its error; dotted: the sources' scatter, {field.scatter_mas:.2f} "
        f"mas/yr.{how}"
    )
    return [Plot(plot, "Motion of the field", caption, caption)]
