"""Pictures of an account. The only package that imports matplotlib (extra `plots`).

Colours are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), which people with any colour
vision tell apart; whatever a colour says, a line style, a marker, a hatch or a text says as well.
East is to the left in every picture of the sky.
"""

from __future__ import annotations

from tweakreg_step.plots.canvas import Drawing, Picture, rendered
from tweakreg_step.plots.differences import draw_differences
from tweakreg_step.plots.footprints import draw_footprints
from tweakreg_step.plots.motions import draw_motions
from tweakreg_step.plots.overlaps import draw_overlaps
from tweakreg_step.plots.residuals import draw_histogram, draw_residuals
from tweakreg_step.plots.vectors import draw_vectors

__all__ = [
    "Drawing",
    "Picture",
    "draw_differences",
    "draw_footprints",
    "draw_histogram",
    "draw_motions",
    "draw_overlaps",
    "draw_residuals",
    "draw_vectors",
    "rendered",
]
