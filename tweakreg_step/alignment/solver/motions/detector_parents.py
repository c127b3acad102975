"""What the motions of a detector in its filters and visits have in common: parents of its units.

A unit is a detector with a filter in a visit. Its motion is what the detector has over the run,
plus what it has with the filter, plus what it has in the visit, plus what is its own; each part
has a prior whose width is estimated, so that what is constant is shared and what is not is free.

The placement is a number for each visit, the scale of where detectors lie and not of what is
within them. The WCS of a pipeline may apply differential velocity aberration about each
detector's own reference point; about a common point C it would displace detector d, whose
reference is at r_d, by (VA_SCALE - 1) (r_d - C) more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import parameter_count
from tweakreg_step.core.sphere import directions, mean_frames, to_plane

from .levels import DETECTOR
from .parents import Parent

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = ["OF_UNITS", "PLACEMENT", "parents_of_units"]

_LABELS = {
    "detector over the run": ("detector",),
    "detector and filter": ("detector", "band"),
    "detector in a visit": ("detector", "visit"),
}

PLACEMENT = "placement"
"""Name of the level of the scale of where detectors lie."""

OF_UNITS = (*_LABELS, PLACEMENT)
"""Names of the parents of the detectors' motions."""

_PLACEMENT_SIGMA = 1.5e-4
"""Standard deviation of the placement: VA_SCALE - 1 is within 1e-4 of 0, nothing is imposed."""

_ROUNDS = 20


def parents_of_units(
    detections: Detections, geometry: str, prior: FloatArray
) -> tuple[Parent, ...]:
    """The parents of the detectors' motions.

    One that would have as many members as there are units, or the same ones as another, is left
    out; so is the placement where there is one detector, or one visit.

    Parameters
    ----------
    detections
        Whose labels say which detector, filter and visit each unit is of.
    geometry
        Of the motions.
    prior
        (q,) inverse variances of a motion's parameters.
    """
    width = parameter_count(geometry)
    parents: list[Parent] = []
    same = np.broadcast_to(np.eye(width), (_count(detections.unit), width, width))
    for name, labels in _LABELS.items():
        unit = _parents(detections, labels)
        count = int(unit.max(initial=-1)) + 1
        if count == len(unit) or any(np.array_equal(unit, one.unit) for one in parents):
            continue
        parents.append(Parent(name, DETECTOR, unit, same, np.tile(prior, (count, 1))))
    visit = _of_units(detections, detections.visit)
    detector = _of_units(detections, detections.detector)
    if len(np.unique(visit[visit >= 0])) < 2 or len(np.unique(detector)) < 2:
        return tuple(parents)
    carry = np.zeros((len(visit), width, 1))
    carry[:, :2, 0] = _places(detections)[detector]
    precision = np.full((int(visit.max()) + 1, 1), _PLACEMENT_SIGMA**-2)
    return (*parents, Parent(PLACEMENT, DETECTOR, visit, carry, precision))


def _count(label: IntArray) -> int:
    return int(label.max(initial=-1)) + 1


def _of_units(detections: Detections, label: IntArray) -> IntArray:
    """The label (U,) of each unit, -1 where it has no detections."""
    found = np.full(_count(detections.unit), -1, np.int64)
    there = detections.unit >= 0
    found[detections.unit[there]] = label[there]
    return found


def _parents(detections: Detections, labels: tuple[str, ...]) -> IntArray:
    """Number (U,) of the parent of each unit: the units that share all labels have the same."""
    every = np.stack([_of_units(detections, getattr(detections, name)) for name in labels], axis=1)
    return np.unique(every, axis=0, return_inverse=True)[1].reshape(-1)


def _places(detections: Detections) -> FloatArray:
    """Places (D, 2) of the detectors' centres in the V2-V3 plane from a common point [arcsec].

    Exposures may have different detectors: the point that each is centred on, and the places of
    the detectors, are fitted in turn.
    """
    own = detections.unit >= 0
    group, detector = detections.group[own], detections.detector[own]
    vectors = directions(detections.ra[own], detections.dec[own])
    frames = mean_frames(vectors, group, _count(group))
    on_sky = to_plane(vectors, frames[group])
    place = np.linalg.solve(detections.unit_to_sky[own], on_sky[:, :, None])[:, :, 0]
    place = place - detections.unit_xy[own]
    found, centre = np.zeros((_count(detector), 2)), np.zeros((_count(group), 2))
    for _ in range(_ROUNDS):
        found = _means(place - centre[group], detector)
        centre = _means(place - found[detector], group)
    return np.asarray(found - found[np.unique(detector)].mean(axis=0))


def _means(values: FloatArray, label: IntArray) -> FloatArray:
    """Means (K, 2) of values (N, 2) that share a label."""
    size = np.maximum(np.bincount(label), 1)
    return np.stack([np.bincount(label, axis) / size for axis in values.T], axis=1)
