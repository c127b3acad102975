"""The catalogs of groups and of the reference in the form that the search needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching.false_matches.detector_artefacts import DetectorPositions
from tweakreg_step.core.sphere import directions

from .cross_match import Catalog, catalog_of
from .sky_cells import searched_cells

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options

    from .known_pairs import KnownPairs

__all__ = ["DOUBLE", "Scene", "scene_of", "with_all_detections"]

DOUBLE = 0.3
"""Detections by two detectors of one exposure closer than this are the same star [arcsec]."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The catalogs of G groups with N detections.

    Attributes
    ----------
    detections, vectors
        All detections, and their directions (N, 3).
    frames
        (G, 3, 3) axes of the groups' tangent planes.
    catalogs
        (G,) of the groups.
    in_part
        (G,) whether a catalog has but a part of the detections, see `searched_cells`.
    reference
        (G,) the reference at each group's epoch.
    options
        The options.
    rows
        (G,) indices of the detections of each group.
    known
        Pairs of groups whose motions are known.
    """

    detections: Detections
    vectors: FloatArray
    frames: FloatArray
    catalogs: list[Catalog | None]
    in_part: BoolArray
    reference: list[Catalog | None]
    options: Options
    rows: list[IntArray]
    known: KnownPairs | None = None

    @property
    def group(self) -> IntArray:
        """(N,) groups of the detections."""
        return self.detections.group


def scene_of(
    detections: Detections, frames: FloatArray, reference: Reference | None, options: Options
) -> Scene:
    """The catalogs of detections and of the reference; `frames` (G, 3, 3) are the groups' axes."""
    vectors = directions(detections.ra, detections.dec)
    rows = _rows(detections.group, len(frames))
    searched = searched_cells(vectors, detections.group, options.searchrad)
    own = [one[searched[one]] for one in rows]
    return Scene(
        detections=detections,
        vectors=vectors,
        frames=frames,
        catalogs=_group_catalogs(detections, vectors, own, options),
        in_part=np.array([len(some) < len(one) for some, one in zip(own, rows, strict=True)], bool),
        reference=_reference_catalogs(reference, len(frames)),
        options=options,
        rows=rows,
    )


def with_all_detections(scene: Scene, groups: IntArray) -> Scene:
    """The scene with all detections of some groups (K,) in their catalogs, not a part of them."""
    catalogs, chosen = list(scene.catalogs), [int(g) for g in groups if scene.in_part[g]]
    rows = [scene.rows[group] for group in chosen]
    whole = _group_catalogs(scene.detections, scene.vectors, rows, scene.options)
    for group, catalog in zip(chosen, whole, strict=True):
        catalogs[group] = catalog
    in_part = scene.in_part.copy()
    in_part[chosen] = False
    return replace(scene, catalogs=catalogs, in_part=in_part)


def _rows(group: IntArray, count: int) -> list[IntArray]:
    """Indices of each group's detections (G,), ascending."""
    order = np.argsort(group, kind="stable")
    return np.split(order, np.searchsorted(group[order], np.arange(1, count)))[:count]


def _group_catalogs(
    detections: Detections, vectors: FloatArray, rows: list[IntArray], options: Options
) -> list[Catalog | None]:
    catalogs: list[Catalog | None] = []
    for own in rows:
        if len(own) < 2:
            catalogs.append(None)
            continue
        parts = vectors[own], detections.covariance[own], detections.image[own]
        on_detector = DetectorPositions(detections.detector[own], detections.unit_xy[own])
        catalogs.append(catalog_of(*parts, options.separation, DOUBLE, on_detector))
    return catalogs


def _reference_catalogs(reference: Reference | None, count: int) -> list[Catalog | None]:
    if reference is None or len(reference) < 2:
        return [None] * count
    same = np.zeros(len(reference), np.int64)
    if reference.at_epochs is None:
        vectors = directions(reference.ra, reference.dec)
        return [catalog_of(vectors, reference.covariance, same, 0.0, DOUBLE)] * count
    return [
        catalog_of(directions(ra, dec), reference.covariance, same, 0.0, DOUBLE)
        for ra, dec in zip(*reference.at_epochs, strict=True)
    ]
