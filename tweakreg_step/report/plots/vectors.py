"""Picture of residuals as arrows on the detector, to show distortion or a wrong roll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.report.statistics import nice

from .canvas import BLACK, BLUE, Drawing, map_axes, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.statistics import Residuals


__all__ = ["draw_vectors"]

_SINGLE = 250
"""Number of arrows above which they are averaged in cells."""

_CELLS = 10

_COLOURS = "Dark arrows are of bright sources, light ones of faint ones. "
_LEAST = 3
"""Smallest number of residuals for the mean of a cell."""


@styled
def draw_vectors(residuals: Residuals, title: str, *, sky: bool = False) -> Drawing | None:
    """Residuals as arrows; None where none are known.

    Parameters
    ----------
    residuals
        Residuals of one detector, or of one group.
    title
        Name of the detector or group.
    sky
        Whether on the sky, east to the left, around the group's centre; else on the pixels.
    """
    place = residuals.plane if sky else np.stack([residuals.x, residuals.y], axis=1)
    value = residuals.sky if sky else residuals.detector
    good = np.isfinite(value).all(axis=1) & np.isfinite(place).all(axis=1)
    start, arrow = place[good], value[good]
    averaged = len(start) > _SINGLE
    if averaged:
        start, arrow = _cells(start, arrow)
    if len(arrow) == 0:
        return None
    length = np.hypot(*arrow.T)
    figure = new_figure(4.3, 4.4)
    magnitude = None if averaged else residuals.magnitude[good]
    coloured = magnitude is not None and bool(np.isfinite(magnitude).all())
    _arrows(figure.subplots(), start, arrow, magnitude if coloured else None, sky=sky)
    means = f"means of {int(good.sum())} in cells" if averaged else "one for each detection"
    caption = (
        f"{len(arrow)} arrows, {means}; rms {np.sqrt(0.5 * np.mean(length**2)):.2f} mas per axis. "
        f"{_COLOURS if coloured else ''}"
        "Arrows that agree with their neighbours are distortion or a wrong roll; noise points "
        "anywhere."
    )
    return Drawing(figure, title, caption, f"Residual vectors, {title}. {caption}", dense=False)


def _arrows(
    axes: Axes, start: FloatArray, arrow: FloatArray, magnitude: FloatArray | None, *, sky: bool
) -> None:
    typical = float(np.percentile(np.hypot(*arrow.T), 90)) or 1.0
    unit = _key(typical)
    extent = max(float(np.ptp(start, axis=0).max()), 1.0)
    colour: dict[str, Any] = {"color": BLUE} if magnitude is None else {"cmap": "plasma"}
    quiver = axes.quiver(
        *start.T,
        *arrow.T,
        *(() if magnitude is None else (magnitude,)),
        angles="xy",
        scale_units="xy",
        scale=typical / (0.09 * extent),
        **colour,
        width=0.005,
        headwidth=4,
    )
    if magnitude is not None:
        bright, faint = float(magnitude.min()), float(magnitude.max())
        quiver.set_clim(
            bright, faint + 0.3 * max(faint - bright, 0.1)
        )  # the lightest are hard to see
    axes.plot(*start.T, ".", color=BLACK, markersize=1.5)
    axes.quiverkey(quiver, 0.85, 1.02, unit, f"{unit:g} mas", labelpos="N", coordinates="axes")
    axes.set_title("observed - fitted", loc="left", pad=16.0)  # room for the key
    low, high = start.min(axis=0) - 0.12 * extent, start.max(axis=0) + 0.12 * extent
    if sky:
        map_axes(axes, low, high, "arcsec")
        return
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.set_xlabel("x [pixel]")
    axes.set_ylabel("y [pixel]")


def _key(value: float) -> float:
    """A round number near a value, which may be below 1."""
    return nice(1e6 * value) / 1e6


def _cells(start: FloatArray, arrow: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean places (C, 2) and residuals (C, 2) in the cells of a grid that hold enough."""
    low, width = start.min(axis=0), np.maximum(np.ptp(start, axis=0), 1e-9)
    cell = np.minimum((_CELLS * (start - low) / width).astype(int), _CELLS - 1)
    number = cell[:, 0] * _CELLS + cell[:, 1]
    size = np.bincount(number, minlength=_CELLS**2)
    full = size >= _LEAST
    means = [
        np.bincount(number, column, minlength=_CELLS**2)[full] / size[full]
        for column in np.concatenate([start, arrow], axis=1).T
    ]
    return np.stack(means[:2], axis=1), np.stack(means[2:], axis=1)
