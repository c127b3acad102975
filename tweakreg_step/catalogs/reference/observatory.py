"""Position of the observatory, for parallaxes: L2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import erfa
import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["barycentric"]

J2000 = 2451545.0  # Julian date of the epoch 2000.0
L2_DISTANCE = 0.01
"""Distance of L2 from the Earth, relative to the Earth's from the Sun. The orbit of JWST about L2
has a radius of up to 0.006 au, which for a parallax of 10 mas is 0.06 mas."""


def barycentric(epoch: float) -> FloatArray:
    """Position (3,) of L2 from the barycentre of the solar system [au, ICRS].

    Parameters
    ----------
    epoch
        Julian year, TDB.

    Notes
    -----
    The Earth's position is that of ERFA's epv00 (Simon et al. 1994, A&A 282, 663, and VSOP2000),
    accurate to 1e-7 au, which needs no ephemeris file.
    """
    heliocentric, centred = erfa.epv00(J2000, (epoch - 2000.0) * 365.25)
    return np.asarray(centred["p"] + L2_DISTANCE * heliocentric["p"])
