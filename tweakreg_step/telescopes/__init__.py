"""What differs between missions, behind one small protocol.

`inputs` is imported by name: it loads the missions' libraries.
"""

from __future__ import annotations

from .image import View
from .telescope import Telescope

__all__ = ["Telescope", "View"]
