"""Places of observatories, for parallaxes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EARTH", "L2", "USUAL", "Observatory"]


@dataclass(frozen=True, slots=True)
class Observatory:
    """A place on the line from the Sun through the Earth.

    Attributes
    ----------
    name
        Name of the place.
    beyond_earth
        How much farther from the Sun it is than the Earth, as a part of the Earth's distance.
    """

    name: str
    beyond_earth: float


EARTH = Observatory("Earth", 0.0)
"""Also for a low orbit: 5e-5 au, which a parallax of 10 mas turns into 0.0005 mas."""

L2 = Observatory("L2", 0.01)
"""The orbit of JWST about it has a radius of up to 0.006 au, which a parallax of 10 mas turns into
0.06 mas."""

USUAL = L2
"""The place where none is given, as for bare correctors."""
