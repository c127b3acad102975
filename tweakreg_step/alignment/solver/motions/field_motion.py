"""The motion that the sources of a field have in common, and how they scatter about it.

Between epochs a source of unknown motion moves by m + mu_s: m is the field's mean motion, one
unit of a level with the derivative -(t - t0); mu_s is an unknown of the source, see `latents`,
with a variance V that is estimated and robust against sources that move as no other. Only
reference stars with known motions tell m: sources without any follow whatever the groups do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver.latents import latents, source_spread
from tweakreg_step.alignment.solver.links import MATTERS

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.hierarchy import Model
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = [
    "DISPERSION",
    "FIELD",
    "FieldMotion",
    "epochs_of",
    "field_motion",
    "field_reach",
    "with_spread",
]

FIELD = "motion of the field"
"""Name of the level of the field's motion."""

DISPERSION = 0.007
"""Proper motions of faint stars, rms per axis [arcsec/yr]; see `benchmarks/proper_motions.py`."""

_LEAST = 3e-5
"""Least scatter of motions [arcsec/yr]: smaller ones move nothing by more than 0.3 mas in ten
years."""

_TAIL = 4.0
_STEP = 10.0


@dataclass(frozen=True, slots=True)
class FieldMotion:
    """The level of the field's motion: the motion of a source at t is m (t - t0).

    Attributes
    ----------
    prior
        (1, 2) inverse variances of the mean motion m [yr^2 / arcsec^2].
    start
        t0 [Julian year].
    spread
        V, variance per axis of the motions about m [arcsec^2 / yr^2].
    """

    prior: FloatArray
    start: float
    spread: float = DISPERSION**2

    name = FIELD
    geometry = "shift"

    def offset(self, links: Links, phi: FloatArray) -> FloatArray:
        """Displacements (L, 2), east and north [arcsec], that undo the motion of some links."""
        return np.asarray(-_time(links)[:, None] * phi[0])

    def columns(
        self, links: Links, phi: FloatArray, transform: FloatArray
    ) -> tuple[FloatArray, IntArray]:
        """Derivative (L, 2, 2) with respect to the motion, and its indices (L, 2)."""
        slope = -_time(links)[:, None, None] * transform
        return slope, np.broadcast_to(np.arange(phi.shape[1]), (len(slope), phi.shape[1]))

    def moves(self, links: Links) -> IntArray:
        """0 (L,) for links that follow the field, -1 for others."""
        return np.where(_time(links) == 0.0, -1, 0)


def _time(links: Links) -> FloatArray:
    """Time (L,) since the origin [yr], 0 for sources that do not follow the field."""
    if links.tau is None or links.unknown is None or not links.told:
        return np.zeros(len(links.source))
    return np.where(links.unknown[links.source], links.tau, 0.0)


def epochs_of(detections: Detections, active: BoolArray) -> FloatArray:
    """Epochs (G,) of the groups [Julian year], NaN where unknown or not active (G,)."""
    epoch = np.full(len(active), np.nan)
    known = np.isfinite(detections.epoch) & active[detections.group]
    epoch[detections.group[known]] = detections.epoch[known]
    return epoch


def field_motion(detections: Detections, active: BoolArray) -> FieldMotion | None:
    """The level of a run's field, None where its groups' epochs do not differ by what matters."""
    epoch = epochs_of(detections, active)
    known = epoch[np.isfinite(epoch)]
    if len(known) == 0 or np.ptp(known) < MATTERS:
        return None
    return FieldMotion(np.full((1, 2), DISPERSION**-2), float(known.mean()))


def field_reach(model: Model, detections: Detections) -> float:
    """How far sources may have moved between the epochs [arcsec], rms per axis; 0 for one epoch."""
    if model.field is None:
        return 0.0
    known = detections.epoch[np.isfinite(detections.epoch)]
    return float(np.sqrt(model.field.spread) * np.ptp(known))


def with_spread(links: Links, position: FloatArray, weight: FloatArray) -> Links:
    """The links with V and the weights of their sources that the motions found ask for.

    One round of the fixed point of `prior_widths`, with the same tails.

    Parameters
    ----------
    links
        N detections of S sources.
    position
        (N, 2) corrected positions.
    weight
        (N, 2, 2) inverse covariances times robust weights.
    """
    if links.tau is None or links.unknown is None or links.motion_prior is None:
        return links
    spread = source_spread(links, weight)
    motion = latents(links, spread, weight, position)[:, 2:]
    variance = 0.5 * np.trace(spread[:, 2:, 2:], axis1=1, axis2=2)
    own = links.unknown & (variance > 0.0)
    if not own.any():
        return links
    square = 0.5 * np.sum(motion[own] ** 2, axis=1)
    share = (_TAIL + 1.0) / (_TAIL + (square + variance[own]) / links.spread)
    known = np.maximum(1.0 - variance[own] * links.motion_prior[own, 0, 0], 0.0)
    # the width so far counts as one source: where the data say nothing, it stays
    fresh = (float(np.sum(share * square)) + links.spread) / (float(np.sum(known)) + 1.0)
    fresh = float(np.clip(fresh, links.spread / _STEP, links.spread * _STEP))
    fresh = max(fresh, _LEAST**2)
    share = (_TAIL + 1.0) / (_TAIL + (square + variance[own]) / fresh)
    prior = links.motion_prior.copy()
    prior[own] = (share / fresh)[:, None, None] * np.eye(2)
    return replace(links, motion_prior=prior, spread=fresh)
