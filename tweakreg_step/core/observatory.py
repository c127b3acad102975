"""The place that images are taken from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Observatory"]


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
