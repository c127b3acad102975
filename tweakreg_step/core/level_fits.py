"""What a fit found of visits, of placements and of the motion of the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from .arrays import BoolArray, FloatArray, IntArray

__all__ = ["EpochTie", "FieldFit", "LevelMotions", "LevelWidth", "Levels", "Placement"]


@dataclass(frozen=True, slots=True)
class LevelWidth:
    """How far the units of a level scatter, as it was taken by the fit.

    Attributes
    ----------
    name, count
        Of the level, and the number of its units.
    shift_mas, roll_arcsec
        Standard deviations per axis, and of the roll; NaN where the level has none.
    """

    name: str
    count: int
    shift_mas: float
    roll_arcsec: float


@dataclass(frozen=True, slots=True)
class Placement:
    """The scale of where detectors lie in a visit.

    Attributes
    ----------
    group
        One of the groups of the visit.
    scale, sigma
        In units of VA_SCALE - 1, the scale factor of velocity aberration less 1, and its error.
    """

    group: int
    scale: float
    sigma: float


@dataclass(frozen=True, slots=True)
class FieldFit:
    """The motion of the field between epochs.

    Attributes
    ----------
    mean_mas, sigma_mas
        (2,) mean motion of the sources of unknown motion, east and north, and its errors [mas/yr].
    scatter_mas
        Standard deviation per axis of the sources' motions about it [mas/yr].
    told
        Whether reference stars of known motion tell the mean; if not, it was taken to be zero.
    """

    mean_mas: FloatArray
    sigma_mas: FloatArray
    scatter_mas: float
    told: bool


@dataclass(frozen=True, slots=True)
class EpochTie:
    """How well two epochs are tied to each other.

    Attributes
    ----------
    epochs
        Mean epochs of the groups of each [Julian year].
    sigma_mas
        Standard deviation per axis of their mean displacement from each other; infinite where
        nothing ties them.
    """

    epochs: tuple[float, float]
    sigma_mas: float


@dataclass(frozen=True, slots=True)
class LevelMotions:
    """The motions of a level above the groups, or above the units of detector motion.

    Attributes
    ----------
    name
        Of the level, as in `LevelWidth`.
    of
        What tells its units apart: some of 'guide', 'visit', 'detector', 'band', 'detectors'.
    geometry
        Of the motions; 'scale' for a number alone.
    frame
        'sky': of groups, in the plane tangent at ``centre``. 'detector': of units, in the planes of
        their detectors. 'focal plane': of where detectors lie in it. 'sky per year': of the field.
    child
        (G,) or, of detectors, (U,) index of the level's unit that each child belongs to, -1 for
        none.
    centre
        (V, 2) RA, DEC [deg] of the tangent points; NaN in the other frames.
    parameters, covariance
        (V, q) and (V, q, q), see `tweakreg_step.core.correction`; NaN where not determined.
    """

    name: str
    of: tuple[str, ...]
    geometry: str
    frame: str
    child: IntArray
    centre: FloatArray
    parameters: FloatArray
    covariance: FloatArray

    def __len__(self) -> int:
        return len(self.parameters)


@dataclass(frozen=True, slots=True)
class Levels:
    """What is known of the levels of motion beside those of groups and units.

    Attributes
    ----------
    widths
        Of each level, as it was estimated, or as it is usual where too few units tell.
    apart_mas, apart_roll
        (G, 2) and (G,) what a group is from its visit [mas], [arcsec]; 0 where it has none.
    left
        (G,) whether that is more than exposures of a visit ever are apart.
    placements
        Of each visit; empty where they were not fitted.
    field
        The motion of the field, None where all groups are of one epoch.
    ties
        Of each epoch to the next one; empty where all groups are of one epoch.
    motions
        Of the levels above groups and units.
    """

    widths: tuple[LevelWidth, ...]
    apart_mas: FloatArray
    apart_roll: FloatArray
    left: BoolArray
    placements: tuple[Placement, ...] = ()
    field: FieldFit | None = None
    ties: tuple[EpochTie, ...] = ()
    motions: tuple[LevelMotions, ...] = ()

    @classmethod
    def empty(cls, count: int) -> Self:
        """No levels."""
        return cls((), np.zeros((count, 2)), np.zeros(count), np.zeros(count, bool))
