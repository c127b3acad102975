"""Places of observatories, for parallaxes."""

from __future__ import annotations

from tweakreg_step.core.images import Observatory

__all__ = ["EARTH", "L2", "USUAL"]


EARTH = Observatory("Earth", 0.0)
"""Also for a low orbit: 5e-5 au, which a parallax of 10 mas turns into 0.0005 mas."""

L2 = Observatory("L2", 0.01)
"""The orbit of JWST about it has a radius of up to 0.006 au, which a parallax of 10 mas turns into
0.06 mas."""

USUAL = L2
"""The place where none is given, as for bare correctors."""
