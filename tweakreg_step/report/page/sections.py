"""The plots of the page by section, limited in number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.wording import counted
from tweakreg_step.report.sentences import motion_reason
from tweakreg_step.report.statistics import (
    REFERENCE,
    differences_of,
    groups_by_need,
    hints,
    pairs_by_need,
    residuals_of,
)

from .graph import graph_plot
from .histograms import histogram_plot
from .motions import motion_plots
from .residuals import residual_plots
from .sky import sky_plot
from .vectors import Panel, vector_plots

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Residuals

    from .canvas import Plot

__all__ = ["DETECTORS", "GROUPS", "PAIRS", "TIES", "Section", "sections_of"]

PAIRS, TIES, GROUPS, DETECTORS = 16, 8, 8, 18
"""Most plots of pairs, of groups with the reference, of groups, and of detectors.

A page of a thousand groups then has some sixty plots. A camera may have 18 detectors.
"""

CLEAN = 3
"""The same of pairs, and of groups with the reference, where nothing calls for a look."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    anchor, title
        Name that links point to, and title.
    plots
        What it shows.
    notes
        Sentences above the plots.
    left
        Sentences below them: what has no plot.
    """

    anchor: str
    title: str
    plots: list[Plot]
    notes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def sections_of(result: RunResult) -> dict[str, Section]:
    """The sections with plots, by their anchor."""
    residuals = residuals_of(result)
    made = [
        _one("sky", "On the sky", sky_plot(result), "no image has a footprint"),
        _one("ties", "Overlaps", graph_plot(result), "no group has a place on the sky"),
        _offsets(result),
        _residuals(result, residuals),
        _detectors(result, residuals),
    ]
    return {section.anchor: section for section in made}


def _one(anchor: str, title: str, plot: Plot | None, otherwise: str) -> Section:
    if plot is None:
        return Section(anchor, title, [], [_nothing(otherwise)])
    return Section(anchor, title, [plot])


def _nothing(why: str) -> str:
    return f"There is nothing to draw: {why}."


def _more(shown: int, total: int, what: str) -> list[str]:
    if total <= shown:
        return []
    return [
        f"{shown} of {total} {what} have a plot, those that need a look first; the numbers of all "
        "are in the tables here and in the report, …_tweakreg.json and …_tweakreg_matches.ecsv."
    ]


def _offsets(result: RunResult) -> Section:
    anchor, title = "offsets", "Offset histograms"
    if result.catalogs.detections is None:
        why = "the run ended before there were positions to compare"
        return Section(anchor, title, [], [_nothing(why)])
    pairs = pairs_by_need(result)
    groups = groups_by_need(result) if result.catalogs.reference is not None else []
    ties, most = (TIES, PAIRS) if hints(result) else (CLEAN, CLEAN)
    wanted = [*((REFERENCE, group) for group in groups[:ties]), *pairs[:most]]
    found = [differences_of(result, *pair) for pair in wanted]
    plots = [histogram_plot(result, item) for item in found if item is not None]
    if not plots:
        return Section(anchor, title, [], [_nothing("no two catalogs overlap")])
    left = _more(most, len(pairs), "pairs of groups")
    left += _more(ties, len(groups), "groups with the reference catalog")
    return Section(anchor, title, plots, [_HOW], left)


_HOW = (
    "All differences of positions of two catalogs through the WCS as delivered. True pairs pile up "
    "at the offset of the two, chance pairs are spread evenly. Dashed: how far the run searched. "
    "Orange square: the peak. Green cross: where the solution has it. A significant peak outside "
    "the circle asks for a larger 'searchrad' (or 'abs_searchrad' for the reference). Differences "
    "were not turned: where a roll of minutes of arc is needed, the peak is smeared out."
)


def _residuals(result: RunResult, residuals: Residuals | None) -> Section:
    anchor, title = "residuals", "Residuals"
    if residuals is None:
        why = "residuals of single stars are kept by align_method='global' alone, where it aligned"
        return Section(anchor, title, [], [_nothing(why)])
    present = set(residuals.group.tolist())
    groups = [group for group in groups_by_need(result) if group in present]
    panels = [
        Panel(
            f"Vectors: {result.groups.names[group]}",
            residuals.take(residuals.group == group),
            (group,),
            sky=True,
        )
        for group in groups[:GROUPS]
    ]
    plots = [*residual_plots(result, residuals), *vector_plots(panels)]
    return Section(anchor, title, plots, [], _more(GROUPS, len(groups), "groups"))


def _detectors(result: RunResult, residuals: Residuals | None) -> Section:
    """What moves by itself, and the residuals of each detector over all its exposures."""
    anchor, title = "detectors", "Detectors, visits, field"
    if result.solution is None or residuals is None:
        return Section(
            anchor, title, [], [_nothing("detectors move by align_method='global' alone")]
        )
    name = np.array([detector or "unknown detector" for detector in result.images.detectors])
    own = name[residuals.image]
    names = sorted(set(own.tolist()))
    panels = [Panel(detector, residuals.take(own == detector)) for detector in names[:DETECTORS]]
    plots = vector_plots(panels)
    notes = [motion_reason(result.solution.motion)]
    if plots:
        notes.append(
            f"Residuals on {counted(len(names), 'detector')}, of all exposures, along the "
            "detectors' axes; all panels have one scale."
        )
    left = _more(DETECTORS, len(names), "detectors")
    return Section(anchor, title, [*motion_plots(result), *plots], notes, left)
