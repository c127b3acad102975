"""Points of images at which errors are told: the centre of the detections, and four about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import order_of_labels, source_sums
from tweakreg_step.core.sphere import directions, frames_of, from_plane, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = ["Places", "places_of"]

_POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
"""Centre and four points about it, in units of an image's size."""


@dataclass(frozen=True, slots=True)
class Places:
    """Five points of each of I images.

    Attributes
    ----------
    image, near
        (I,) indices of images with detections, and of the detection next to the centre of each.
    size
        (I,) distance of the points from the centre [arcsec].
    vectors
        (I, 5, 3) directions of the points.
    """

    image: IntArray
    near: IntArray
    size: FloatArray
    vectors: FloatArray

    def take(self, member: IntArray) -> Places:
        """Those of some of the images."""
        return Places(*(getattr(self, name)[member] for name in self.__slots__))


def places_of(detections: Detections, count: int) -> Places:
    """Points of the images that have detections: the mean of these, and their rms distance."""
    vectors = directions(detections.ra, detections.dec)
    number = np.bincount(detections.image, minlength=count)
    seen = np.flatnonzero(number)
    centre = source_sums(vectors, detections.image, count)
    centre[number == 0] = (0.0, 0.0, 1.0)
    frames = frames_of(centre)
    offset = to_plane(vectors, frames[detections.image])
    distance = np.hypot(*offset.T)
    square = np.bincount(detections.image, distance**2, minlength=count)
    size = np.sqrt(square / np.maximum(number, 1))
    order = order_of_labels(detections.image)
    start = (np.cumsum(number) - number)[seen]
    least = np.minimum.reduceat(distance[order], start)
    nearest = np.flatnonzero(distance[order] == np.repeat(least, number[seen]))
    near = order[nearest[np.searchsorted(nearest, start)]]
    size = np.maximum(size[seen], 1.0)
    points = from_plane(
        (_POINTS * size[:, None, None]).reshape(-1, 2), np.repeat(frames[seen], 5, axis=0)
    )
    return Places(seen, near, size, points.reshape(-1, 5, 3))
