"""Differences of detections from where other groups, or reference stars, have their sources.

The relative phase compares a group with the other groups that detect its sources, the absolute one
with the reference stars. Differences are from the mean of the other groups, or from the star, not
from the source's fitted position, of which the group is a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance, numbered_pairs, source_sums

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit, Links
    from tweakreg_step.core.arrays import BoolArray, FloatArray


__all__ = ["Phase", "phase_at", "phase_of", "precision_of"]


@dataclass(frozen=True, slots=True)
class Phase:
    """Differences of L associated detections from their partners' positions.

    Attributes
    ----------
    difference
        (L, 2) [arcsec] in the plane tangent at the source; 0 where not `paired`.
    paired
        (L,) whether there is a partner: another group that detects the source, or a star.
    """

    difference: FloatArray
    paired: BoolArray


def relative_phase(links: Links, position: FloatArray, weight: FloatArray) -> Phase:
    """Differences of positions (L, 2) from the weighted mean of the other groups' detections."""
    taken = np.where(links.group >= 0, weight, 0.0)
    total = source_sums(taken, links.source, links.source_count)
    moment = source_sums(taken[:, None] * position, links.source, links.source_count)
    own, count = numbered_pairs(links.source, links.group + 1)
    own_total = np.bincount(own, taken, minlength=count)[own]
    own_moment = np.stack(
        [np.bincount(own, taken * axis, minlength=count)[own] for axis in position.T], axis=1
    )
    rest = total[links.source] - own_total
    paired = (links.group >= 0) & (rest > 1e-3 * np.maximum(total[links.source], 1e-300))
    mean = (moment[links.source] - own_moment) / np.where(paired, rest, 1.0)[:, None]
    return Phase(np.where(paired[:, None], position - mean, 0.0), paired)


def absolute_phase(links: Links, position: FloatArray) -> Phase:
    """Differences of positions (L, 2) from those of the reference stars."""
    star = np.zeros((links.source_count, 2))
    tied = np.zeros(links.source_count, bool)
    fixed = links.group < 0
    star[links.source[fixed]], tied[links.source[fixed]] = position[fixed], True
    paired = tied[links.source] & ~fixed
    return Phase(np.where(paired[:, None], position - star[links.source], 0.0), paired)


def phase_at(
    associated: AssociatedFit, position: FloatArray, weight: FloatArray, *, absolute: bool
) -> Phase:
    """Differences of positions (L, 2) from those of the stars, or from the other groups'."""
    if absolute:
        return absolute_phase(associated.links, position)
    return relative_phase(associated.links, position, weight)


def phase_of(associated: AssociatedFit, *, absolute: bool) -> Phase:
    """Differences of the fit's residuals from those of other groups, or of the stars."""
    return phase_at(
        associated, associated.fit.residual, precision_of(associated), absolute=absolute
    )


def precision_of(associated: AssociatedFit) -> FloatArray:
    """Scalar weights (L,) [arcsec^-2]: inverse mean variance per axis, times the robust weight."""
    trace = mean_variance(associated.fit.covariance)
    return np.asarray(associated.fit.weight / trace)
