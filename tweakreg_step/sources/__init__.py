"""Sources in the pixels of an image: found, selected, measured.

`detect` and `regions` are imported as modules: they load libraries for finders and for regions.
"""

from __future__ import annotations

from .cutouts import Stamps
from .epsf import StarSet, refined_with_epsf, star_stamps, stars_first
from .flags import Flag, Flags, excluded
from .peak_pixels import with_peaks
from .pixel_origin import Origin, pixel_origin
from .selection import limits_of, select

__all__ = [
    "Flag",
    "Flags",
    "Origin",
    "Stamps",
    "StarSet",
    "excluded",
    "limits_of",
    "pixel_origin",
    "refined_with_epsf",
    "select",
    "star_stamps",
    "stars_first",
    "with_peaks",
]
