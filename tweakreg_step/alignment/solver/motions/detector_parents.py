"""What the motions of a detector in its filters and visits have in common: parents of its units.

A unit is a detector with a filter in a visit. Its motion is what the detector has over the run,
plus what it has with the filter, plus what it has in the visit, plus what is its own; each part
has a prior whose width is estimated, so that what is constant is shared and what is not is free.

The placement is a number for each visit, the scale of where detectors lie and not of what is
within them. The WCS of a pipeline may apply differential velocity aberration about each
detector's own reference point; about a common point C it would displace detector d, whose
reference is at r_d, by (VA_SCALE - 1) (r_d - C) more.

Detectors that lie side by side are mounted together, as those of a module of NIRCam, and roll
together: modules that nothing ties to each other are less certain than detectors that scatter
independently would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.csgraph import connected_components

from tweakreg_step.alignment.linalg import different_rows
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

MODULE = "module in a visit"
"""Name of the level of detectors that lie side by side."""

OF_UNITS = _LABELS | {MODULE: ("detectors", "visit"), PLACEMENT: ("visit",)}
"""Names of the parents of the detectors' motions, and what tells the units of each apart."""

_PLACEMENT_SIGMA = 1.5e-4
"""Standard deviation of the placement: VA_SCALE - 1 is within 1e-4 of 0, nothing is imposed."""

_SIDE_BY_SIDE = 0.2
"""Largest gap between detectors of a module, in units of the side of the smaller: within NIRCam's
modules it is 0.08, between them 0.3 and more."""

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
    if len(np.unique(detector)) < 2:
        return tuple(parents)
    places = _places(detections)
    module = _modules(detections, places)
    if len(np.unique(module)) > 1 and np.bincount(module).max() > 1:
        parents.append(_module_parent(visit, places[detector], module[detector], prior))
    if len(np.unique(visit[visit >= 0])) < 2:
        return tuple(parents)
    carry = np.zeros((len(visit), width, 1))
    carry[:, :2, 0] = places[detector]
    precision = np.full((int(visit.max()) + 1, 1), _PLACEMENT_SIGMA**-2)
    return (*parents, Parent(PLACEMENT, DETECTOR, visit, carry, precision))


def _modules(detections: Detections, places: FloatArray) -> IntArray:
    """Module (D,) of each detector at places (D, 2): those with small gaps between them."""
    half = np.zeros_like(places)
    own = detections.unit >= 0
    np.maximum.at(half, detections.detector[own], np.abs(detections.unit_xy[own]))
    gap = np.abs(places[:, None] - places[None]) - (half[:, None] + half[None])
    distance = np.linalg.norm(np.maximum(gap, 0.0), axis=2)
    side = 2.0 * half.min(axis=1)
    near = distance < _SIDE_BY_SIDE * np.minimum(side[:, None], side[None])
    return np.asarray(connected_components(near, directed=False)[1], np.int64)


def _module_parent(
    visit: IntArray, place: FloatArray, module: IntArray, prior: FloatArray
) -> Parent:
    """The modules in each visit, of units at places (U, 2) in modules (U,).

    A module turns and grows about its middle, and its detectors with it.
    """
    size, width = np.bincount(module), len(prior)
    offset = place - _means(place, module)[module]
    carry = np.tile(np.eye(width), (len(place), 1, 1))
    if width > 2:
        carry[:, 0, 2], carry[:, 1, 2] = -offset[:, 1], offset[:, 0]
    if width > 3:
        carry[:, :2, 3] = offset
    together = size[module] > 1
    unit = np.full(len(place), -1, np.int64)
    unit[together] = _kinds(np.stack([visit, module], axis=1)[together])[1]
    return Parent(MODULE, DETECTOR, unit, carry, np.tile(prior, (int(unit.max()) + 1, 1)))


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
    both = np.stack([detections.group[own], detections.detector[own]], axis=1)
    (group, detector), image = _kinds(both)
    vectors = directions(detections.ra[own], detections.dec[own])
    frames = mean_frames(vectors, detections.group[own], _count(group))
    on_sky = to_plane(vectors, frames[detections.group[own]])
    place = np.linalg.solve(detections.unit_to_sky[own], on_sky[:, :, None])[:, :, 0]
    weight = np.bincount(image).astype(float)
    place = _means(place - detections.unit_xy[own], image)
    found, centre = np.zeros((_count(detector), 2)), np.zeros((_count(group), 2))
    for _ in range(_ROUNDS):
        found = _means(place - centre[group], detector, weight)
        centre = _means(place - found[detector], group, weight)
    return np.asarray(found - found[np.unique(detector)].mean(axis=0))


def _kinds(labels: IntArray) -> tuple[IntArray, IntArray]:
    """The different rows (2, K) of pairs of labels (N, 2), and which of them each is (N,)."""
    kinds, which = different_rows(labels)
    return kinds.T, which


def _means(values: FloatArray, label: IntArray, weight: FloatArray | None = None) -> FloatArray:
    """Means (K, 2) of values (N, 2) that share a label, with weights (N,)."""
    weight = np.ones(len(label)) if weight is None else weight
    size = np.maximum(np.bincount(label, weight), 1.0)
    return np.stack([np.bincount(label, weight * axis) / size for axis in values.T], axis=1)
