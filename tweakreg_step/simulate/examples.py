"""Examples to try the alignment on: exposures of each mission, quickly made."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .hst import Scene, simulate_hst
from .mosaic import simulate_mosaic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["EXAMPLES", "missing_package"]

SEED = 20261121


def _jwst(folder: Path, side: int) -> tuple[int, str]:
    """A mosaic of NIRCam."""
    truth = simulate_mosaic(folder, seed=SEED, shape=(side, side))
    return len(truth.images), shlex.quote(str(truth.association))


def _hst(folder: Path, side: int) -> tuple[int, str]:
    """A visit of HST."""
    truth = simulate_hst(folder, Scene(SEED, shape=(side, side), exposures=4, stars=150))
    return len(truth.exposures), shlex.quote(f"{folder}/*_flc.fits")


EXAMPLES: dict[str, Callable[[Path, int], tuple[int, str]]] = {"jwst": _jwst, "hst": _hst}
"""By mission, what writes exposures of so many rows and columns into a folder.

It returns the number of images, and what to align, as a shell takes it. The first is made unless
another is asked for.
"""

_NEEDED = {"hst": "stwcs"}
"""By mission, the package that is needed to align what could be made without it."""


def missing_package(mission: str) -> str | None:
    """What to install before exposures of a mission can be aligned; None if it is there."""
    needed = _NEEDED.get(mission)
    if needed is None:
        return None
    try:
        found = find_spec(needed) is not None
    except ValueError:  # so says importlib where it was made unusable
        found = False
    return None if found else needed
