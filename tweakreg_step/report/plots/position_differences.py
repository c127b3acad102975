"""Picture of the offset histogram: all position differences of two catalogs, and the peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from tweakreg_step.report.statistics import REFERENCE, shortened

from .canvas import BLACK, BLUE, GREY, VERMILLION, Drawing, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Differences


__all__ = ["draw_differences"]

_BINS = 72

_THINNED = 0.8
"""Share of a catalog's positions below which the caption says that it is a sample."""

_CLOSER = 12.0
"""Radius around the peak, in that of the histogram, in which a pair may belong to it."""


@styled
def draw_differences(result: RunResult, found: Differences) -> Drawing:
    """The histogram of the differences of two catalogs through the input WCS.

    Parameters
    ----------
    result
        Result of the run.
    found
        The differences.
    """
    names = _name(result, found.first), _name(result, found.second)
    figure = new_figure(6.3, 3.3)
    wide, close = figure.subplots(1, 2)
    _histogram(wide, found)
    _marks(wide, found)
    _close_up(close, found)
    # above both panels: names of exposures are wider than one of them
    figure.suptitle(f"{names[0]} - {names[1]}", fontsize="medium")
    alt = f"Histogram of all position differences {names[0]} minus {names[1]}. {_caption(found)}"
    return Drawing(figure, f"{names[0]} - {names[1]}", _caption(found), alt, dense=True)


def _histogram(axes: Axes, found: Differences) -> None:
    edges = np.linspace(-found.reach, found.reach, _BINS + 1)
    counts, _, _ = np.histogram2d(found.offsets[:, 0], found.offsets[:, 1], bins=[edges, edges])
    # square roots, so that one pair can be seen beside a peak of hundreds
    norm = PowerNorm(0.5, vmin=0.0, vmax=max(float(counts.max()), 4.0))
    limits = (-found.reach, found.reach, -found.reach, found.reach)
    image = axes.imshow(
        counts.T, origin="lower", extent=limits, cmap="Blues", norm=norm, interpolation="nearest"
    )
    ticks = MaxNLocator(nbins=6, integer=True)
    axes.figure.colorbar(image, ax=axes, label="pairs per bin", shrink=0.8, ticks=ticks)
    axes.grid(visible=False)
    axes.set_xlim(found.reach, -found.reach)
    axes.set_xlabel("← east difference [arcsec]")
    axes.set_ylabel("north difference [arcsec] →")


def _close_up(axes: Axes, found: Differences) -> None:
    """Single differences around the peak, or around the offset of the solution."""
    centre = found.peak if found.significant else found.expected
    if not np.isfinite(centre).all():
        axes.set_axis_off()
        text = "No peak stands out,\nand there is no solution\nto say where it should be."
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
        return
    half = _half(found, centre)
    around = 1000.0 * (found.offsets - centre)
    near = np.abs(around).max(axis=1) <= half
    axes.plot(*around[near].T, ".", color=BLUE, markersize=4, alpha=0.7)
    if np.isfinite(found.expected).all():
        place = 1000.0 * (found.expected - centre)
        axes.plot(*place, "+", color=BLACK, markersize=13, markeredgewidth=1.4)
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    axes.locator_params(nbins=5)
    axes.set_xlabel("← east of the peak [mas]")
    axes.set_title(f"Around the peak: {int(near.sum())} pairs")


def _half(found: Differences, centre: FloatArray) -> float:
    """Half the width of the close-up [mas]: holds the peak and the offset of the solution."""
    distance = np.hypot(*(found.offsets - centre).T)
    inside = distance[distance <= found.reach / _CLOSER]
    width = 4.0 * float(np.median(inside)) if len(inside) else 0.0
    if np.isfinite(found.expected).all():
        width = max(width, 1.5 * float(np.hypot(*(found.expected - centre))))
    return 1000.0 * min(max(width, found.reach / 500.0), found.reach)


def _name(result: RunResult, number: int) -> str:
    return "reference" if number == REFERENCE else shortened(result.groups.names)[0][number]


def _marks(axes: Axes, found: Differences) -> None:
    circle = Circle((0.0, 0.0), found.radius, fill=False, color=GREY, linestyle="--")
    axes.add_patch(circle)
    axes.annotate(
        "search radius", (0.0, -found.radius), color=GREY, fontsize=7, ha="center", va="top"
    )
    if found.significant:
        axes.plot(
            *found.peak,
            "s",
            markersize=13,
            markerfacecolor="none",
            markeredgecolor=VERMILLION,
            markeredgewidth=1.5,
            label="peak",
        )
    if np.isfinite(found.expected).all():
        axes.plot(
            *found.expected, "+", color=BLACK, markersize=13, markeredgewidth=1.2, label="solution"
        )
    if found.significant or np.isfinite(found.expected).all():
        axes.legend(loc="upper right", fontsize=7)


def _caption(found: Differences) -> str:
    parts = []
    if found.significant:
        east, north = found.peak
        text = (
            f'Peak of {found.count} stars at {east:+.3f}" east, {north:+.3f}" north; chance would '
            f"give {found.chance:.2g}, and does as well with a probability of "
            f"1e{found.log10_chance:.0f}."
        )
        parts.append(text)
        if found.beyond:
            parts.append(f'It lies beyond the search radius of {found.radius:g}".')
    else:
        parts.append(
            f'No significant peak within {found.reach:g}": pairs in the fullest window: '
            f"{found.count}, by chance {found.chance:.2g} on the average."
        )
    for (used, total), which in zip(found.size, ("first", "second"), strict=True):
        if used < _THINNED * total:
            parts.append(f"{used} of the {total} positions of the {which} catalog take part.")
    return " ".join(parts)
