"""Links: the detections that belong to sources, in the arrays that the solver works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment.linalg import inverse_2x2, order_of_labels, source_pieces, source_sums
from tweakreg_step.core.sphere import (
    ARCSEC,
    directions,
    frames_of,
    to_plane,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference

    from .motions.field_motion import FieldMotion

__all__ = ["MATTERS", "Links", "link", "reserved_links"]

MATTERS = 0.02
"""Difference of epochs [yr] from which on motions matter: 0.1 mas for 7 mas/yr."""

_OF_DETECTIONS = (
    "vectors", "covariance", "group", "image", "detection", "drift", "source", "detector", "floor"
)  # fmt: skip
"""Names of the arrays with a row for each detection; `tau` may be one of them."""

_OF_SOURCES = ("motion_prior", "unknown")
"""Names of those with a row for each source, where there are any."""

_SIZED = 3
"""Detections of an image from which on they have a size."""

_FEWEST = 3
"""Stars with known motions that tell the motion of the field."""


def link(
    detections: Detections,
    source: IntArray,
    reference: Reference | None,
    star: IntArray,
    field: FieldMotion | None = None,
) -> tuple[Links, IntArray]:
    """The detections that have a source, sorted by source, each source's reference star last.

    Parameters
    ----------
    detections, source
        N detections and their sources (N,), -1 where none.
    reference, star
        The reference catalog, and the star (S,) of each source, -1 where none.
    field
        The motion of the field, None where all sources stand still.

    Returns
    -------
    links, index
        The L links, and the index (L,) of each one's detection; N + m for reference star m.
    """
    stars = np.flatnonzero(star >= 0)
    linked = np.flatnonzero(source >= 0)
    total = len(detections)
    every = np.concatenate([linked, total + star[stars]])
    sources = np.concatenate([source[linked], stars])
    order = order_of_labels(sources)
    every, sources = every[order], sources[order]
    own = every < total
    index = np.where(own, every, 0)
    vectors = directions(detections.ra[index], detections.dec[index])
    covariance, floor = detections.covariance[index], detections.floor[index]
    group = np.where(own, detections.group[index], -1)
    drift = np.zeros((len(every), 2))
    if reference is not None and len(stars):
        fixed = every[~own] - total
        vectors[~own] = directions(reference.ra[fixed], reference.dec[fixed])
        covariance[~own] = reference.covariance[fixed]
        floor[~own] = 0.0 if reference.floor is None else reference.floor[fixed]
        drift[own] = _drift(reference, star[sources[own]], group[own])
        if field is not None and reference.origin_covariance is not None:
            covariance[~own] = reference.origin_covariance[fixed]
    links = Links(
        vectors=vectors,
        covariance=covariance,
        group=group,
        image=np.where(own, detections.image[index], -1),
        detection=np.where(own, every, -1),
        drift=drift,
        source=sources,
        source_count=len(star),
        detector=np.where(own, detections.detector[index], -1),
        floor=floor,
    )
    if field is None:
        return links, every
    epoch = np.where(own, detections.epoch[index], np.nan)
    return _moving(links, epoch, (reference, star), field), every


def _moving(
    links: Links, epoch: FloatArray, stars: tuple[Reference | None, IntArray], field: FieldMotion
) -> Links:
    """The links with the times of their detections, at epochs (N,), and what is known of motions.

    The origin of a star is the epoch at which the errors of its position and of its motion are
    independent; that of other sources does not matter.
    """
    reference, star = stars
    origin, unknown = np.full(len(star), field.start), np.ones(len(star), bool)
    prior = np.tile(np.eye(2) / field.spread, (len(star), 1, 1))
    tied = star >= 0
    if reference is not None and reference.origin is not None:
        origin[tied] = reference.origin[star[tied]]
    if reference is not None and reference.motion_covariance is not None:
        covariance = reference.motion_covariance[np.where(tied, star, 0)]
        unknown = ~(tied & np.isfinite(covariance[:, 0, 0]))
        prior[~unknown] = inverse_2x2(covariance[~unknown])
    tau = np.nan_to_num(epoch - origin[links.source], nan=0.0)
    times = epoch[~unknown[links.source] & np.isfinite(epoch)]
    told = int((~unknown).sum()) >= _FEWEST and np.ptp(times) >= MATTERS
    return replace(
        links, tau=tau, motion_prior=prior, unknown=unknown, told=bool(told), spread=field.spread
    )


def _drift(reference: Reference, star: IntArray, group: IntArray) -> FloatArray:
    """Motion (N, 2) [arcsec] of the stars from the catalog's epoch to that of each group."""
    path = np.zeros((len(star), 2))
    if reference.at_epochs is None:
        return path
    tied = star >= 0
    ra, dec = (place[group[tied], star[tied]] for place in reference.at_epochs)
    start = directions(reference.ra[star[tied]], reference.dec[star[tied]])
    path[tied] = to_plane(directions(ra, dec), frames_of(start))
    return path


