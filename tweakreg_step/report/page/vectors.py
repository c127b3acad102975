"""Residuals as arrows on detectors and on groups, all panels with one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColorBar, ColumnDataSource, Label, LinearColorMapper
from bokeh.palettes import Viridis256

from tweakreg_step.core.wording import counted
from tweakreg_step.report.statistics import nice

from .canvas import BLUE_IN_BOTH, GREY, Plot, add_hover, new_map, new_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.statistics import Residuals

__all__ = ["Panel", "vector_plots"]

BINNED = 2000
"""Number of matches above which a panel shows means in cells instead of single stars."""

_CELLS = 16
_LEAST = 5
"""Smallest number of residuals for the mean of a cell."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows.

    Attributes
    ----------
    title
        Name of the detector or the group.
    residuals
        Residuals of it.
    groups
        Groups that it is of, empty for all.
    sky
        Whether on the sky around the group's centre, east to the left; else on the pixels.
    """

    title: str
    residuals: Residuals
    groups: tuple[int, ...] = ()
    sky: bool = False


@dataclass(frozen=True, slots=True)
class _Arrows:
    """Places and arrows (K, 2) of a panel, their counts and magnitudes (K,), and its width."""

    panel: Panel
    start: FloatArray
    arrow: FloatArray
    count: FloatArray
    magnitude: FloatArray
    total: int
    extent: float

    @property
    def binned(self) -> bool:
        """Whether they are means."""
        return self.total > BINNED


def vector_plots(panels: Sequence[Panel]) -> list[Plot]:
    """A plot for each panel that has residuals, with one scale for all of them.

    Parameters
    ----------
    panels
        What is to be shown.
    """
    made = [arrows for panel in panels if (arrows := _arrows_of(panel)) is not None]
    lengths = [np.hypot(*arrows.arrow.T) for arrows in made]
    typical = float(np.percentile(np.concatenate(lengths), 90)) if lengths else 1.0
    limits = _limits(made)
    return [_drawn(arrows, typical or 1.0, limits) for arrows in made]


def _arrows_of(panel: Panel) -> _Arrows | None:
    values = panel.residuals.sky if panel.sky else panel.residuals.detector
    place = panel.residuals.plane
    if not panel.sky:
        place = np.stack([panel.residuals.x, panel.residuals.y], axis=1)
    good = np.isfinite(values).all(axis=1) & np.isfinite(place).all(axis=1)
    start, arrow, count = place[good], values[good], np.ones(int(good.sum()))
    magnitude = panel.residuals.magnitude[good]
    total = len(start)
    if total > BINNED:
        start, arrow, count = _cells(start, arrow)
        magnitude = np.full(len(start), np.nan)
    if len(start) == 0:
        return None
    extent = max(float(np.ptp(place[good], axis=0).max()), 1.0)
    return _Arrows(panel, start, arrow, count, magnitude, total, extent)


def _cells(start: FloatArray, arrow: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Middles (C, 2), mean residuals (C, 2) and counts (C,) of the cells that hold enough."""
    low, width = start.min(axis=0), np.maximum(np.ptp(start, axis=0), 1e-9)
    cell = np.minimum((_CELLS * (start - low) / width).astype(int), _CELLS - 1)
    number = cell[:, 0] * _CELLS + cell[:, 1]
    size = np.bincount(number, minlength=_CELLS**2)
    full = np.flatnonzero(size >= _LEAST)
    means = [np.bincount(number, c, minlength=_CELLS**2)[full] / size[full] for c in arrow.T]
    middle = low + (np.stack(np.divmod(full, _CELLS), axis=1) + 0.5) / _CELLS * width
    return middle, np.stack(means, axis=1), size[full].astype(float)


def _limits(made: Sequence[_Arrows]) -> tuple[float, float] | None:
    """Range of the magnitudes of all panels; None where none is known."""
    known = [a.magnitude[np.isfinite(a.magnitude)] for a in made]
    every = np.concatenate(known) if known else np.zeros(0)
    if len(every) == 0 or np.ptp(every) == 0.0:
        return None
    low, high = np.percentile(every, [2.0, 98.0])
    return float(low), float(high)


