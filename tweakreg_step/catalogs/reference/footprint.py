"""Circles that cover the images on the sky, for queries of catalogs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import directions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import BoolArray, FloatArray


__all__ = ["Circle", "circles", "inside"]

WASTE = 3.0
"""Images are covered by one circle if its area is at most this many times theirs: another query
takes about as long as the stars of such an area."""

ROUNDING = 1e-4
"""Radii are rounded up to a multiple of this [deg]."""


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the sky: centre ``ra``, ``dec`` and ``radius`` [deg ICRS]."""

    ra: float
    dec: float
    radius: float

    @property
    def centre(self) -> FloatArray:
        """The direction (3,) of the centre."""
        return directions(np.array(self.ra), np.array(self.dec))

    def holds(self, other: Circle) -> bool:
        """Whether all of another circle lies in this one."""
        apart = angles(self.centre, other.centre[None])[0]
        return bool(apart + other.radius <= self.radius + 1e-9)


def angles(centre: FloatArray, vectors: FloatArray) -> FloatArray:
    """Angles (N,) [deg] between a direction (3,) and others (N, 3), exact for small ones."""
    chord = np.linalg.norm(vectors - centre, axis=-1)
    return np.asarray(np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))))


def circles(corners: Sequence[FloatArray], margin: float) -> list[Circle]:
    """A small number of circles that cover all images with little excess area.

    Parameters
    ----------
    corners
        For each image, its corners (n, 2), RA and DEC [deg]; corners that are not finite are
        ignored.
    margin
        Margin around each image [deg].

    Returns
    -------
    list of Circle
        Circles in the order of DEC, independent of the order of the images.
    """
    images = [corner[np.isfinite(corner).all(axis=1)] for corner in corners]
    points = [directions(*image.T) for image in images if len(image)]
    if not points:
        return []
    clusters = _clusters([_Cluster(p, *_ball(p)) for p in _ordered(points)])
    found = [_circle(cluster, margin) for cluster in clusters]
    return sorted(found, key=lambda circle: (circle.dec, circle.ra))


def inside(ra: FloatArray, dec: FloatArray, within: Sequence[Circle]) -> BoolArray:
    """Mask (N,) of positions [deg] that lie in any of the circles."""
    vectors = directions(np.asarray(ra, float), np.asarray(dec, float))
    result: NDArray[np.bool_] = np.zeros(len(vectors), bool)
    for circle in within:
        result |= angles(circle.centre, vectors) <= circle.radius
    return result


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Images in one circle: corners (n, 3), centre (3,), radius [deg], and area of the images.

    The area is that of the images' own circles, as the sum of their squared radii [deg^2].
    """

    points: FloatArray
    centre: FloatArray
    radius: float
    area: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", self.area or self.radius**2)

    def joined(self, other: _Cluster) -> _Cluster | None:
        """One circle for both, None if it would have too much excess area."""
        apart = float(angles(self.centre, other.centre[None])[0])
        least = max(self.radius, other.radius, (apart + self.radius + other.radius) / 2.0)
        area = min(self.area + other.area, least**2)
        # `least` is the radius of the joint circle at most: clearly too large ones are not tried
        if least**2 > 1.2 * WASTE * area:
            return None
        points = np.concatenate([self.points, other.points])
        centre, radius = _ball(points)
        return None if radius**2 > WASTE * area else _Cluster(points, centre, radius, area)


def _ordered(points: Sequence[FloatArray]) -> list[FloatArray]:
    """Images sorted by position, so that the circles do not depend on the order of the input."""
    return sorted(points, key=lambda p: (*p.mean(axis=0).tolist(), len(p)))


def _ball(points: FloatArray) -> tuple[FloatArray, float]:
    """Centre and radius [deg] of a nearly smallest circle around directions (n, 3).

    Badoiu & Clarkson 2003, SODA, 801: decreasing steps towards the farthest point.
    """
    points = np.unique(points, axis=0)
    centre = points.mean(axis=0)
    for step in range(1, 101):
        far = points[np.argmax(np.linalg.norm(points - centre, axis=1))]
        centre = centre + (far - centre) / (step + 1.0)
    centre /= np.linalg.norm(centre)
    return centre, float(angles(centre, points).max())


def _clusters(single: list[_Cluster]) -> list[_Cluster]:
    """Join clusters until none can be joined."""
    clusters: list[_Cluster] = []
    for cluster in single:
        _take_in(clusters, cluster)
    while True:
        again: list[_Cluster] = []
        for cluster in clusters:
            _take_in(again, cluster)
        if len(again) == len(clusters):
            return again
        clusters = again


def _take_in(clusters: list[_Cluster], new: _Cluster) -> None:
    """Join a cluster with the best-fitting one of the list, or append it; changes the list."""
    fits = [(j.radius**2 / j.area, i, j) for i, c in enumerate(clusters) if (j := c.joined(new))]
    if fits:
        _, index, joined = min(fits, key=lambda fit: fit[:2])
        clusters[index] = joined
    else:
        clusters.append(new)


def _circle(cluster: _Cluster, margin: float) -> Circle:
    x, y, z = (float(v) for v in cluster.centre)
    ra, dec = np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
    # the centre is rounded to 1e-6 deg, which the margin has room for
    radius = np.ceil((cluster.radius + margin + 2e-6) / ROUNDING) * ROUNDING
    return Circle(round(float(ra), 6) % 360.0, round(float(dec), 6), round(float(radius), 6))