@dataclass(frozen=True, slots=True)
class Links:
    """N detections that belong to S sources; reference stars are among them.

    Attributes
    ----------
    vectors
        (N, 3) directions through the input WCS; of a reference star at the catalog's epoch.
    covariance
        (N, 2, 2) of the position, axes east and north [arcsec^2].
    group, image, detection
        (N,) indices, -1 for a reference star; `detection` is the index among all detections.
    drift
        (N, 2) proper motion of the source's star from the catalog's epoch to that of the detection,
        east and north [arcsec].
    source
        (N,) index of the source, ascending.
    source_count
        Number S of sources.
    detector
        (N,) index of the detector, -1 where there is none.
    floor
        (N,) the part of the error that nobody gave, see `Detections` [arcsec].
    tau
        (N,) time from the source's origin [yr]; None where all sources stand still.
    motion_prior
        (S, 2, 2) inverse covariances of the sources' motions [yr^2 / arcsec^2], less those that
        `drift` and the field's have.
    unknown
        (S,) whether the motion is unknown, and that of the field expected.
    told
        Whether stars of known motion tell the field's.
    spread
        Variance per axis of the unknown motions about the field's [arcsec^2 / yr^2].
    """

    vectors: FloatArray
    covariance: FloatArray
    group: IntArray
    image: IntArray
    detection: IntArray
    drift: FloatArray
    source: IntArray
    source_count: int
    detector: IntArray
    floor: FloatArray
    tau: FloatArray | None = None
    motion_prior: FloatArray | None = None
    unknown: BoolArray | None = None
    told: bool = False
    spread: float = 0.0

    def part(self, rows: slice, sources: slice) -> Links:
        """The detections of some sources, which are those of `rows`, numbered from 0."""
        if sources.start == 0 and sources.stop == self.source_count:
            return self
        own = self._taken(rows, sources)
        own["source"] = own["source"] - sources.start
        return replace(self, **own, source_count=sources.stop - sources.start)

    def sources_of(self, chosen: BoolArray) -> BoolArray:
        """Mask (S,) of the sources of the links (L,) `chosen`."""
        sources = np.zeros(self.source_count, bool)
        sources[self.source[chosen]] = True
        return sources

    def of_links(self, chosen: BoolArray) -> Links:
        """The links (L,) `chosen`, which are all that some sources have, numbered anew."""
        sources = self.sources_of(chosen)
        own = self._taken(chosen, sources)
        own["source"] = (np.cumsum(sources) - 1)[own["source"]]
        return replace(self, **own, source_count=int(sources.sum()))

    def _taken(self, rows: Any, sources: Any) -> dict[str, Any]:
        """The arrays of some rows and of their sources, by name."""
        names = ((*_OF_DETECTIONS, "tau"), rows), (_OF_SOURCES, sources)
        return {
            name: getattr(self, name)[part]
            for some, part in names
            for name in some
            if getattr(self, name) is not None
        }

    def pieces(self, size: int = 8192) -> Iterator[tuple[slice, slice]]:
        """Rows and sources of pieces of about `size` detections.

        What is computed from millions of rows through many intermediate arrays is twice as fast
        where these stay in the processor's cache, and they need no memory.
        """
        return source_pieces(self.source, self.source_count, size)


def reserved_links(links: Links) -> BoolArray:
    """Mask (L,) of the links of reserved sources.

    Sources are numbered by position: every fifth is evenly over the field.
    """
    return np.asarray(links.source % 5 == 2)


def image_size(links: Links) -> float:
    """Mean distance from their middle of the detections of the smallest image [arcsec].

    Images with fewer than three detections have no size; 0 where there are no others.
    """
    own = np.flatnonzero(links.image >= 0)
    if not len(own):
        return 0.0
    image, vectors = links.image[own], links.vectors[own]
    count = int(image.max()) + 1
    number = np.bincount(image, minlength=count)
    middle = source_sums(vectors, image, count) / np.maximum(number, 1)[:, None]
    distance = np.linalg.norm(vectors - middle[image], axis=1)
    some = number >= _SIZED
    mean = np.bincount(image, distance, minlength=count)[some] / number[some]
    return float(mean.min(initial=np.inf)) * ARCSEC if some.any() else 0.0
