"""Links: the detections that belong to sources, in the arrays that the solver works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.sphere import (
    directions,
    frames_of,
    to_plane,
)

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference

__all__ = ["Links", "link"]


def link(
    detections: Detections, source: IntArray, reference: Reference | None, star: IntArray
) -> tuple[Links, IntArray]:
    """The detections that have a source, sorted by source, each source's reference star last.

    Parameters
    ----------
    detections, source
        N detections and their sources (N,), -1 where none.
    reference, star
        The reference catalog, and the star (S,) of each source, -1 where none.

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
    order = np.lexsort((every, sources))
    every, sources = every[order], sources[order]
    own = every < total
    picked = detections.take(np.where(own, every, 0)) if total else detections
    vectors = directions(picked.ra, picked.dec)
    covariance, floor = picked.covariance.copy(), picked.floor.copy()
    drift = np.zeros((len(every), 2))
    if reference is not None and len(stars):
        fixed = every[~own] - total
        vectors[~own] = directions(reference.ra[fixed], reference.dec[fixed])
        covariance[~own] = reference.covariance[fixed]
        floor[~own] = 0.0 if reference.floor is None else reference.floor[fixed]
        drift[own] = _drift(reference, star[sources[own]], picked.group[own])
    links = Links(
        vectors=vectors,
        covariance=covariance,
        group=np.where(own, picked.group, -1),
        image=np.where(own, picked.image, -1),
        detection=np.where(own, every, -1),
        drift=drift,
        source=sources,
        source_count=len(star),
        detector=np.where(own, picked.detector, -1),
        floor=floor,
    )
    return links, every


def _drift(reference: Reference, star: IntArray, group: IntArray) -> FloatArray:
    """Motion (N, 2) [arcsec] of the stars from the catalog's epoch to that of each group."""
    path = np.zeros((len(star), 2))
    if reference.epoch_ra is None or reference.epoch_dec is None:
        return path
    tied = star >= 0
    ra, dec = (
        reference.epoch_ra[group[tied], star[tied]],
        reference.epoch_dec[group[tied], star[tied]],
    )
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
