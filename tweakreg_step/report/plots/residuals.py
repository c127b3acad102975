"""Pictures of residuals: against position on the detector, and in units of their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.report.statistics import spread

from .canvas import BLACK, BLUE, ORANGE, VERMILLION, Drawing, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.statistics import Residuals


__all__ = ["draw_histogram", "draw_residuals"]

_POINTS = 2000
"""Number of points above which their density is shown."""

_RANGE = 5.0
"""Limit of the axes in robust standard deviations; points outside are counted."""


@styled
def draw_residuals(
    residuals: Residuals,
    title: str,
    *,
    limit: float | None = None,
    label_size: float | None = None,
) -> Drawing | None:
    """Residuals along x and y against x and y; None where they are not known for any detection.

    Parameters
    ----------
    residuals, title
        The residuals, and what is above them.
    limit
        Largest residual on the axes [mas]; None for one that holds nearly all.
    label_size
        Size of the axes' labels [pt]; None for that of all pictures.
    """
    good = np.asarray(np.isfinite(residuals.detector).all(axis=1))
    shown = residuals.take(good)
    if len(shown) == 0:
        return None
    limit = limit or _usual_limit(shown.detector)
    figure = new_figure(9.0, 6.0)
    panels = figure.subplots(2, 2, sharex="col", sharey=True)
    for row, direction in enumerate("xy"):
        for column, (axis, place) in enumerate((("x", shown.x), ("y", shown.y))):
            axes = panels[row, column]
            _panel(axes, place, shown.detector[:, row], limit)
            if column == 0:
                axes.set_ylabel(f"d{direction} [mas]")
            if row == 1:
                axes.set_xlabel(f"{axis} [pixel]")
            _size_labels(axes, label_size)
    panels[0, 0].legend(loc="upper right", fontsize=7)
    widths = [spread(values) for values in shown.detector.T]
    outside = int(np.sum(np.abs(shown.detector) > limit))
    caption = (
        f"{len(shown)} residuals (observed - fitted) along the detector's axes: spread "
        f"{widths[0]:.2f} mas in x, {widths[1]:.2f} mas in y (1.48 x median deviation)."
        f" Medians that leave zero show distortion that no correction takes out. "
        f"{outside} beyond ±{limit:.3g} mas sit on the edge as triangles."
    )
    left_out = len(residuals) - len(shown)
    if left_out:
        caption += f" {left_out} of images with too few detections are not shown."
    alt = f"Four panels, dx and dy against x and y, of {len(shown)} residuals. {caption}"
    return Drawing(figure, title, caption, alt, dense=len(shown) > 300)


def _size_labels(axes: Axes, size: float | None) -> None:
    if size is not None:
        axes.tick_params(labelsize=size)
        axes.xaxis.label.set_fontsize(size)
        axes.yaxis.label.set_fontsize(size)


def _usual_limit(values: FloatArray) -> float:
    """The limit [mas] of axes for residuals (N, 2)."""
    limit = _RANGE * max(spread(values[:, 0]), spread(values[:, 1]))
    return limit if limit > 0.0 else max(float(np.abs(values).max()), 1.0)


def _panel(axes: Axes, place: FloatArray, value: FloatArray, limit: float) -> None:
    inside = np.abs(value) <= limit
    if len(value) > _POINTS:
        cells = axes.hexbin(
            place[inside], value[inside], gridsize=(50, 25), cmap="Greys", mincnt=1, linewidths=0.1
        )
        # a single point must be visible
        cells.set_clim(-0.3 * float(np.max(np.asarray(cells.get_array()))), None)
    else:
        axes.plot(place[inside], value[inside], ".", color=BLUE, markersize=3.5, alpha=0.6)
    out = ~inside
    for sign, marker in ((1.0, "^"), (-1.0, "v")):
        far = out & (sign * value > 0.0)
        axes.plot(
            place[far], np.full(far.sum(), 0.97 * sign * limit), marker, color=VERMILLION, ms=4
        )
    axes.axhline(0.0, color=BLACK, linewidth=0.8)
    middle, median, error = _medians(place, value)
    axes.errorbar(
        middle,
        median,
        error,
        fmt="o-",
        color=ORANGE,
        markersize=4,
        linewidth=1.2,
        capsize=2,
        markeredgecolor=BLACK,
        markeredgewidth=0.5,
        label="median",
    )
    axes.set_ylim(-limit, limit)


def _medians(place: FloatArray, value: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre, median and its error of the values in up to ten bins of equal population."""
    stripes = max(1, min(10, len(place) // 15))
    parts = np.array_split(np.argsort(place, kind="stable"), stripes)
    middle = [float(np.median(place[part])) for part in parts]
    median = [float(np.median(value[part])) for part in parts]
    # a median's error is 1.25 times a mean's
    error = [1.25 * spread(value[part]) / np.sqrt(len(part)) for part in parts]
    return np.array(middle), np.array(median), np.array(error)


@styled
def draw_histogram(residuals: Residuals, title: str) -> Drawing | None:
    """Residuals in units of their errors against the normal curve; None where none are known."""
    values = residuals.normalised[np.isfinite(residuals.normalised).all(axis=1)]
    if len(values) == 0:
        return None
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    edges = np.linspace(-5.0, 5.0, 41 if len(values) > 200 else 21)
    for column, colour, line, name in ((0, BLUE, "-", "east"), (1, VERMILLION, "--", "north")):
        # values outside are counted in the last bins
        held = np.clip(values[:, column], -4.999, 4.999)
        axes.hist(
            held,
            bins=edges.tolist(),
            histtype="step",
            color=colour,
            linestyle=line,
            linewidth=1.5,
            label=name,
        )
    grid = np.linspace(-5.0, 5.0, 201)
    curve = len(values) * (edges[1] - edges[0]) * np.exp(-0.5 * grid**2) / np.sqrt(2.0 * np.pi)
    axes.plot(grid, curve, color=BLACK, linestyle=":", linewidth=1.6, label="expected")
    axes.set_xlabel("residual / its error")
    axes.set_ylabel("detections per bin")
    axes.set_xlim(-5.0, 5.0)
    axes.legend(loc="upper right")
    widths = [spread(column) for column in values.T]
    far = float(np.mean(np.abs(values) > 3.0))
    caption = (
        f"{len(values)} detections. The curve is what correct errors would give: a spread of 1, "
        f"0.3 % beyond 3. Found: {widths[0]:.2f} east, {widths[1]:.2f} north, {100.0 * far:.1f} % "
        "beyond 3. Wider than the curve: errors are too small; the last bins hold all that is "
        "farther out."
    )
    alt = f"Histogram of residuals in units of their errors with the unit normal curve. {caption}"
    return Drawing(figure, title, caption, alt, dense=False)
