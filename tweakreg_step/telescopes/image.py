"""The view of an exposure: its WCS, pointing angles, detector and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["View"]


@dataclass(frozen=True, slots=True)
class View:
    """What the alignment needs of an exposure beside its catalog; sent between processes.

    Attributes
    ----------
    wcs
        The GWCS to correct.
    angles
        v2_ref, v3_ref [arcsec] and roll_ref [deg].
    detector
        Names of the detector and the filter, None where unknown.
    epoch
        Middle of the exposure [Julian year], None where unknown.
    corrected
        Whether the WCS in its file has the correction of an earlier alignment.
    """

    wcs: Any
    angles: dict[str, float]
    detector: str | None
    epoch: float | None
    corrected: bool
