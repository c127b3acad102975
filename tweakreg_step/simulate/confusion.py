"""Scenes in which matches are confused: arcs, knots on arcs and spikes that finders break up.

What a finder makes of an extended source differs from exposure to exposure: detections lie along
it, much farther from each other than their errors say, and near enough to be matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.sphere import frames_at, from_plane, ra_dec

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

__all__ = ["KINDS", "Confusion", "confused"]

KINDS = ("stars", "arcs", "knots on arcs", "spikes")

_POLE = 150.0, 2.0
_SIDE = 60.0
_SIGMA = 0.0015
_ARCS, _KNOTS = 10, 9
_STARS = {"stars": 60, "arcs": 0, "knots on arcs": 18, "spikes": 18}


@dataclass(frozen=True, slots=True)
class Confusion:
    """A scene of dithers with one detector each.

    Attributes
    ----------
    detections
        Of all dithers, with the errors of stars.
    matrix, shift
        (G, 2, 2), (G, 2) [arcsec] of the motions that undo the displacements, about the pole.
    frame
        (3, 3) axes of the plane in which they act.
    """

    detections: Detections
    matrix: FloatArray
    shift: FloatArray
    frame: FloatArray

    @property
    def group_count(self) -> int:
        """Number of dithers."""
        return len(self.shift)


def confused(kind: str, seed: int, dithers: int = 4) -> Confusion:
    """A scene, reproducible by its seed.

    Parameters
    ----------
    kind
        One of `KINDS`: stars alone, arcs alone, arcs and stars, stars with spikes.
    seed
        Of what is random.
    dithers
        Number of groups.
    """
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    stars = rng.uniform(-0.5 * _SIDE, 0.5 * _SIDE, (_STARS[kind], 2))
    arcs = _arcs(rng) if "arcs" in kind else np.zeros((0, 2, 2))
    frame = frames_at(*_POLE)
    theta = rng.normal(size=(dithers, 3)) * (0.3, 0.3, np.deg2rad(30.0 / 3600.0))
    matrix, shift = affine("rshift", theta)
    seen = []
    for turn, step in zip(matrix, shift, strict=True):
        own = stars[rng.random(len(stars)) < 0.85]
        place = np.concatenate([own, _broken(arcs, rng), _spikes(own, rng, kind == "spikes")])
        place = place + _SIGMA * rng.normal(size=place.shape)
        seen.append(np.linalg.solve(turn, (place - step).T).T)
    group = np.repeat(np.arange(dithers), [len(one) for one in seen])
    ra, dec = ra_dec(from_plane(np.concatenate(seen), frame))
    return Confusion(Detections.simple(ra, dec, group, _SIGMA), matrix, shift, frame)


def _arcs(rng: np.random.Generator) -> FloatArray:
    """Knots (A, K, 2) [arcsec] along arcs, 0.25 arcsec apart in the mean."""
    centre = rng.uniform(-0.4 * _SIDE, 0.4 * _SIDE, (_ARCS, 1, 2))
    angle = rng.uniform(0.0, 2.0 * np.pi, (_ARCS, 1))
    along = 0.25 * (np.arange(_KNOTS) - 0.5 * _KNOTS) + rng.normal(0.0, 0.05, (_ARCS, _KNOTS))
    across = 0.1 * along**2
    x = along * np.cos(angle) - across * np.sin(angle)
    y = along * np.sin(angle) + across * np.cos(angle)
    return centre + np.stack([x, y], axis=-1)


def _broken(arcs: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Detections (D, 2) that an exposure makes of arcs: knots that are seen, and moved along."""
    if len(arcs) == 0:
        return np.zeros((0, 2))
    along = np.gradient(arcs, axis=1)
    along /= np.linalg.norm(along, axis=2, keepdims=True)
    # neighbours blend: a knot is drawn to one that is not seen
    moved = arcs + along * rng.normal(0.0, 0.05, (*arcs.shape[:2], 1))
    return np.asarray(moved[rng.random(arcs.shape[:2]) < 0.7])


def _spikes(stars: FloatArray, rng: np.random.Generator, wanted: bool) -> FloatArray:
    """Detections (D, 2) along six spikes of each star, four of each, anywhere along it."""
    if not wanted:
        return np.zeros((0, 2))
    angle = np.deg2rad(60.0 * np.arange(6) + 30.0)[None, :, None]
    away = rng.uniform(0.25, 1.2, (len(stars), 6, 4))
    across = rng.normal(0.0, 0.01, away.shape)
    x = away * np.cos(angle) - across * np.sin(angle)
    y = away * np.sin(angle) + across * np.cos(angle)
    return np.asarray((stars[:, None, None] + np.stack([x, y], axis=-1)).reshape(-1, 2))
