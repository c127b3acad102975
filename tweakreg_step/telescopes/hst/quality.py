"""Bits of data quality by camera: what can't be used, and what was saturated.

Hot and warm pixels are kept, as the data handbooks of ACS and WFC3 advise for AstroDrizzle (stable
ones are subtracted well by the dark): leaving them out would leave stars out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray

__all__ = ["Bits", "bits_of"]

COSMIC_RAYS = 4096 | 8192
"""Of AstroDrizzle, and of the calibration of an instrument."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of a camera.

    Attributes
    ----------
    kept
        Bits of pixels that can be used although they are not as others.
    saturated
        Bits of saturated pixels; the star that they belong to can be used, with a larger error.
    """

    kept: int
    saturated: int

    def unusable(self, quality: Any) -> BoolArray:
        """Mask of pixels that must not be used."""
        return np.asarray((quality & ~(self.kept | self.saturated)) != 0)

    def is_saturated(self, quality: Any) -> BoolArray:
        """Mask of saturated pixels."""
        return np.asarray((quality & self.saturated) != 0)


_CCD = Bits(kept=16 | 32 | 64 | 128, saturated=256 | 2048)
"""ACS (Data Handbook, table 3.4) and WFC3/UVIS (Data Handbook, table 3.3): hot (16), charge traps
or tails (32), warm (64) and bias structure (128) are kept; full well (256), A-to-D (2048)."""

_BY_CAMERA = {
    "ACS": _CCD,
    "WFC3 UVIS": _CCD,
    # 16 hot, 64 warm, 128 bad reference pixel, 512 blob; 2048 is signal in the zeroth read
    "WFC3 IR": Bits(kept=16 | 64 | 128 | 512 | 2048, saturated=256),
    # 8 saturated; 256 questionable, 512 warm, 1024 repaired warm
    "WFPC2": Bits(kept=256 | 512 | 1024, saturated=8),
}


def bits_of(instrument: str, detector: str) -> Bits:
    """The bits of a camera; of one that is not known no bit is kept."""
    known = _BY_CAMERA.get(f"{instrument} {detector}".strip(), _BY_CAMERA.get(instrument))
    return known or Bits(0, 0)
