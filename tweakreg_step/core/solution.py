"""The solution of an alignment: motions of groups and detectors, with errors; no WCS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from .arrays import BoolArray, FloatArray, IntArray
    from .evidence import Finding
    from .image_errors import EstimatedError, ImageErrors
    from .level_fits import Levels
    from .outcome import Code


__all__ = [
    "CLEAR_EVIDENCE",
    "ApartImage",
    "DetectionFits",
    "GroupMotions",
    "Mode",
    "MotionChoice",
    "MotionGrounds",
    "PairTies",
    "Solution",
    "UnitMotions",
]


@dataclass(frozen=True, slots=True)
class Mode:
    """A weakly determined common motion of groups.

    Attributes
    ----------
    sigma_mas
        Standard deviation of the motion: rms displacement of the groups that move [mas].
    groups
        Indices of the groups that move most, in descending order.
    """

    sigma_mas: float
    groups: tuple[int, ...]


CLEAR_EVIDENCE = 6.0
"""2 ln(evidence) that counts as strong (Kass & Raftery 1995, JASA 90, 773)."""


class MotionGrounds(Enum):
    """The grounds of a choice of the detectors' motions."""

    ASKED = "asked for"
    EVIDENCE = "evidence"
    ONE_DETECTOR = "there are not two detectors"
    NO_MATCHES = "it leaves no matches"
    IMAGES_OFF = "it would hide that images do not move with their group"
    NOT_ALIGNED = "nothing could be aligned"
    ANOTHER_METHOD = "another method"


@dataclass(frozen=True, slots=True)
class MotionChoice:
    """The choice of the geometry of the detectors' motions.

    Attributes
    ----------
    grounds
        Why it was chosen.
    geometry
        'none', 'shift', 'rshift' or 'rscale'.
    evidence
        For each geometry tried, 2 ln(evidence) relative to 'none', if images do not move by
        themselves; above 0 favours it.
    reserved_rms_mas
        For each geometry tried, the weighted rms of sources that were not fitted [mas per axis].
    asked
        The motion that was asked for, '' where none was.
    own_mas
        What images may move by themselves, where a more general motion was refused for it [mas].
    """

    grounds: MotionGrounds
    geometry: str = "none"
    evidence: dict[str, float] = field(default_factory=dict)
    reserved_rms_mas: dict[str, float] = field(default_factory=dict)
    asked: str = ""
    own_mas: float = 0.0


