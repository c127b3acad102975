"""Which images cover a place: their footprints are the hulls of their detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.core.sphere import chord, mean_frames, to_plane

from .overlap_graph import footprints_of

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray


__all__ = ["Footprints"]


@dataclass(frozen=True, slots=True)
class Footprints:
    """The footprints of I images: polygons of 16 sides around their detections.

    Attributes
    ----------
    frames
        (I, 3, 3) axes of planes tangent at the images' centres.
    radius
        (I,) distance of the farthest detection from there [arcsec].
    low, high
        (I, 8) edges of the strips whose intersection is the footprint [arcsec].
    strips
        (8, 2) directions across the strips.
    """

    frames: FloatArray
    radius: FloatArray
    low: FloatArray
    high: FloatArray
    strips: FloatArray

    @classmethod
    def of(cls, vectors: FloatArray, image: IntArray) -> Self:
        """The footprints of the images (N,) of detections at directions (N, 3)."""
        count = int(image.max(initial=-1)) + 1
        frames = mean_frames(vectors, image, count)
        radius = np.zeros(count)
        np.maximum.at(radius, image, np.hypot(*to_plane(vectors, frames[image]).T))
        low, high, strips, _ = footprints_of(vectors, image, frames)
        return cls(frames, radius, low, high, strips)

    def covering(
        self, points: FloatArray, images: IntArray, margin: float
    ) -> tuple[IntArray, IntArray]:
        """Indices of points and of images (K,) that lie within a margin of each other.

        Parameters
        ----------
        points
            (M, 3) directions.
        images
            The images to look at.
        margin
            Of a footprint [arcsec].
        """
        none = np.zeros(0, np.int64)
        if len(points) == 0:
            return none, none
        tree = cKDTree(points)
        reach = chord(self.radius[images] + margin)
        near = tree.query_ball_point(self.frames[images, 2], reach)
        inside = [
            self._inside(points, np.asarray(own, np.int64), int(image), margin)
            for own, image in zip(near, images, strict=True)
        ]
        seen = np.repeat(images, [len(own) for own in inside])
        return np.concatenate([*inside, none]), seen.astype(np.int64)

    def _inside(self, points: FloatArray, some: IntArray, image: int, margin: float) -> IntArray:
        along = to_plane(points[some], self.frames[image]) @ self.strips.T
        held = (along > self.low[image] - margin) & (along < self.high[image] + margin)
        return np.asarray(some[held.all(axis=1)])
