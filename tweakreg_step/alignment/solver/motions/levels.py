"""Levels of motion: motions of detections in addition to those of their groups, with their priors.

A level says which unit each detection belongs to and how it moves with that unit. The detectors'
own motions within the exposure are one level; motions of visits, or of a field with time, would be
others. Each level adds columns to the normal equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine, design_in, parameter_count

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.links import Links
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

__all__ = ["DETECTOR", "Level", "detector_level"]

DETECTOR = "detector"
"""Name of the level of the detectors' own motions."""


@dataclass(frozen=True, slots=True)
class Level:
    """Motions that the detections of a unit share.

    Attributes
    ----------
    name
        Name of the level.
    unit
        (N,) unit of each detection, 0 to U - 1; -1 for detections that the level does not move.
    place
        (N, 2) position of each detection in the plane in which its unit moves, from the unit's
        centre [arcsec].
    to_sky
        (N, 2, 2) derivative of (east, north) at the detection with respect to that position.
    geometry
        Fit geometry of the motions, one of `tweakreg_step.core.correction.GEOMETRIES`.
    prior
        (U, q) inverse variances of the parameters, less what their parents move them by.
    """

    name: str
    unit: IntArray
    place: FloatArray
    to_sky: FloatArray
    geometry: str
    prior: FloatArray

    def __post_init__(self) -> None:
        width = parameter_count(self.geometry)
        if self.prior.ndim != 2 or self.prior.shape[1] != width:
            raise ValueError(
                f"The prior of level '{self.name}' has the shape {self.prior.shape}, but "
                f"(units, {width}) is needed for the geometry '{self.geometry}'."
            )

    def offset(self, links: Links, phi: FloatArray) -> FloatArray:
        """Displacements (L, 2), east and north [arcsec], of some links.

        Parameters
        ----------
        links
            Their `detection` counts, -1 for reference stars.
        phi
            (U, q) parameters of the units.
        """
        detection = links.detection
        unit, place = self.unit[detection], self.place[detection]
        matrix, shift = affine(self.geometry, phi)
        step = np.einsum("nij,nj->ni", matrix[unit], place) - place
        step = np.einsum("nij,nj->ni", self.to_sky[detection], step + shift[unit])
        return np.where(self._moves(detection)[:, None], step, 0.0)

    def columns(
        self, links: Links, phi: FloatArray, transform: FloatArray
    ) -> tuple[FloatArray, IntArray]:
        """Derivative (L, 2, q) with respect to the level's parameters, and their indices (L, q).

        Parameters
        ----------
        links, phi
            As for `offset`.
        transform
            (L, 2, 2) derivative of the positions with respect to (east, north) at the detections.
        """
        detection = links.detection
        moves = self._moves(detection)
        unit, width = np.maximum(self.unit[detection], 0), phi.shape[1]
        place, matrix = self.place[detection], affine(self.geometry, phi)[0]
        turned = np.einsum("nij,nj->ni", matrix[unit], place)
        slope = design_in(transform @ self.to_sky[detection], self.geometry, turned, place)
        slope[~moves] = 0.0
        index = unit[:, None] * width + np.arange(width)
        return slope, index

    def moves(self, links: Links) -> IntArray:
        """Unit (L,) of some links, -1 for those that the level does not move."""
        detection = links.detection
        return np.where(self._moves(detection), self.unit[detection], -1)

    def _moves(self, detection: IntArray) -> np.ndarray:
        return (detection >= 0) & (self.unit[detection] >= 0)


def detector_level(detections: Detections, geometry: str, prior: FloatArray) -> Level:
    """The detectors' own motions, each in its V2-V3 plane about its centre.

    Parameters
    ----------
    detections
        Whose `unit` says which detector, filter and visit each is of.
    geometry
        Of the motions.
    prior
        (U, q) inverse variances.
    """
    place, to_sky = detections.unit_xy, detections.unit_to_sky
    return Level(DETECTOR, detections.unit, place, to_sky, geometry, prior)
