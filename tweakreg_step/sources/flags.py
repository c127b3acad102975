"""Flags of sources whose positions may be disturbed, as bits of the column ``flags``."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXCLUDED", "Flag", "Flags", "excluded", "flagged"]

Flags = np.int32


class Flag(IntFlag):
    """One bit each; the values are part of the format of saved catalogs."""

    SATURATED = 1
    """A pixel of the core is saturated: it was read from fewer groups, or is missing."""

    NEAR_BAD = 2
    """Pixels inside the window are bad or missing."""

    EDGE = 4
    """The window reaches beyond the image."""

    SHARP = 8
    """Sharper than a star can be, as cosmic rays and hot pixels are."""

    EXTENDED = 16
    """Wider than the stars of the image, as galaxies are."""

    BLENDED = 32
    """A neighbour displaces the position."""


EXCLUDED = Flag.SHARP
"""Flag that excludes a source from the alignment: it is no object on the sky.

Sources with other flags have good positions within their errors, which include the effect that the
flag names; measured in ``docs/centroids.rst``.
"""


def flagged(conditions: dict[Flag, NDArray[np.bool_]]) -> NDArray[np.int32]:
    """Flags (N,) of sources, from the mask (N,) of each flag."""
    bits = [np.where(holds, int(flag), 0) for flag, holds in conditions.items()]
    return np.asarray(np.sum(bits, axis=0), Flags)


def excluded(flags: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Mask (N,) of sources that must not be used in an alignment."""
    return np.asarray((flags & int(EXCLUDED)) != 0)
