"""What may be wrong with the position of a source, as bits of the column ``flags``."""

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
    """A neighbour pulls at the position."""


EXCLUDED = Flag.SHARP
"""What keeps a source out of the alignment: it is not on the sky at all.

All others have good positions within errors that were raised for the reason that the flag names;
see ``docs/centroids.rst`` for the measurement.
"""


def flagged(conditions: dict[Flag, NDArray[np.bool_]]) -> NDArray[np.int32]:
    """Flags (N,) of sources for which each condition (N,) holds or not."""
    bits = [np.where(holds, int(flag), 0) for flag, holds in conditions.items()]
    return np.asarray(np.sum(bits, axis=0), Flags)


def excluded(flags: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which sources (N,) must not take part in an alignment."""
    return np.asarray((flags & int(EXCLUDED)) != 0)
