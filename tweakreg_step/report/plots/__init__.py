"""Pictures of a result. The only package that imports matplotlib (extra `plots`).

Colours are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), which can be distinguished with
any colour vision; each is accompanied by a line style, a marker, a hatch or a text.
East is to the left in every picture of the sky.
"""

from __future__ import annotations

from .canvas import Drawing, Picture, rendered
from .footprints import draw_footprints
from .motions import draw_motions
from .overlaps import draw_overlaps
from .position_differences import draw_differences
from .residuals import draw_histogram, draw_residuals
from .vectors import draw_vectors

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