@dataclass(frozen=True, slots=True)
class GroupMotions:
    """The corrections of G groups, with p parameters each.

    Attributes
    ----------
    ra, dec
        (G,) tangent point of each group [deg ICRS].
    matrix, shift
        (G, 2, 2) and (G, 2) [arcsec]: a position d in that plane is corrected to matrix d + shift.
    parameters, covariance
        (G, p) and (G, p, p), see `tweakreg_step.core.correction`; NaN where not aligned. The
        covariance is scaled by chi2 / dof where that is above 1.
    status
        (G,) status of each group.
    component
        (G,) label of the connected component; -1 where not aligned.
    anchored
        (G,) whether the component is tied to the reference.
    matches, reference_matches
        (G,) number of matched detections, and of those whose source is a reference star.
    rms_mas
        (G,) weighted rms residual per axis.
    chi2, dof
        (G,) of the group's detections; the sum over groups and reference is that of the fit.
    floor
        (G,) rms over the group's detections of the part of their error per axis that was estimated,
        as no catalog gives it [arcsec].
    gauge
        (G, p) weights of the groups in the mean correction that is made zero.
    """

    ra: FloatArray
    dec: FloatArray
    matrix: FloatArray
    shift: FloatArray
    parameters: FloatArray
    covariance: FloatArray
    status: tuple[Code, ...]
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
        cls, ra: FloatArray, dec: FloatArray, status: tuple[Code, ...], gauge: FloatArray
    ) -> Self:
        """Groups that are not aligned; tangent points, statuses and weights are given."""
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
        (E, 2) indices of the groups, ascending.
    matches
        (E,) number of shared sources.
    covariance
        (E, 2, 2) of the relative displacement halfway between the two, axes of the first
        [arcsec^2].
    bridge
        (E,) whether the pair is in no closed cycle: the component would fall apart without it, and
        its offset is not checked.
    """

    groups: IntArray
    matches: IntArray
    covariance: FloatArray
    bridge: BoolArray

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def bridges(self) -> set[tuple[int, int]]:
        """The pairs that are bridges."""
        return {(int(one), int(other)) for one, other in self.groups[self.bridge]}

    @classmethod
    def empty(cls) -> Self:
        """No pair."""
        none = np.zeros(0, np.int64)
        return cls(none.reshape(0, 2), none, np.zeros((0, 2, 2)), np.zeros(0, bool))


@dataclass(frozen=True, slots=True)
class DetectionFits:
    """Association and residuals of N detections.

    Attributes
    ----------
    source
        (N,) index of the source of each, -1 where none.
    residual
        (N, 2) observed - fitted after the correction [arcsec].
    weight
        (N,) robust weight.
    used
        (N,) whether the detection counts as matched.
    inflation
        (N,) variance, as it was estimated, over that with the usual errors.
    """

    source: IntArray
    residual: FloatArray
    weight: FloatArray
    used: BoolArray
    inflation: FloatArray

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
            inflation=np.ones(count),
        )


@dataclass(frozen=True, slots=True)
class UnitMotions:
    """The motions of U units, detectors, with q parameters each.

    Attributes
    ----------
    matrix, shift
        (U, 2, 2), (U, 2) [arcsec] in the unit's own V2-V3 plane.
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
        """Whether motions of the detectors were fitted."""
        return bool(self.covariance.shape[1] > 0)

    @classmethod
    def empty(cls, count: int) -> Self:
        """Units without motions."""
        return cls(_identity(count), np.zeros((count, 2)), np.zeros((count, 0, 0)))


@dataclass(frozen=True, slots=True)
class ApartImage:
    """An image that does not move with its group, and was left out of the solution.

    Attributes
    ----------
    image
        Its index.
    offset_mas
        How far its sources are from where the others put them, when it moves with its group:
        east and north, at the middle of its detections.
    matches
        Number of partners that agree on that.
    roll_arcsec
        Its roll about that middle against the others, from east to north.
    offset_sigma_mas, roll_sigma_arcsec
        Errors of the offset per axis, and of the roll; NaN where unknown.
    """

    image: int
    offset_mas: tuple[float, float]
    matches: int
    roll_arcsec: float = 0.0
    offset_sigma_mas: float = float("nan")
    roll_sigma_arcsec: float = float("nan")


@dataclass(frozen=True, slots=True)
class Solution:
    """The solution for G groups, E pairs of them, N detections and U units of detector motion.

    Attributes
    ----------
    geometry
        Fit geometry of the groups' corrections.
    groups, pairs, detections, units, images
        Results for each group, pair, detection, unit and image.
    reference_star
        (S,) index of the reference star of each source, -1 where none.
    star_inflation
        (M,) variance of each star of the reference, as it was estimated, over the usual one.
    modes
        The least determined common motions, in descending order of their errors.
    motion
        The choice of the detectors' motions.
    errors
        The errors that were estimated.
    levels
        What is known of visits and of other levels of motion.
    relative, absolute
        (G,) verdicts on each phase; the second is empty without a reference.
    apart
        The images that were left out, since they do not move with their groups.
    artefacts
        Indices of the detections that were left out, since they stay on the detector.
    """

    geometry: str
    groups: GroupMotions
    pairs: PairTies
    detections: DetectionFits
    units: UnitMotions
    images: ImageErrors
    reference_star: IntArray
    star_inflation: FloatArray
    modes: tuple[Mode, ...]
    motion: MotionChoice
    levels: Levels
    errors: tuple[EstimatedError, ...] = ()
    relative: tuple[Finding, ...] = ()
    absolute: tuple[Finding, ...] = ()
    apart: tuple[ApartImage, ...] = ()
    artefacts: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))


def _identity(count: int) -> FloatArray:
    return np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
