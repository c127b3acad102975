"""Where an observatory is at a time, as far as parallaxes need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import erfa
import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.telescopes import Observatory

__all__ = ["barycentric"]

J2000 = 2451545.0  # Julian date of the epoch 2000.0


def barycentric(epoch: float, observatory: Observatory) -> FloatArray:
    """Position (3,) of an observatory from the barycentre of the solar system [au, ICRS].

    Parameters
    ----------
    epoch
        Julian year, TDB.
    observatory
        Whose position.

    Notes
    -----
    The Earth's position is that of ERFA's epv00 (Simon et al. 1994, A&A 282, 663, and VSOP2000),
    accurate to 1e-7 au, which needs no ephemeris file.
    """
    heliocentric, centred = erfa.epv00(J2000, (epoch - 2000.0) * 365.25)
    return np.asarray(centred["p"] + observatory.beyond_earth * heliocentric["p"])
