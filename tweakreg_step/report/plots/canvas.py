"""Common parts of all pictures: style, colours, axes of maps, conversion of figures to files."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tweakreg_step.core.outcome import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray


__all__ = [
    "BLACK",
    "BLUE",
    "GREY",
    "ORANGE",
    "STYLES",
    "VERMILLION",
    "Drawing",
    "Picture",
    "Style",
    "map_axes",
    "new_figure",
    "rendered",
    "styled",
]

P = ParamSpec("P")
R = TypeVar("R")

BLACK, GREY = "#000000", "#767676"
BLUE, ORANGE, VERMILLION, SKY_BLUE = "#0072B2", "#E69F00", "#D55E00", "#56B4E9"

DPI = 110.0
"""Resolution of PNG pictures [dpi]: for printing, and small enough for a page of fifty."""

_RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.titlesize": 10.0,
    "font.size": 9.0,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.framealpha": 0.9,
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "tweakreg",  # same input, same bytes
}


@dataclass(frozen=True, slots=True)
class Style:
    """Colour, marker and line style of a group outcome, never distinguished by colour only."""

    colour: str
    line: Literal["-", "--", "-.", ":"]
    marker: str
    hatch: str


STYLES = {
    Standing.ALIGNED: Style(BLUE, "-", "o", ""),
    Standing.DOUBTFUL: Style(ORANGE, "--", "^", "//"),
    Standing.RELATIVE: Style(SKY_BLUE, "-.", "s", ".."),
    Standing.LEFT: Style(VERMILLION, ":", "X", "xx"),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its title, caption and description.

    Attributes
    ----------
    figure
        The figure.
    title, caption
        Title, and explanation with the most important numbers.
    alt
        Description for readers who can't see it.
    dense
        Whether it has so many elements that a PNG is smaller than an SVG.
    """

    figure: Figure
    title: str
    caption: str
    alt: str
    dense: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing as a file in memory.

    Attributes
    ----------
    data, kind
        Content of the file and its media type, 'image/svg+xml' or 'image/png'.
    width, height
        Size in CSS pixels.
    title, caption, alt
        As in `Drawing`.
    """

    data: bytes
    kind: str
    width: int
    height: int
    title: str
    caption: str
    alt: str


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator: draw with this package's settings of matplotlib, and restore the user's."""

    @wraps(draw)
    def inside(*args: P.args, **options: P.kwargs) -> R:
        with _plot_settings():
            return draw(*args, **options)

    return inside


@contextmanager
def _plot_settings() -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure [inches] that is not registered with pyplot."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


@styled
def rendered(drawing: Drawing) -> Picture:
    """A drawing as SVG, or as PNG where it is dense."""
    target = io.BytesIO()
    if drawing.dense:
        # no metadata, so that equal pictures are equal files
        drawing.figure.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    else:
        drawing.figure.savefig(
            target, format="svg", metadata={"Date": None, "Creator": None, "Format": None}
        )
    width, height = (round(96.0 * float(inches)) for inches in drawing.figure.get_size_inches())
    kind = "image/png" if drawing.dense else "image/svg+xml"
    words = drawing.title, drawing.caption, drawing.alt
    return Picture(target.getvalue(), kind, width, height, *words)


def map_axes(axes: Axes, low: FloatArray, high: FloatArray, unit: str) -> None:
    """Make axes a map from `low` to `high` (2,) with east to the left."""
    axes.set_xlim(high[0], low[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.set_xlabel(f"← east offset [{unit}]")
    axes.set_ylabel(f"north offset [{unit}] →")
