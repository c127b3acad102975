"""Where the nodes of the overlap graph are: at their places on the sky, or on a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .sky_map import field_of, group_centres, map_unit

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.report.result import RunResult

__all__ = ["graph_layout"]


def graph_layout(result: RunResult) -> tuple[FloatArray, str, bool]:
    """Positions (G, 2) of the nodes, their unit, and whether they are on a ring, not on a map."""
    centres = group_centres(result)
    known = np.asarray(np.isfinite(centres).all(axis=1))
    field = field_of(centres[:, 0], centres[:, 1])
    places = np.full(centres.shape, np.nan)
    places[known] = field.offsets(centres[known, 0], centres[known, 1])
    corners = result.images.corners_before.reshape(-1, 2)
    spread = field.offsets(corners[:, 0], corners[:, 1])
    whole = float(np.nanmax(np.abs(spread), initial=0.0))
    if known.sum() > 1 and float(np.nanmax(np.abs(places))) < 0.4 * whole:
        angle = 2.0 * np.pi * np.cumsum(known) / known.sum()
        ring = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        return np.where(known[:, None], ring, np.nan), "", True
    unit, arcsec = map_unit(2.0 * whole)
    return places / arcsec, unit, False
