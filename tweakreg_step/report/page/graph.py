"""The overlap graph: groups that share stars, pairs that nothing checks, pairs without a match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource

from tweakreg_step.core.outcome import Standing
from tweakreg_step.core.wording import counted
from tweakreg_step.report.group_outcome import standings
from tweakreg_step.report.statistics import (
    graph_layout,
    pair_sigmas,
    pairs_by_need,
    shared_matches,
    shortened,
)

from .canvas import GREY, STYLES, VERMILLION, Plot, add_hover, new_map, new_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult

__all__ = ["graph_plot"]

_NAMED = 40
"""Largest number of groups that are named on the graph; the pointer shows the names of all."""

_SIDE, _LETTER, _LINE, _LINES = 330.0, 7.2, 13.0, 3
"""Side of the map, width of a letter, height of a line [pixel], and lines below a node."""

TIED, BRIDGE, LOOSE = "tied", "bridge: nothing checks it", "overlap without a match"


def graph_plot(result: RunResult) -> Plot | None:
    """The overlap graph; None where no group has a known place on the sky."""
    places, unit, ring = graph_layout(result)
    if not np.isfinite(places).any():
        return None
    plot = _on_ring() if ring else new_map(unit, 560)
    for span in (plot.x_range, plot.y_range):
        span.range_padding = 0.3  # for the names
    kinds = _pairs(result)
    edges = [_edges(plot, result, places, kind, pairs) for kind, pairs in kinds.items() if pairs]
    nodes = _nodes(plot, result, places)
    add_hover(plot, edges, _OF_EDGES)
    add_hover(plot, nodes, _OF_NODES)
    where = "on a ring, as they point at one place" if ring else "at their places on the sky"
    caption = (
        f"Groups {where}. A line ties two groups that share matched stars: the wider, the more. "
        "Dashed: a bridge, without which the groups on its two sides would not be tied to each "
        "other; nothing checks it. Dotted: the footprints overlap, but no match ties them."
    )
    counts = {kind: len(pairs) for kind, pairs in kinds.items()}
    alt = (
        f"Graph of {counted(len(places), 'group')} with "
        f"{counted(counts[TIED] + counts[BRIDGE], 'tie')}; {counted(counts[BRIDGE], 'bridge')}; "
        f"{counted(counts[LOOSE], 'pair')} without a match."
    )
    return Plot(plot, "Overlap graph", caption, alt)


_OF_EDGES = (
    ("groups", "@name"),
    ("matches", "@matches"),
    ("sigma", "@sigma{0.00} mas"),
    ("kind", "@kind"),
)
_OF_NODES = (("group", "@name"), ("verdict", "@verdict"), ("reference stars", "@stars"))


def _on_ring() -> Any:
    plot = new_plot(("", ""), 460, match_aspect=True)
    plot.axis.visible = False
    plot.grid.visible = False
    return plot


def _pairs(result: RunResult) -> dict[str, list[tuple[int, int]]]:
    """The pairs of each kind."""
    matches = shared_matches(result)
    bridges = set() if result.solution is None else result.solution.pairs.bridges
    return {
        LOOSE: [pair for pair in pairs_by_need(result) if pair not in matches],
        TIED: [pair for pair in matches if pair not in bridges],
        BRIDGE: [pair for pair in matches if pair in bridges],
    }


def _edges(
    plot: Any, result: RunResult, places: FloatArray, kind: str, pairs: list[tuple[int, int]]
) -> Any:
    matches, sigma = shared_matches(result), pair_sigmas(result)
    known = [pair for pair in pairs if np.isfinite(places[list(pair)]).all()]
    ends = places[np.array(known, np.int64).reshape(-1, 2)]
    most = max(matches.values(), default=1)
    names = result.groups.names
    source = ColumnDataSource(
        {
            "x0": ends[:, 0, 0],
            "y0": ends[:, 0, 1],
            "x1": ends[:, 1, 0],
            "y1": ends[:, 1, 1],
            "first": [pair[0] for pair in known],
            "second": [pair[1] for pair in known],
            "name": [f"{names[a]} and {names[b]}" for a, b in known],
            "matches": [matches.get(pair, 0) for pair in known],
            "sigma": [sigma.get(pair, float("nan")) for pair in known],
            "kind": [kind] * len(known),
            "width": [1.0 + 5.0 * matches.get(pair, 0) / most for pair in known],
        }
    )
    dash = {TIED: "solid", BRIDGE: "dashed", LOOSE: "dotted"}[kind]
    return plot.segment(
        *("x0", "y0", "x1", "y1"),
        source=source,
        line_width="width",
        line_dash=dash,
        line_color=GREY if kind == TIED else VERMILLION,
        line_alpha=0.75 if len(matches) <= 400 else 0.4,
        nonselection_line_alpha=0.12,
        selection_line_color="#CC79A7",
        selection_line_alpha=1.0,
        legend_label=kind,
    )


def _nodes(plot: Any, result: RunResult, places: FloatArray) -> list[Any]:
    found = standings(result)
    size = float(np.clip(60.0 / np.sqrt(len(places)), 5.0, 16.0))
    stars = np.zeros(len(places), np.int64)
    if result.solution is not None:
        stars = result.solution.groups.reference_matches
    known = np.isfinite(places).all(axis=1)
    short, _ = shortened(result.groups.names)
    lines = _lines_of_names(places, short, int(size) + 2)
    layers = []
    for kind in STYLES:
        own = [g for g in np.flatnonzero(known).tolist() if found[g] is kind]
        if not own:
            continue
        data = {
            "x": places[own, 0],
            "y": places[own, 1],
            "group": own,
            "name": [result.groups.names[g] for g in own],
            "short": [short[g] for g in own],
            "verdict": [kind.value] * len(own),
            "stars": [int(stars[g]) for g in own],
        }
        if len(found) <= _NAMED:
            data |= {"line": [lines[g] for g in own]}
        layers.append(_marks(plot, ColumnDataSource(data), kind, size))
    plot.legend.click_policy = "hide"
    plot.add_layout(plot.legend[0], "below")
    plot.legend.orientation = "horizontal"
    return layers


def _lines_of_names(places: FloatArray, names: Sequence[str], below: int) -> list[float]:
    """How far below each node its name stands [pixel], NaN where all lines are taken."""
    known = np.isfinite(places).all(axis=1)
    extent = max(float(np.ptp(places[known], axis=0).max()), 1e-9)
    pixel = _SIDE / extent * places
    taken: list[tuple[float, float, float]] = []
    lines = [float("nan")] * len(places)
    for node in np.flatnonzero(known).tolist():
        half = 0.5 * _LETTER * len(names[node])
        for line in range(_LINES):
            x, y = pixel[node, 0], pixel[node, 1] - below - line * _LINE
            if all(abs(x - a) > half + b or abs(y - c) > 0.9 * _LINE for a, b, c in taken):
                taken.append((x, half, y))
                lines[node] = below + line * _LINE
                break
    return lines


def _marks(plot: Any, source: Any, kind: Standing, size: float) -> Any:
    """The nodes of one kind, with their names if they have room."""
    style = STYLES[kind]
    layer = plot.scatter(
        *("x", "y"),
        source=source,
        size=size if kind is Standing.ALIGNED else max(size, 10.0),
        marker=style.marker,
        color=style.colour,
        line_width=2.0,
        nonselection_alpha=0.25,
        selection_line_color="#CC79A7",
        selection_line_width=4.0,
        legend_label=kind.value,
    )
    if "line" in source.data:
        plot.text(
            *("x", "y"),
            text="short",
            source=source,
            y_offset="line",
            text_align="center",
            text_baseline="top",
            text_font_size="11px",
            text_color=GREY,
        )
    return layer
