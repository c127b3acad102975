"""Picture of the images' footprints on the sky, and of their corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from tweakreg_step.core.outcome import Standing
from tweakreg_step.report.group_outcome import standings
from tweakreg_step.report.statistics import (
    footprint_map,
    groups_by_need,
    shortened,
)

from .canvas import BLACK, GREY, STYLES, Drawing, map_axes, new_figure, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import FootprintMap


__all__ = ["draw_footprints", "label_groups", "map_limits"]

_MANY = 150
"""Number of images above which lines are thin."""

_LABELS = 40
"""Largest number of names on a map; of more groups, those that need attention are named."""

_CALLED = 12
"""Largest number of names written beside the map."""


@styled
def draw_footprints(result: RunResult) -> Drawing | None:
    """Footprints coloured by verdict, and beside them the corrections, magnified.

    Parameters
    ----------
    result
        Result of the run.

    Returns
    -------
    Drawing or None
        None where no image has corners.
    """
    sky = footprint_map(result)
    if sky is None:
        return None
    places = standings(result)
    figure = new_figure(11.0, 5.9)
    left, right = figure.subplots(1, 2)
    factor = sky.magnification
    _outlines(left, sky.before, sky.group, None)
    _outlines(left, sky.after, sky.group, places)
    moved = sky.before + factor * (sky.after - sky.before)
    _outlines(right, sky.before, sky.group, None)
    _outlines(right, moved, sky.group, places)
    _arrows(right, sky, factor, places)
    low, high = map_limits(np.concatenate([sky.before, sky.after, moved]).reshape(-1, 2))
    for axes in (left, right):
        map_axes(axes, low, high, sky.unit)
    left.set_title("As delivered (dashed grey) and now (coloured), true to scale")
    right.set_title(f"Where the corrections point, {factor:g} times too long")
    label_groups(left, result, _middles(sky.after, sky.group, len(places)))
    figure.legend(handles=_legend(places), loc="outside lower center", ncols=5)
    caption = (
        f"Offsets from RA {sky.field.ra:.5f}°, Dec {sky.field.dec:+.5f}° (ICRS); east is left. "
        f"Corrections are far smaller than images: on the right they are drawn {factor:g} times "
        "too long."
    )
    alt = f"Map of {len(sky.group)} images: {_counts(places)}. "
    alt += f"The largest correction of an image is {sky.largest_mas:.4g} mas."
    return Drawing(figure, "Footprints on the sky", caption, alt, dense=len(sky.group) > _MANY)


def _counts(places: Sequence[Standing]) -> str:
    counts = {standing: places.count(standing) for standing in Standing}
    return ", ".join(f"{n} groups {s.value}" for s, n in counts.items() if n)


def _outlines(
    axes: Axes, corners: FloatArray, group: IntArray, places: Sequence[Standing] | None
) -> None:
    if places is None:
        axes.add_collection(
            PolyCollection(
                list(corners), facecolor="none", edgecolor=GREY, linestyle="--", linewidth=0.7
            )
        )
        return
    # faces of stacks and mosaics of many images must stay transparent
    thin = min(0.10, 1.5 / len(corners))
    width = 1.1 if len(corners) <= _MANY else 0.45
    for standing, style in STYLES.items():
        fill = thin if standing is Standing.ALIGNED or len(corners) <= _MANY else 0.3
        own = [c for c, g in zip(corners, group, strict=True) if places[g] is standing]
        if own:
            axes.add_collection(
                PolyCollection(
                    own,
                    facecolor=(style.colour, fill),
                    edgecolor=style.colour,
                    linestyle=style.line,
                    linewidth=width,
                    label=standing.value,
                )
            )
            # by itself: an SVG would draw a hatch as transparent as the face below it
            axes.add_collection(
                PolyCollection(
                    own if style.hatch else [],
                    facecolor="none",
                    edgecolor=style.colour,
                    linewidth=0.0,
                    hatch=style.hatch or None,
                )
            )


def _arrows(axes: Axes, sky: FootprintMap, factor: float, places: Sequence[Standing]) -> None:
    start = _middles(sky.before, sky.group, len(places))
    known = np.isfinite(start).all(axis=1)
    step = factor * (_middles(sky.after, sky.group, len(places)) - start)[known]
    start = start[known]
    colours = [STYLES[places[g]].colour for g in np.flatnonzero(known).tolist()]
    axes.quiver(
        *start.T, *step.T, angles="xy", scale_units="xy", scale=1.0, color=colours, width=0.004
    )


def _middles(corners: FloatArray, group: IntArray, count: int) -> FloatArray:
    """Middle (G, 2) of each group's images on the map, NaN where it has none."""
    middle = np.full((count, 2), np.nan)
    for number in np.unique(group):
        middle[number] = corners[group == number].mean(axis=(0, 1))
    return middle


def label_groups(
    axes: Axes, result: RunResult, middle: FloatArray, beside: FloatArray | None = None
) -> None:
    """Write the groups' names on a map if they fit, else those that need attention beside it.

    Parameters
    ----------
    axes
        The map.
    result
        Result of the run.
    middle
        (G, 2) positions of the groups, NaN where unknown.
    beside
        (G, 2) positions of their names, if different.
    """
    text = middle if beside is None else beside
    names, _ = shortened(result.groups.names)
    known = np.flatnonzero(np.isfinite(middle).all(axis=1)).tolist()
    if (
        len(known)
        and len(known) <= _LABELS
        and _roomy(middle[known], max(map(len, names)), float(np.ptp(axes.get_ylim())))
    ):
        for group in known:
            axes.annotate(
                names[group],
                text[group],
                ha="center",
                va="center",
                fontsize=8,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0},
            )
        return
    places = standings(result)
    needy = [g for g in groups_by_need(result) if places[g] is not Standing.ALIGNED]
    called = [group for group in needy if group in set(known)][:_CALLED]
    # in the order of their height, so that the lines do not cross
    called.sort(key=lambda g: -middle[g, 1])
    for number, group in enumerate(called):
        axes.annotate(
            names[group],
            middle[group],
            xytext=(1.02, 0.99 - 0.075 * number),
            textcoords="axes fraction",
            ha="left",
            va="top",
            zorder=6,
            fontsize=8,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": GREY, "pad": 1.5},
            arrowprops={"arrowstyle": "-", "color": BLACK, "linewidth": 0.6},
        )


def _roomy(middle: FloatArray, letters: int, extent: float) -> bool:
    """Whether names of a length do not overlap on a map of some extent."""
    gap = np.abs(middle[:, None] - middle[None, :]) / extent
    # a letter is about 1.6 per cent of the map's width, a line about 4 per cent of its height
    apart = (gap[..., 0] > 0.016 * (letters + 1)) | (gap[..., 1] > 0.04)
    return bool(apart[np.triu_indices(len(middle), 1)].all())


def map_limits(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Limits (2,), (2,) of a square map that holds points (K, 2), with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = 0.5 * (low + high), 0.55 * max(float((high - low).max()), 1e-9)
    return middle - half, middle + half


def _legend(places: Sequence[Standing]) -> list[Patch]:
    grey = Patch(facecolor="none", edgecolor=GREY, linestyle="--", label="as delivered")
    return [grey] + [
        Patch(
            facecolor="none",
            edgecolor=style.colour,
            linestyle=style.line,
            hatch=style.hatch,
            label=f"{standing.value} ({places.count(standing)})",
        )
        for standing, style in STYLES.items()
        if standing in places
    ]
