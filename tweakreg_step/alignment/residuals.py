"""Residuals of all matches of a solution, observed - fitted, before and after the correction.

Differences are in the plane tangent to the sphere at the source's fitted position, axes east and
north. They are exact: positions go through the corrections again, none is linearised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.solver import (
    Model,
    Motions,
    detector_level,
    link,
    moved_directions,
    unassociated_links,
)
from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import ARCSEC, frames_at, frames_of, to_plane

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import Links
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.solution import Solution


__all__ = ["Matched", "corrected_directions", "matched_of"]


@dataclass(frozen=True, slots=True)
class Matched:
    """The L detections that have a source, sorted by source.

    Attributes
    ----------
    index
        (L,) index among all detections of the run.
    source, group, star
        (L,) indices of source, group, and the source's reference star, -1 where none.
    before, after
        (L, 2) observed - fitted with the input WCS and with the corrected one [arcsec].
    covariance
        (L, 2, 2) of the detection, with the errors that were estimated [arcsec^2].
    weight
        (L,) robust weight.
    used
        (L,) whether the detection counts as matched.
    """

    index: IntArray
    source: IntArray
    group: IntArray
    star: IntArray
    before: FloatArray
    after: FloatArray
    covariance: FloatArray
    weight: FloatArray
    used: BoolArray

    def __len__(self) -> int:
        return len(self.index)


def _motions(detections: Detections, solution: Solution) -> tuple[Model, Motions]:
    """The solution as a model and motions of the solver.

    The geometry 'general' represents any matrix exactly, also those composed with the motion of a
    rigid body.
    """
    groups, units = solution.groups, solution.units
    theta = parameters_of("general", groups.matrix, groups.shift)
    model = Model(frames_at(groups.ra, groups.dec), "general", np.ones_like(theta))
    if not units.moving:
        return model, Motions(theta)
    phi = parameters_of("general", units.matrix, units.shift)
    level = detector_level(detections, "general", np.ones_like(phi))
    return replace(model, levels=(level,)), Motions(theta, (phi,))


def corrected_directions(detections: Detections, solution: Solution) -> FloatArray:
    """Directions (N, 3) of all detections after the solution's motions."""
    return moved_directions(unassociated_links(detections), *_motions(detections, solution))


def matched_of(detections: Detections, reference: Reference | None, solution: Solution) -> Matched:
    """The matches of a solution.

    Parameters
    ----------
    detections, reference
        The catalogs that the solution was made from.
    solution
        The solution.
    """
    star = (
        solution.reference_star if reference is not None else -np.ones_like(solution.reference_star)
    )
    links, index = link(detections, solution.detections.source, reference, star)
    model, motions = _motions(detections, solution)
    own = links.group >= 0
    place = index[own]
    after = solution.detections.residual[place]
    corrected = moved_directions(links, model, motions)[own]
    input_directions = _at_common_epoch(links)[own]
    inflation = solution.detections.inflation[place]
    return Matched(
        index=place,
        source=links.source[own],
        group=links.group[own],
        star=star[links.source[own]],
        before=_relative_to_fitted(corrected, after, input_directions),
        after=after,
        covariance=links.covariance[own] * inflation[:, None, None],
        weight=solution.detections.weight[place],
        used=solution.detections.used[place],
    )


def _at_common_epoch(links: Links) -> FloatArray:
    """Directions (L, 3) through the input WCS, less the proper motion since the catalog's epoch.

    Proper motion is no error of the WCS: it must not show in the differences before the correction.
    """
    local = frames_of(links.vectors)
    path = np.einsum("ni,nij->nj", links.drift / ARCSEC, local[:, :2])
    return np.asarray(links.vectors - path)


def _relative_to_fitted(corrected: FloatArray, after: FloatArray, seen: FloatArray) -> FloatArray:
    """Positions (L, 2) [arcsec] of directions `seen` relative to the sources' fitted positions."""
    local = frames_of(corrected)
    step = np.einsum("ni,nij->nj", after / ARCSEC, local[:, :2])
    return to_plane(seen, frames_of(corrected - step))
