"""Catalogs of two visits that look at one field: what holds each together says nothing of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from star_fields import catalogs, field, noisy

from tweakreg_step.core.detections import Detections

DITHERS = np.array([[0.0, 0.0], [4.0, 2.0], [-3.0, 5.0]])
SIDE = 100.0  # of an image [arcsec]


@dataclass(frozen=True)
class Visits:
    """Two visits of three dithers each.

    Attributes
    ----------
    offset
        By how far the WCS of the second is off [arcsec].
    roll
        The same [degrees].
    centre
        Where the second looks, from the first [arcsec].
    stars
        Stars on an image.
    unrelated
        Whether the second sees other stars.
    """

    offset: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    centre: tuple[float, float] = (0.0, 0.0)
    stars: int = 100
    unrelated: bool = False

    def places(self, rng: np.random.Generator) -> np.ndarray:
        """Where the stars are."""
        side = SIDE + 20.0 + 2.0 * float(np.abs(self.centre).max())
        return field(rng, int(self.stars * (side / SIDE) ** 2), side)

    def seen(self, rng: np.random.Generator, places: np.ndarray, visit: int) -> list[np.ndarray]:
        """What the dithers of a visit see: 80 per cent of the stars, and some that are none."""
        turn = np.deg2rad(self.roll * visit)
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        out = []
        for step in DITHERS + visit * np.array(self.centre):
            inside = np.abs(places - step).max(axis=1) < 0.5 * SIDE
            true = places[inside & (rng.random(len(places)) < 0.8)]
            false = field(rng, len(true) // 4, SIDE) + step
            seen = noisy(rng, np.concatenate([true, false])) + rng.normal(0.0, 0.003, 2)
            out.append(seen @ matrix + visit * np.array(self.offset))
        return out

    def made(self, seed: int) -> tuple[Detections, np.ndarray]:
        """Six groups, and the places (N, 2) of the stars that the first visit sees."""
        rng = np.random.default_rng(seed)
        places = self.places(rng)
        others = self.places(rng) if self.unrelated else places
        return catalogs(*self.seen(rng, places, 0), *self.seen(rng, others, 1)), places
