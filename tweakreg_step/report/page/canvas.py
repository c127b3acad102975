"""Common parts of the page's plots: figures of Bokeh, their colours, and what is said of them.

Colours are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), as in the pictures in files.
Axes and backgrounds have none of their own: the page gives them those of its light or dark dress.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import (
    BoxZoomTool,
    DataRange1d,
    HoverTool,
    PanTool,
    ResetTool,
    SaveTool,
    Span,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from tweakreg_step.core.outcome import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray, IntArray

__all__ = [
    "BLUE_IN_BOTH",
    "GREY",
    "ORANGE",
    "STYLES",
    "VERMILLION",
    "Plot",
    "Style",
    "add_cross",
    "add_hover",
    "new_map",
    "new_plot",
    "new_square",
    "rounded",
    "sampled",
]

ORANGE, VERMILLION, SKY_BLUE, GREY = "#E69F00", "#D55E00", "#56B4E9", "#8a8f96"
BLUE_IN_BOTH = "#3b8fd0"
"""A blue that stands out from white and from black."""


@dataclass(frozen=True, slots=True)
class Style:
    """Colour, line, marker and hatch of where a group stands, never told by colour alone."""

    colour: str
    dash: str
    marker: str
    hatch: str | None


STYLES = {
    Standing.ALIGNED: Style(BLUE_IN_BOTH, "solid", "circle", None),
    Standing.DOUBTFUL: Style(ORANGE, "dashed", "triangle", "right_diagonal_line"),
    Standing.RELATIVE: Style(SKY_BLUE, "dotdash", "square", "dot"),
    Standing.LEFT: Style(VERMILLION, "dotted", "x", "cross"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its words.

    Attributes
    ----------
    model
        The figure of Bokeh.
    title, caption
        Title, and explanation with the most important numbers.
    alt
        Description for those who can't see it.
    groups
        Groups that it is of: it is marked where one of them is selected; empty for all.
    switch
        Names of its layers of which one at a time is shown, empty for none; the last comes first.
    """

    model: Any
    title: str
    caption: str
    alt: str
    groups: tuple[int, ...] = ()
    switch: tuple[str, ...] = field(default=())


def new_plot(labels: tuple[str, str], height: int = 320, **options: Any) -> Any:
    """An empty figure as wide as its place, with labels of its axes, that selects by a tap."""
    wheel = WheelZoomTool(modifiers={"ctrl": True})  # without it, the wheel scrolls the page
    tools = [PanTool(), wheel, BoxZoomTool(), TapTool(), ResetTool(), SaveTool()]
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=tools,
        active_scroll=wheel,
        active_drag=None,  # a finger scrolls the page
        x_axis_label=labels[0],
        y_axis_label=labels[1],
        toolbar_location="above",
        lod_threshold=None,
        **options,
    )
    plot.toolbar.logo = None
    plot.min_border_right = 12
    return plot


def new_map(unit: str, height: int = 420) -> Any:
    """An empty map of the sky, east to the left, true to shape."""
    return new_plot(
        (f"← east offset [{unit}]", f"north offset [{unit}] →"),
        height,
        x_range=DataRange1d(flipped=True),
        y_range=DataRange1d(),
        match_aspect=True,
    )


def new_square(labels: tuple[str, str], half: float, height: int = 360) -> Any:
    """An empty plot of offsets, east to the left, that shows -half to half at least."""
    plot = new_plot(
        labels,
        height,
        x_range=DataRange1d(flipped=True, range_padding=0.02),
        y_range=DataRange1d(range_padding=0.02),
        match_aspect=True,
    )
    # what is farther out does not widen the view
    frame = plot.scatter([-half, half], [-half, half], alpha=0.0, level="underlay")
    plot.x_range.renderers = plot.y_range.renderers = [frame]
    return plot


def add_cross(plot: Any) -> None:
    """Lines through the origin of a plot of offsets."""
    for dimension in ("width", "height"):
        plot.add_layout(Span(location=0.0, dimension=dimension, line_color=GREY))


def add_hover(plot: Any, layers: Sequence[Any], rows: Sequence[tuple[str, str]]) -> None:
    """Show `rows` of name and value while the pointer is on one of the layers."""
    plot.add_tools(HoverTool(renderers=list(layers), tooltips=list(rows), attachment="below"))


def sampled(count: int, most: int) -> IntArray:
    """Indices of an even sample of at most `most` of `count`."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))[:count]


def rounded(values: FloatArray, digits: int) -> list[Any]:
    """Values as short texts of JSON have them: a page holds hundreds of thousands."""
    return np.round(values, digits).tolist()  # type: ignore[no-any-return]
