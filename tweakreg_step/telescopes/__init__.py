"""What differs between missions, behind one small protocol, and the WCS of images.

`choose_mission`, `library` and `inputs` are imported as modules: they load the missions' own
software.
"""

from __future__ import annotations

from tweakreg_step.core.images import Observatory

from .change import Change
from .image import OpenImage, View
from .observatories import EARTH, L2, USUAL
from .telescope import Entry, Telescope

__all__ = [
    "EARTH",
    "L2",
    "USUAL",
    "Change",
    "Entry",
    "Observatory",
    "OpenImage",
    "Telescope",
    "View",
]
