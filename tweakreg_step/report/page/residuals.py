"""Plots of residuals: before and after, against brightness, colour, and in units of their error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, Span

from tweakreg_step.core.wording import counted
from tweakreg_step.report.statistics import spread

from .canvas import (
    BLUE_IN_BOTH,
    GREY,
    ORANGE,
    VERMILLION,
    Plot,
    add_cross,
    new_plot,
    new_square,
    sampled,
)

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import Residuals

__all__ = ["residual_plots"]

_POINTS = 5000
"""Largest number of points of a plot; of more, an even sample is drawn."""

_RANGE = 5.0
"""Limit of the axes in robust standard deviations."""

_AXES = (("east", BLUE_IN_BOTH, "circle"), ("north", VERMILLION, "triangle"))


def residual_plots(result: RunResult, residuals: Residuals) -> list[Plot]:
    """The plots of all residuals of a run.

    Parameters
    ----------
    result
        Result of the run.
    residuals
        Its residuals.
    """
    limit = result.run.given("plot_limit")
    made = [
        _cloud(residuals, residuals.before, "Before", "with the WCS as delivered", limit),
        _cloud(residuals, residuals.sky, "After", "with the corrected WCS", limit),
        _against(residuals, residuals.magnitude, _MAGNITUDE, limit),
        _colour(result, residuals),
        _against(residuals, _phase(residuals), _PHASE, limit, along=True),
        _normalised(residuals),
    ]
    return [plot for plot in made if plot is not None]


_MAGNITUDE = (
    "Residuals and brightness",
    "instrumental magnitude, -2.5 log10(flux)",
    "Bright stars that leave zero are saturated or nonlinear; faint ones scatter by their noise. ",
)


_PHASE = (
    "Residuals and place in the pixel",
    "from the middle of the pixel, along the same axis [pixel]",
    "A wave is an error of the finder, which draws narrow stars to the middle of a pixel or off. ",
)


def _phase(residuals: Residuals) -> FloatArray:
    """How far (K, 2) each position is from the middle of its pixel, along x and y."""
    place = np.stack([residuals.x, residuals.y], axis=1)
    return np.asarray(place - np.round(place))


def _cloud(
    residuals: Residuals, values: FloatArray, when: str, how: str, limit: float | None
) -> Plot | None:
    good = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(good) == 0:
        return None
    shown = good[sampled(len(good), _POINTS)]
    width = np.array([spread(values[good, axis]) for axis in (0, 1)])
    middle = np.round(np.median(values[good], axis=0), 2) + 0.0  # never -0.00
    half = limit or 1.2 * float(np.percentile(np.abs(values[good]).max(axis=1), 98)) or 1.0
    plot = new_square(("← east [mas]", "north [mas] →"), half)
    source = ColumnDataSource(
        {
            "x": values[shown, 0].astype(np.float32),
            "y": values[shown, 1].astype(np.float32),
            "group": residuals.group[shown],
        }
    )
    _points(plot, source, "x", "y", (BLUE_IN_BOTH, "circle"))
    add_cross(plot)
    rms = np.sqrt(np.mean(values[good] ** 2, axis=0))
    caption = (
        f"Observed - fitted {how}: {counted(len(good), 'detection')}, rms {rms[0]:.2f} mas east "
        f"and {rms[1]:.2f} mas north, spread {width[0]:.2f} and {width[1]:.2f} mas (1.48 x median "
        f"deviation), median {middle[0]:+.2f} and {middle[1]:+.2f} mas.{_sample(shown, good)}"
    )
    return Plot(plot, f"{when} the correction", caption, f"Scatter of residuals. {caption}")


def _against(
    residuals: Residuals,
    place: FloatArray,
    words: tuple[str, str, str],
    limit: float | None,
    *,
    along: bool = False,
) -> Plot | None:
    """Residuals against a quantity: points, and medians in bins of equal population.

    The quantity is (K,), or (K, 2) with one for each axis; residuals are those on the sky, or
    `along` the axes of the detector.
    """
    title, label, why = words
    values = residuals.detector if along else residuals.sky
    places = place if place.ndim == 2 else np.stack([place, place], axis=1)
    good = np.flatnonzero(np.isfinite(places).all(axis=1) & np.isfinite(values).all(axis=1))
    if len(good) < 3 or not np.ptp(places[good], axis=0).all():
        return None
    shown = good[sampled(len(good), _POINTS)]
    half = limit or _RANGE * max(spread(values[good, axis]) for axis in (0, 1)) or 1.0
    plot = new_plot((label, "residual [mas]"), 340, y_range=(-half, half))
    names = ("x", "y") if along else tuple(name for name, _, _ in _AXES)
    data = {"group": residuals.group[shown]}
    for axis, name in enumerate(names):
        data[f"place {name}"] = places[shown, axis].astype(np.float32)
        data[name] = values[shown, axis].astype(np.float32)
    source = ColumnDataSource(data)
    for axis, (name, (_, colour, marker)) in enumerate(zip(names, _AXES, strict=True)):
        _points(plot, source, f"place {name}", name, (colour, marker))
        _medians(plot, places[good, axis], values[good, axis], (name, colour))
    plot.add_layout(Span(location=0.0, dimension="width", line_color=GREY))
    outside = int(np.sum((np.abs(values[good]) > half).any(axis=1)))
    plot.legend.click_policy = "hide"
    caption = (
        f"{counted(len(good), 'detection')}, after the correction; lines: medians with their "
        f"errors. {why}"
        f"{outside} of them are beyond ±{half:.3g} mas: zoom out to see them.{_sample(shown, good)}"
    )
    return Plot(plot, title, caption, f"{title}. {caption}")


def _colour(result: RunResult, residuals: Residuals) -> Plot | None:
    """Residuals against colour, where stars were seen in two filters."""
    bands, counts = np.unique(residuals.band[residuals.band >= 0], return_counts=True)
    if len(bands) < 2:
        return None
    two = np.sort(bands[np.argsort(-counts, kind="stable")[:2]])
    size = int(residuals.source.max(initial=-1)) + 1
    means = [_mean_of(residuals, int(band), size) for band in two]
    colour = (means[0] - means[1])[residuals.source]
    names = [_band_name(result, residuals, int(band)) for band in two]
    words = (
        "Residuals and colour",
        f"{names[0]} - {names[1]}, instrumental [mag]",
        "A slope is refraction in filters or a point-spread function that depends on colour. ",
    )
    return _against(residuals, colour, words, result.run.given("plot_limit"))


def _mean_of(residuals: Residuals, band: int, size: int) -> FloatArray:
    """Mean magnitude (S,) of each source in a filter, NaN where it was not seen in it."""
    own = (residuals.band == band) & np.isfinite(residuals.magnitude)
    number = np.bincount(residuals.source[own], minlength=size)
    total = np.bincount(residuals.source[own], residuals.magnitude[own], minlength=size)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


def _band_name(result: RunResult, residuals: Residuals, band: int) -> str:
    """Name of a filter, as it is in the names of detectors with their filters."""
    image = int(residuals.image[np.flatnonzero(residuals.band == band)[0]])
    return result.images.detectors[image].rpartition(" ")[2] or f"filter {band + 1}"


def _normalised(residuals: Residuals) -> Plot | None:
    values = residuals.normalised[np.isfinite(residuals.normalised).all(axis=1)]
    if len(values) == 0:
        return None
    edges = np.linspace(-5.0, 5.0, 41 if len(values) > 200 else 21)
    plot = new_plot(("residual / its error", "detections per bin"), 320, x_range=(-5.0, 5.0))
    for axis, (name, colour, _) in enumerate(_AXES):
        # values outside are counted in the last bins
        count, _ = np.histogram(np.clip(values[:, axis], -4.999, 4.999), edges)
        x, y = np.repeat(edges, 2)[1:-1], np.repeat(count, 2)
        dash = "solid" if axis == 0 else "dashed"
        plot.line(x, y, line_color=colour, line_dash=dash, line_width=2, legend_label=name)
    grid = np.linspace(-5.0, 5.0, 101)
    curve = len(values) * (edges[1] - edges[0]) * np.exp(-0.5 * grid**2) / np.sqrt(2.0 * np.pi)
    dotted = {"line_color": ORANGE, "line_dash": "dotted", "line_width": 2}
    plot.line(grid, curve, legend_label="expected", **dotted)
    widths = [spread(column) for column in values.T]
    far = float(np.mean(np.abs(values) > 3.0))
    caption = (
        f"{counted(len(values), 'detection')}. The dotted curve is what right errors would give: "
        f"a spread of 1, 0.3 % beyond 3. Found: {widths[0]:.2f} east, {widths[1]:.2f} north, "
        f"{100.0 * far:.1f} % beyond 3, all of those beyond 5 in the last bins."
    )
    return Plot(plot, "Residuals and their errors", caption, f"Histogram. {caption}")


def _points(plot: Any, source: Any, x: str, y: str, look: tuple[str, str]) -> None:
    colour, marker = look
    plot.scatter(
        x,
        y,
        source=source,
        marker=marker,
        size=3.5,
        color=colour,
        alpha=0.45,
        nonselection_alpha=0.06,
        selection_alpha=0.9,
    )


def _medians(plot: Any, place: FloatArray, value: FloatArray, look: tuple[str, str]) -> None:
    """Medians and their errors in up to twelve bins of equal population."""
    name, colour = look
    parts = np.array_split(np.argsort(place, kind="stable"), max(1, min(12, len(place) // 15)))
    middle = np.array([np.median(place[part]) for part in parts])
    median = np.array([np.median(value[part]) for part in parts])
    # a median's error is 1.25 times a mean's
    error = np.array([1.25 * spread(value[part]) / np.sqrt(len(part)) for part in parts])
    plot.line(middle, median, line_color=colour, line_width=2.5, legend_label=f"median {name}")
    plot.segment(middle, median - error, middle, median + error, line_color=colour, line_width=2)


def _sample(shown: IntArray, good: IntArray) -> str:
    return "" if len(shown) == len(good) else f" Drawn: an even sample of {len(shown)}."
