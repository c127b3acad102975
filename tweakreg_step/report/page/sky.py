"""The map of the sky: footprints, corrections and matched detections, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource

from tweakreg_step.alignment import corrected_directions
from tweakreg_step.core.sphere import ra_dec
from tweakreg_step.core.wording import counted
from tweakreg_step.report.group_outcome import standings
from tweakreg_step.report.statistics import corrections_of, footprint_map

from .canvas import GREY, STYLES, Plot, add_hover, new_map, rounded

if TYPE_CHECKING:
    from tweakreg_step.report.result import RunResult
    from tweakreg_step.report.statistics import FootprintMap

__all__ = ["AFTER", "BEFORE", "sky_plot"]

BEFORE, AFTER = "before", "after"

_STARS = 16000
"""Largest number of detections on the map; of more, whole sources are left out."""

_MANY = 150
"""Number of images above which faces are hardly filled."""


def sky_plot(result: RunResult) -> Plot | None:
    """Footprints coloured by verdict, with corrections as arrows and stars as dots.

    Parameters
    ----------
    result
        Result of the run.

    Returns
    -------
    Plot or None
        None where no image has corners.
    """
    sky = footprint_map(result)
    if sky is None:
        return None
    plot = new_map(sky.unit, 560)
    source = _footprints(result, sky)
    layers = _outlines(plot, source, len(sky.image))
    _arrows(plot, source)
    stars = _stars(plot, result, sky)
    add_hover(plot, layers, _HOVER)
    caption = (
        f"Offsets from RA {sky.field.ra:.5f}°, Dec {sky.field.dec:+.5f}° (ICRS). Arrows: the "
        f"corrections, {sky.magnification:g} times too long. {stars}Zoom in and switch between "
        "before and after: the dots of one star fall together."
    )
    alt = (
        f"Map of {counted(len(sky.image), 'image')}. The largest correction of an image is "
        f"{sky.largest_mas:.4g} mas."
    )
    return Plot(plot, "Footprints on the sky", caption, alt, switch=(BEFORE, AFTER))


_HOVER = (
    ("image", "@image"),
    ("group", "@name"),
    ("verdict", "@verdict"),
    ("east, north", "@east{+0.0}, @north{+0.0} mas"),
    ("roll", '@roll{+0.00}"'),
    ("matches", "@matches"),
    ("rms", "@rms{0.00} mas"),
)


def _footprints(result: RunResult, sky: FootprintMap) -> Any:
    """The source of the footprints and of their arrows."""
    group = sky.group
    places, found = standings(result), corrections_of(result)
    styles = [STYLES[places[g]] for g in group]
    start = sky.before.mean(axis=1)
    tip = start + sky.magnification * sky.steps
    data = {
        "group": group.tolist(),
        "image": [result.images.names[i] for i in sky.image],
        "name": [result.groups.names[g] for g in group],
        "verdict": [places[g].value for g in group],
        "colour": [style.colour for style in styles],
        "dash": [style.dash for style in styles],
        "hatch": [style.hatch or "blank" for style in styles],
        "x": rounded(start[:, 0], 4),
        "y": rounded(start[:, 1], 4),
        "tip_x": rounded(tip[:, 0], 4),
        "tip_y": rounded(tip[:, 1], 4),
    }
    for when, corners in ((BEFORE, sky.before), (AFTER, sky.after)):
        data[f"x_{when}"] = rounded(corners[..., 0], 5)
        data[f"y_{when}"] = rounded(corners[..., 1], 5)
    for name in ("east", "north", "roll", "matches", "rms"):
        data[name] = rounded(getattr(found, name)[group], 3)
    return ColumnDataSource(data)


def _outlines(plot: Any, source: Any, count: int) -> list[Any]:
    # faces of stacks and mosaics of many images must stay transparent
    fill = min(0.12, 3.0 / count)
    common = {
        "source": source,
        "fill_color": "colour",
        "line_color": "colour",
        "fill_alpha": fill,
        "line_dash": "dash",
        "line_width": 1.2 if count <= _MANY else 0.7,
        "hatch_pattern": "hatch",
        "hatch_color": "colour",
        "hatch_alpha": 0.25,
        "selection_line_width": 3.0,
        "selection_fill_alpha": max(0.2, fill),
        "nonselection_fill_alpha": 0.5 * fill,
        "nonselection_line_alpha": 0.3,
        "nonselection_hatch_alpha": 0.08,
    }
    return [
        plot.patches(f"x_{when}", f"y_{when}", name=when, visible=when == AFTER, **common)
        for when in (BEFORE, AFTER)
    ]


def _arrows(plot: Any, source: Any) -> None:
    plot.segment("x", "y", "tip_x", "tip_y", source=source, line_color="colour", line_width=1.8)
    plot.scatter("x", "y", source=source, color="colour", size=4)


def _stars(plot: Any, result: RunResult, sky: FootprintMap) -> str:
    """Draw the matched detections; returns what to say of them."""
    detections, solution = result.catalogs.detections, result.solution
    if detections is None or solution is None or not solution.detections.used.any():
        return ""
    own = np.flatnonzero(solution.detections.used & (solution.detections.source >= 0))
    total, every = len(own), max(1, -(-len(own) // _STARS))
    own = own[solution.detections.source[own] % every == 0]
    after = ra_dec(corrected_directions(detections, solution)[own])
    data: dict[str, Any] = {"group": detections.group[own]}
    # float32 is good to a hundredth of a mas on a field of an arcminute
    for when, (ra, dec) in (
        (BEFORE, (detections.ra[own], detections.dec[own])),
        (AFTER, after),
    ):
        x, y = sky.offsets(ra, dec).T
        data |= {f"x_{when}": x.astype(np.float32), f"y_{when}": y.astype(np.float32)}
    source = ColumnDataSource(data)
    for when in (BEFORE, AFTER):
        plot.scatter(
            f"x_{when}",
            f"y_{when}",
            source=source,
            name=when,
            visible=when == AFTER,
            size=3,
            color=GREY,
            alpha=0.7,
            nonselection_alpha=0.15,
            selection_color="#CC79A7",
        )
    share = "" if len(own) == total else f" {len(own)} of"
    return f"Dots:{share} {counted(total, 'detection')} of matched stars. "
