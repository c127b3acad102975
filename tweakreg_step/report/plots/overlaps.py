"""Picture of the overlap graph: pairs of groups that share sources, and bridges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from tweakreg_step.core.outcome import Standing
from tweakreg_step.report.group_outcome import standings
from tweakreg_step.report.statistics import graph_layout, pairs_by_need, shared_matches

from .canvas import BLACK, GREY, STYLES, VERMILLION, Drawing, map_axes, new_figure, styled
from .footprints import label_groups, map_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult


__all__ = ["draw_overlaps"]

_RINGS = 100
"""Largest number of groups with rings around their nodes."""

_NUMBERS = 40
"""Largest number of edges with their numbers of matches."""

_PARTS = (0.5, 0.4, 0.6, 0.3, 0.7)
"""Where along a line its number may stand."""

_LETTER, _LINE, _NODE = 0.013, 0.024, 0.02
"""Width of a letter, height of a line, and radius of a node in parts of the map's height."""


@styled
def draw_overlaps(result: RunResult) -> Drawing | None:
    """The overlap graph; None where no group has a known position on the sky."""
    places, unit, ring = graph_layout(result)
    if not np.isfinite(places).any():
        return None
    matches = shared_matches(result)
    bridges = _bridges(result)
    figure = new_figure(6.6, 6.4)
    axes = figure.subplots()
    loose = [pair for pair in pairs_by_need(result) if pair not in matches]
    _unmatched_edges(axes, places, loose)
    _edges(axes, places, matches, bridges)
    _nodes(axes, result, places)
    if ring:
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.margins(0.12)
    else:
        low, high = map_limits(places[np.isfinite(places).all(axis=1)])
        margin = 0.1 * (high - low)  # for the names below the nodes
        map_axes(axes, low - margin, high + margin, unit)
    if len(matches) <= _NUMBERS:
        _numbers(axes, places, matches)
    label_groups(axes, result, places, _beside(places, ring))
    figure.legend(
        handles=_legend(result, bool(bridges), bool(loose)), loc="outside lower center", ncols=3
    )
    where = (
        "on a ring, since they point at the same place" if ring else "at their places on the sky"
    )
    caption = (
        f"Groups {where}. A line ties two groups that share matched sources: the wider, the more "
        "(numbers: matches, where there is room). A dashed line is a bridge: without it the "
        "groups on its two sides would not be tied to each other, and nothing checks it. A dotted "
        "line: the footprints overlap, but no match ties them."
    )
    if len(places) <= _RINGS:
        caption += " A black ring marks groups tied to reference stars."
    alt = (
        f"Graph of {len(places)} groups with {len(matches)} ties of "
        f"{min(matches.values(), default=0)} to {max(matches.values(), default=0)} matches; "
        f"{len(bridges)} of them are bridges. {len(loose)} pairs overlap without a match."
    )
    return Drawing(
        figure, "Overlap graph", caption, alt, dense=len(matches) + len(loose) + len(places) > 400
    )


def _bridges(result: RunResult) -> set[tuple[int, int]]:
    if result.solution is None:
        return set()
    return result.solution.pairs.bridges


def _beside(places: FloatArray, ring: bool) -> FloatArray:
    """Positions of the names: outside the ring, or below the nodes."""
    if ring:
        return np.asarray(1.13 * places)
    height = np.ptp(places[np.isfinite(places).all(axis=1)], axis=0).max()
    return np.asarray(places - np.array([0.0, 0.05 * max(float(height), 1e-9)]))


def _unmatched_edges(axes: Axes, places: FloatArray, pairs: list[tuple[int, int]]) -> None:
    lines = [places[list(pair)] for pair in pairs]
    axes.add_collection(
        LineCollection(lines, linewidths=0.9, colors=VERMILLION, linestyles=":", zorder=1)
    )


def _edges(
    axes: Axes,
    places: FloatArray,
    matches: dict[tuple[int, int], int],
    bridges: set[tuple[int, int]],
) -> None:
    most = max(matches.values(), default=1)
    for chosen, colour, line in ((False, GREY, "-"), (True, VERMILLION, "--")):
        pairs = [pair for pair in matches if (pair in bridges) is chosen]
        widths = [0.4 + 4.0 * matches[pair] / most for pair in pairs]
        lines = [places[list(pair)] for pair in pairs]
        alpha = 0.75 if len(matches) <= 400 else 0.35
        axes.add_collection(
            LineCollection(
                lines, linewidths=widths, colors=colour, linestyles=line, alpha=alpha, zorder=1
            )
        )


def _numbers(axes: Axes, places: FloatArray, matches: dict[tuple[int, int], int]) -> None:
    """Write numbers of matches on their lines, the largest first, where none hides another."""
    extent = float(np.ptp(axes.get_ylim()))
    nodes = places[np.isfinite(places).all(axis=1)] / extent
    taken = [(x, y, _NODE, _NODE) for x, y in nodes]
    for pair, count in sorted(matches.items(), key=lambda item: -item[1]):
        first, second = places[list(pair)] / extent
        half = 0.5 * _LETTER * (len(str(count)) + 1), 0.5 * _LINE
        for part in _PARTS:
            x, y = first + part * (second - first)
            if any(
                abs(x - other_x) < half[0] + wide and abs(y - other_y) < half[1] + tall
                for other_x, other_y, wide, tall in taken
            ):
                continue
            taken.append((x, y, *half))
            axes.annotate(
                str(count),
                (x * extent, y * extent),
                ha="center",
                va="center",
                fontsize=7,
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
            )
            break


def _tied(result: RunResult) -> FloatArray:
    if result.solution is None:
        return np.zeros(len(result.groups))
    return np.asarray(result.solution.groups.reference_matches, float)


def _nodes(axes: Axes, result: RunResult, places: FloatArray) -> None:
    standing = np.array([s.rank for s in standings(result)])
    size = float(np.clip(4000.0 / max(len(places), 1), 5.0, 70.0))
    tied = (_tied(result) > 0) & (len(places) <= _RINGS)
    for kind, style in STYLES.items():
        own = standing == kind.rank
        area = size if kind is Standing.ALIGNED else max(size, 28.0)
        axes.scatter(
            places[own, 0],
            places[own, 1],
            s=area,
            c=style.colour,
            marker=style.marker,
            zorder=3,
            edgecolors="white",
            linewidths=0.5,
        )
    axes.scatter(
        places[tied, 0],
        places[tied, 1],
        s=2.6 * size,
        facecolors="none",
        edgecolors=BLACK,
        linewidths=0.9,
        zorder=2,
    )


def _legend(result: RunResult, bridges: bool, loose: bool) -> list[Line2D]:
    found = standings(result)
    marks = [
        Line2D([], [], color=style.colour, marker=style.marker, linestyle="", label=kind.value)
        for kind, style in STYLES.items()
        if kind in found
    ]
    if _tied(result).any() and len(found) <= _RINGS:
        ring = Line2D([], [], color=BLACK, marker="o", linestyle="", label="tied to the reference")
        ring.set_markerfacecolor("none")
        ring.set_markersize(10.0)
        marks.append(ring)
    if bridges:
        label = "bridge: nothing checks it"
        marks.append(Line2D([], [], color=VERMILLION, linestyle="--", label=label))
    if loose:
        label = "overlap without a match"
        marks.append(Line2D([], [], color=VERMILLION, linestyle=":", label=label))
    return marks
