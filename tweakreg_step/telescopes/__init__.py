"""What differs between missions, behind one small protocol, and the WCS of images.

`inputs` is imported as a module: it loads the missions' libraries.
"""

from __future__ import annotations

from .image import View
from .telescope import Telescope

__all__ = ["Telescope", "View"]