def _drawn(arrows: _Arrows, typical: float, limits: tuple[float, float] | None) -> Plot:
    panel = arrows.panel
    plot = new_map("arcsec", 360) if panel.sky else _on_pixels()
    stretch = 0.09 * arrows.extent / typical
    source = _source(arrows, stretch)
    colour: Any = BLUE_IN_BOTH
    if arrows.binned:
        _tiles(plot, source, arrows, typical)
    elif limits is not None:
        # bright yellow would vanish on white, deep blue on black
        mapper = LinearColorMapper(palette=Viridis256[60:220], low=limits[0], high=limits[1])
        colour = {"field": "magnitude", "transform": mapper}
        bar = ColorBar(color_mapper=mapper, title="mag", width=8, padding=4)
        plot.add_layout(bar, "right")
    plot.segment("x", "y", "tip_x", "tip_y", source=source, line_color=colour, line_width=1.8)
    dots = plot.scatter("x", "y", source=source, size=4, color=colour)
    add_hover(plot, [dots], _HOVER)
    unit = nice(1e6 * typical) / 1e6
    _key(plot, arrows, unit * stretch, f"{unit:g} mas")
    return Plot(
        plot, panel.title, _caption(arrows), f"Residual vectors of {panel.title}.", panel.groups
    )


_HOVER = (
    ("residual", "@dx{+0.00}, @dy{+0.00} mas"),
    ("stars", "@count"),
    ("magnitude", "@magnitude{0.00}"),
)


def _on_pixels() -> Any:
    return new_plot(("x [pixel]", "y [pixel]"), 360, match_aspect=True)


def _source(arrows: _Arrows, stretch: float) -> Any:
    tip = arrows.start + stretch * arrows.arrow
    columns = {
        "x": arrows.start[:, 0],
        "y": arrows.start[:, 1],
        "tip_x": tip[:, 0],
        "tip_y": tip[:, 1],
        "dx": arrows.arrow[:, 0],
        "dy": arrows.arrow[:, 1],
        "count": arrows.count,
        "magnitude": arrows.magnitude,
        "length": np.hypot(*arrows.arrow.T),
    }
    return ColumnDataSource({name: value.astype(np.float32) for name, value in columns.items()})


def _tiles(plot: Any, source: Any, arrows: _Arrows, typical: float) -> None:
    """The cells of a binned map, coloured by the length of their mean."""
    mapper = LinearColorMapper(palette=Viridis256, low=0.0, high=2.0 * typical)
    plot.rect(
        "x",
        "y",
        width=arrows.extent / _CELLS,
        height=arrows.extent / _CELLS,
        source=source,
        fill_color={"field": "length", "transform": mapper},
        line_color=None,
        fill_alpha=0.35,
    )
    plot.add_layout(ColorBar(color_mapper=mapper, title="mas", width=8, padding=4), "right")


def _key(plot: Any, arrows: _Arrows, length: float, text: str) -> None:
    """An arrow of known length above the panel."""
    low, high = arrows.start.min(axis=0), arrows.start.max(axis=0)
    x, y = low[0], high[1] + 0.12 * arrows.extent
    plot.segment([x], [y], [x + length], [y], line_color=GREY, line_width=3)
    label = Label(x=x, y=y, text=text, text_color=GREY, text_font_size="12px", y_offset=-18)
    if arrows.panel.sky:
        label.text_align = "right"  # east, and with it x, grows to the left
    plot.add_layout(label)


def _caption(arrows: _Arrows) -> str:
    rms = float(np.sqrt(0.5 * np.mean(np.sum(arrows.arrow**2, axis=1))))
    if arrows.binned:
        return (
            f"{arrows.total} matches: means in {counted(len(arrows.start), 'cell')}, rms of the "
            f"means {rms:.2f} mas per axis. Neighbours that agree are distortion."
        )
    return f"{counted(arrows.total, 'match')}, rms {rms:.2f} mas per axis."
