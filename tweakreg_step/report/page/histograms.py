"""Offset histograms of pairs of catalogs through the WCS as delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJSTickFormatter,
    FixedTicker,
    LinearColorMapper,
)

from tweakreg_step.core.wording import counted
from tweakreg_step.report.statistics import REFERENCE

from .canvas import BLUE_IN_BOTH, GREY, VERMILLION, Plot, add_hover, new_square

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Differences

__all__ = ["histogram_plot"]

_BINS = 72

_PALETTE = ["#00000000"] + [f"{BLUE_IN_BOTH}{opacity:02x}" for opacity in range(48, 256)]
"""Cells without a pair are the page's own ground, those with few are faint on any."""

_PEAK, _SOLUTION = VERMILLION, "#009E73"


def histogram_plot(result: RunResult, found: Differences) -> Plot:
    """The histogram of the differences of two catalogs.

    Parameters
    ----------
    result
        Result of the run.
    found
        The differences.
    """
    plot = new_square(("← east [arcsec]", "north [arcsec] →"), found.reach)
    image = _counts(plot, found)
    _marks(plot, found)
    add_hover(plot, [image], (("pairs", "@counts"), ("east, north", "$x{0.00}, $y{0.00}")))
    names = [_name(result, number) for number in (found.first, found.second)]
    title = f"{names[0]} - {names[1]}"
    groups = tuple(number for number in (found.first, found.second) if number != REFERENCE)
    return Plot(plot, title, _caption(found), f"Offset histogram. {_caption(found)}", groups)


def _name(result: RunResult, number: int) -> str:
    if number != REFERENCE:
        return result.groups.names[number]
    note = result.catalogs.note
    return "reference" if note is None else note.name


def _counts(plot: Any, found: Differences) -> Any:
    edges = np.linspace(-found.reach, found.reach, _BINS + 1)
    counts, _, _ = np.histogram2d(found.offsets[:, 1], found.offsets[:, 0], bins=[edges, edges])
    most = max(float(counts.max()), 4.0)
    # square roots, so that one pair can be seen beside a peak of hundreds
    mapper = LinearColorMapper(palette=_PALETTE, low=0.0, high=np.sqrt(most))
    source = ColumnDataSource(
        {
            "image": [np.sqrt(counts).astype(np.float32)],
            "counts": [counts.astype(np.uint16)],
        }
    )
    side = 2.0 * found.reach
    corner = -found.reach
    bar = ColorBar(
        color_mapper=mapper,
        title="pairs",
        width=8,
        padding=4,
        ticker=FixedTicker(ticks=np.sqrt(_round_counts(most)).tolist()),
        formatter=CustomJSTickFormatter(code="return String(Math.round(tick * tick))"),
    )
    plot.add_layout(bar, "right")
    return plot.image(
        "image", x=corner, y=corner, dw=side, dh=side, source=source, color_mapper=mapper
    )


def _round_counts(most: float) -> list[int]:
    """Up to five round numbers of pairs, about evenly apart in their square roots."""
    steps = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    step = next(step for step in steps if step >= most / 20.0)
    return [step * square for square in (0, 1, 4, 9, 16) if step * square <= most]


def _marks(plot: Any, found: Differences) -> None:
    """How far was searched, the peak, and where the solution has it."""
    turn = np.linspace(0.0, 2.0 * np.pi, 121)
    plot.line(
        found.radius * np.cos(turn),
        found.radius * np.sin(turn),
        line_color=GREY,
        line_dash="dashed",
        line_width=1.5,
    )
    if np.isfinite(found.peak).all():
        _mark(plot, found.peak, "square", _PEAK)
    if np.isfinite(found.expected).all():
        _mark(plot, found.expected, "cross", _SOLUTION)


def _mark(plot: Any, place: FloatArray, marker: str, colour: str) -> None:
    plot.scatter(
        *place[:, None], marker=marker, size=18, fill_color=None, line_color=colour, line_width=2
    )


def _caption(found: Differences) -> str:
    (used, total), (own, all_of_them) = found.size
    if not np.isfinite(found.peak).all():
        return f"No pair of positions is nearer than {found.reach:.1f} arcsec."
    east, north = found.peak
    what = "Significant peak" if found.significant else "No significant peak; the highest"
    place = f"{what} at {np.hypot(east, north):.2f} arcsec ({east:+.3f} east, {north:+.3f} north)"
    chance = f"{counted(found.count, 'pair')}, {found.chance:.1f} expected by chance"
    beyond = ", beyond the search" if found.beyond else ""
    sample = ""
    if used < 0.8 * total or own < 0.8 * all_of_them:
        sample = f" Of {total} and {all_of_them} positions {used} and {own} were compared."
    return f"{place}{beyond}: {chance}.{sample}"
