"""All that an image may be compared with: stars, and what other groups have, as its group sees it.

Stars move between the epoch of their catalog and those of the exposures, so that what an image is
compared with is another one for each group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.spatial import cKDTree

from tweakreg_step.alignment.linalg import mean_variance, offsets_and_rolls
from tweakreg_step.alignment.solver import moved_directions, unassociated_links
from tweakreg_step.core.sphere import chord, frames_of, from_plane, to_plane

from .image_offsets import stars_at_epochs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.alignment.solver import AssociatedFit, Problem
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

    from .image_offsets import Partners


__all__ = ["ImagePlace", "Rest"]

_WINDOW = 4.0
"""Radius within which partners are looked for, in errors of a difference per axis."""

_FEWEST = 3
"""Partners that tell a place."""

_HERE = 0.03
"""Offset that is none [arcsec]: the groups themselves are placed to less."""

_ERRORS = 6.0
"""Offset or roll that is one, in its own errors."""

_LEAST = 0.005
"""Smallest such radius [arcsec]: the groups themselves are placed to less."""

_ROUNDS = 6
"""Times that partners are looked for anew; a roll that is not known grows from the middle."""


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where an image is, compared with the rest.

    Attributes
    ----------
    offset, offset_sigma
        (2,) east and north about the middle of its detections, and its error per axis [arcsec].
    roll, roll_sigma
        From east to north about that middle, and its error [radians].
    matches
        Number of partners that agree.
    """

    offset: FloatArray
    offset_sigma: float
    roll: float
    roll_sigma: float
    matches: int

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is not where its group puts it."""
        turned = abs(self.roll) > _ERRORS * self.roll_sigma
        return bool(turned or np.hypot(*self.offset) > max(_HERE, _ERRORS * self.offset_sigma))


@dataclass(frozen=True, slots=True)
class Rest:
    """All that images may be compared with.

    Attributes
    ----------
    detections
        N detections.
    moved
        (N, 3) corrected directions, each at its own epoch.
    source
        (N,) source of each, -1 where there is none.
    active
        (N,) whether each took part, and its group is aligned.
    stars
        The reference stars where a group sees them.
    variance
        Usual variance of a place per axis [arcsec^2].
    """

    detections: Detections
    moved: FloatArray
    source: IntArray
    active: BoolArray
    stars: Callable[[int], Partners]
    variance: float

    @classmethod
    def of(
        cls,
        problem: Problem,
        associated: AssociatedFit,
        more: tuple[Detections, FloatArray, IntArray] | None = None,
    ) -> Self:
        """The rest of a fit.

        Parameters
        ----------
        problem, associated
            The problem and its fit.
        more
            Detections (N,), images that were left out among them, their corrected directions
            (N, 3), and the indices (M,) of those of the problem; these are all where there are no
            more.
        """
        own, links = problem.detections, associated.links
        if more is None:
            motions = associated.fit.motions
            moved = moved_directions(unassociated_links(own), problem.model, motions)
            more = own, moved, np.arange(len(own))
        detections, moved, index = more
        linked = links.group >= 0
        source = np.full(len(detections), -1, np.int64)
        source[index[links.detection[linked]]] = links.source[linked]
        active = np.zeros(len(detections), bool)
        active[index] = problem.component[own.group] >= 0
        return cls(
            detections,
            moved,
            source,
            active,
            stars_at_epochs(problem.reference if problem.anchored.any() else None),
            float(np.median(mean_variance(own.covariance))),
        )

    def places(self, group: int) -> FloatArray:
        """Directions (K, 3) of stars and of what other groups have, where a group sees them.

        Of a source it is the detection that is nearest in time.
        """
        other = np.flatnonzero(self.active & (self.detections.group != group))
        epoch = self.detections.epoch
        here = epoch[self.detections.group == group][:1]
        gap = np.zeros(len(other))
        if len(here):
            gap = np.nan_to_num(np.abs(epoch[other] - here[0]))
        tied = self.source[other] >= 0
        free, shared = other[~tied], other[tied]
        order = np.lexsort((gap[tied], self.source[shared]))
        _, first = np.unique(self.source[shared][order], return_index=True)
        own = self.moved[np.concatenate([shared[order][first], free])]
        return np.concatenate([self.stars(group).places, own])

    def place_of(self, image: int, start: FloatArray) -> ImagePlace | None:
        """Where an image is, from a rough knowledge of it; None where fewer than three agree.

        Parameters
        ----------
        image
            Index of the image.
        start
            (3,) rough offset [arcsec] and roll [radians].
        """
        own = np.flatnonzero(self.detections.image == image)
        vectors, group = self.moved[own], int(self.detections.group[own[0]])
        variance = mean_variance(self.detections.covariance[own])
        places = self.places(group)
        if len(places) < _FEWEST:
            return None
        frame = frames_of(vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0)))
        place, tree = to_plane(vectors, frame), cKDTree(places)
        error = variance + self.variance
        limit = max(_WINDOW * float(np.sqrt(np.median(error))), _LEAST)
        motion, covariance, matches = start, np.zeros((3, 3)), 0
        for _ in range(_ROUNDS):
            step = motion[:2] + motion[2] * np.stack([-place[:, 1], place[:, 0]], axis=1)
            there = from_plane(place - step, frame)
            distance, nearest = tree.query(there, distance_upper_bound=float(chord(limit)))
            near = np.flatnonzero(np.isfinite(distance))
            partner = to_plane(places[nearest[near]], frame)
            found, errors = offsets_and_rolls(
                np.zeros(len(near), np.int64),
                place[near],
                place[near] - partner,
                1.0 / error[near],
                1,
            )
            if np.isnan(found).any():
                return None
            motion, covariance, matches = found[0], errors[0], len(near)
        sigma = np.sqrt(np.diag(covariance))
        return ImagePlace(
            motion[:2],
            float(np.sqrt(0.5 * np.sum(sigma[:2] ** 2))),
            float(motion[2]),
            float(sigma[2]),
            matches,
        )
