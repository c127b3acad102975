"""What was found: motions of all groups and detectors with errors, apart from any WCS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from .arrays import BoolArray, FloatArray, IntArray
    from .outcome import GroupStatus, Verdict


__all__ = [
    "DetectionFits",
    "GroupMotions",
    "Mode",
    "MotionChoice",
    "PairTies",
    "Solution",
    "UnitMotions",
]


@dataclass(frozen=True, slots=True)
class Mode:
    """A weakly determined common motion.

    Attributes
    ----------
    sigma_mas
        Rms displacement of the groups that take part, one standard deviation [mas].
    groups
        The groups that move most, first the one that moves most.
    """

    sigma_mas: float
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MotionChoice:
    """Which motion of the detectors was chosen, and why.

    Attributes
    ----------
    geometry
        'none', 'shift', 'rshift' or 'rscale'.
    evidence
        For each geometry tried, 2 ln(evidence) relative to 'none'; above 0 favours it.
    reserved_rms_mas
        For each geometry tried, the weighted rms of sources that were not fitted [mas per axis].
    reason
        The sentence that a user reads.
    """

    geometry: str
    evidence: dict[str, float]
    reserved_rms_mas: dict[str, float]
    reason: str


@dataclass(frozen=True, slots=True)
class GroupMotions:
    """The corrections of G groups, with p parameters each.

    Attributes
    ----------
    ra, dec
        (G,) tangent point of each group.
    matrix, shift
        (G, 2, 2) and (G, 2): a position d in that plane truly is at matrix d + shift.
    parameters, covariance
        (G, p) and (G, p, p), see `tweakreg_step.core.correction`; NaN where not aligned. Scaled by
        chi2 / dof where that is above 1.
    status
        (G,) of `GroupStatus`.
    component
        (G,) groups with the same number are tied to each other; -1 where not aligned.
    anchored
        (G,) whether the component is tied to the reference.
    matches, reference_matches
        (G,) detections used, and those of them whose source is a reference star.
    rms_mas
        (G,) weighted rms residual per axis.
    chi2, dof
        (G,) of the group's detections; they add up to those of the run.
    floor
        (G,) error added to each axis of each detection in quadrature [arcsec].
    gauge
        (G, p) weights of the groups in the mean that stays where it is.
    """

    ra: FloatArray
    dec: FloatArray
    matrix: FloatArray
    shift: FloatArray
    parameters: FloatArray
    covariance: FloatArray
    status: tuple[GroupStatus, ...]
    component: IntArray
    anchored: BoolArray
    matches: IntArray
    reference_matches: IntArray
    rms_mas: FloatArray
    chi2: FloatArray
    dof: FloatArray
    floor: FloatArray
    gauge: FloatArray

    def __len__(self) -> int:
        return len(self.ra)

    @classmethod
    def empty(
        cls, ra: FloatArray, dec: FloatArray, status: tuple[GroupStatus, ...], gauge: FloatArray
    ) -> Self:
        """Groups of which none is aligned; what is known of them in any case is given."""
        count, width = gauge.shape
        return cls(
            ra=ra,
            dec=dec,
            matrix=_identity(count),
            shift=np.zeros((count, 2)),
            parameters=np.full((count, width), np.nan),
            covariance=np.full((count, width, width), np.nan),
            status=status,
            component=np.full(count, -1, np.int64),
            anchored=np.zeros(count, bool),
            matches=np.zeros(count, np.int64),
            reference_matches=np.zeros(count, np.int64),
            rms_mas=np.full(count, np.nan),
            chi2=np.zeros(count),
            dof=np.zeros(count),
            floor=np.zeros(count),
            gauge=gauge,
        )


@dataclass(frozen=True, slots=True)
class PairTies:
    """The E pairs of groups that share sources.

    Attributes
    ----------
    groups
        (E, 2) their numbers, ascending.
    matches
        (E,) sources that both see.
    covariance
        (E, 2, 2) of their relative displacement halfway between them, in the axes of the first.
    bridge
        (E,) whether the component would fall apart without the pair: nothing checks it.
    """

    groups: IntArray
    matches: IntArray
    covariance: FloatArray
    bridge: BoolArray

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def bridges(self) -> set[tuple[int, int]]:
        """The pairs that nothing checks."""
        return {(int(one), int(other)) for one, other in self.groups[self.bridge]}

    @classmethod
    def empty(cls) -> Self:
        """No pair."""
        none = np.zeros(0, np.int64)
        return cls(none.reshape(0, 2), none, np.zeros((0, 2, 2)), np.zeros(0, bool))


@dataclass(frozen=True, slots=True)
class DetectionFits:
    """What became of N detections.

    Attributes
    ----------
    source
        (N,) source of each, -1: none.
    residual
        (N, 2) observed - fitted after the correction [arcsec].
    weight
        (N,) robust weight.
    used
        (N,) whether it took part.
    """

    source: IntArray
    residual: FloatArray
    weight: FloatArray
    used: BoolArray

    def __len__(self) -> int:
        return len(self.source)

    @classmethod
    def empty(cls, count: int) -> Self:
        """Detections without a source."""
        return cls(
            source=np.full(count, -1, np.int64),
            residual=np.full((count, 2), np.nan),
            weight=np.zeros(count),
            used=np.zeros(count, bool),
        )


@dataclass(frozen=True, slots=True)
class UnitMotions:
    """The motions of U units, detectors, with q parameters each.

    Attributes
    ----------
    matrix, shift
        (U, 2, 2), (U, 2) in the unit's own plane.
    covariance
        (U, q, q) of the parameters.
    """

    matrix: FloatArray
    shift: FloatArray
    covariance: FloatArray

    def __len__(self) -> int:
        return len(self.shift)

    @property
    def moving(self) -> bool:
        """Whether detectors move at all."""
        return bool(self.covariance.shape[1] > 0)

    @classmethod
    def empty(cls, count: int) -> Self:
        """Units that don't move."""
        return cls(_identity(count), np.zeros((count, 2)), np.zeros((count, 0, 0)))


@dataclass(frozen=True, slots=True)
class Solution:
    """The outcome for G groups, E pairs of them, N detections and U units of detector motion.

    Attributes
    ----------
    geometry
        Of the groups' corrections.
    groups, pairs, detections, units
        What was found of each.
    reference_star
        (S,) index of the reference star of each source, -1 where none.
    modes
        The weakest common motions, the weakest first.
    motion
        Why the detectors move, or do not.
    relative, absolute
        (G,) verdicts on each phase; the second is empty without a reference.
    """

    geometry: str
    groups: GroupMotions
    pairs: PairTies
    detections: DetectionFits
    units: UnitMotions
    reference_star: IntArray
    modes: tuple[Mode, ...]
    motion: MotionChoice
    relative: tuple[Verdict, ...] = ()
    absolute: tuple[Verdict, ...] = ()


def _identity(count: int) -> FloatArray:
    return np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
