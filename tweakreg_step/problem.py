"""The nouns of the alignment: what is given, what is wanted, what was found.

House units: degrees ICRS; arcsec in tangent planes with the axes east and north; covariances in
arcsec^2; mas only in what is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.verdict import Verdict

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

__all__ = [
    "Detections",
    "GroupStatus",
    "Mode",
    "MotionChoice",
    "Options",
    "Reference",
    "Solution",
]


def _same_length(
    count: int, arrays: dict[str, tuple[NDArray[np.generic], tuple[int, ...]]]
) -> None:
    for name, (array, tail) in arrays.items():
        if array.shape != (count, *tail):
            raise ValueError(f"{name} has the shape {array.shape}, but {(count, *tail)} is needed.")


@dataclass(frozen=True, slots=True)
class Detections:
    """All detections of a run.

    Attributes
    ----------
    ra, dec
        (N,) through the input WCS.
    covariance
        (N, 2, 2), east and north at the star.
    group, image
        (N,) index of the exposure group and of the image; a group has one or more images.
    unit
        (N,) index of the unit of detector motion, -1 where there is none.
    unit_xy
        (N, 2) in the V2-V3 tangent plane of the detector, from the detector's centre [arcsec].
    unit_to_sky
        (N, 2, 2) derivative of (east, north) at the star by the position in that plane.
    flux
        (N,) of any unit, NaN where unknown: ranks detections, is never fitted.
    """

    ra: FloatArray
    dec: FloatArray
    covariance: FloatArray
    group: IntArray
    image: IntArray
    unit: IntArray
    unit_xy: FloatArray
    unit_to_sky: FloatArray
    flux: FloatArray

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {"covariance": (2, 2), "unit_to_sky": (2, 2)}
        shapes["unit_xy"] = (2,)
        names = ("dec", "covariance", "group", "image", "unit", "unit_xy", "unit_to_sky", "flux")
        arrays = {name: (getattr(self, name), shapes.get(name, ())) for name in names}
        _same_length(len(self.ra), arrays)

    def __len__(self) -> int:
        return len(self.ra)

    @classmethod
    def simple(
        cls,
        ra: FloatArray,
        dec: FloatArray,
        group: IntArray,
        sigma: float | FloatArray,
        image: IntArray | None = None,
    ) -> Detections:
        """Detections without detector motions, with round errors `sigma` [arcsec per axis]."""
        count = len(ra)
        variance = np.broadcast_to(np.asarray(sigma, float) ** 2, (count,))
        return cls(
            ra=np.asarray(ra, float),
            dec=np.asarray(dec, float),
            covariance=variance[:, None, None] * np.eye(2),
            group=np.asarray(group, np.int64),
            image=np.asarray(group if image is None else image, np.int64),
            unit=np.full(count, -1, np.int64),
            unit_xy=np.zeros((count, 2)),
            unit_to_sky=np.broadcast_to(np.eye(2), (count, 2, 2)).copy(),
            flux=np.full(count, np.nan),
        )

    def take(self, index: IntArray | BoolArray) -> Detections:
        """The detections of an index or a mask."""
        return Detections(**{name: getattr(self, name)[index] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference catalog.

    Attributes
    ----------
    ra, dec
        (M,) at the reference's own epoch.
    covariance
        (M, 2, 2), east and north, at the epoch of observation.
    epoch_ra, epoch_dec
        (G, M) at the epoch of each group, or None if one epoch serves all.
    """

    ra: FloatArray
    dec: FloatArray
    covariance: FloatArray
    epoch_ra: FloatArray | None = None
    epoch_dec: FloatArray | None = None

    def __post_init__(self) -> None:
        count = len(self.ra)
        _same_length(count, {"dec": (self.dec, ()), "covariance": (self.covariance, (2, 2))})
        for name in ("epoch_ra", "epoch_dec"):
            array = getattr(self, name)
            if array is not None and (array.ndim != 2 or array.shape[1] != count):
                raise ValueError(f"{name} has the shape {array.shape}, but (G, {count}) is needed.")
        if (self.epoch_ra is None) != (self.epoch_dec is None):
            raise ValueError("epoch_ra and epoch_dec must be given together.")

    def __len__(self) -> int:
        return len(self.ra)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may choose.

    Attributes
    ----------
    fitgeometry
        'shift', 'rshift', 'rscale' or 'general', of every group's correction.
    searchrad, abs_searchrad
        Largest offset tried between two groups, and between a group and the reference [arcsec].
    tolerance, abs_tolerance
        Upper limit of the match radius; the radius itself comes from the data [arcsec].
    separation
        Detections of one image closer than this are one for the search of offsets, and ambiguous
        where only one other image could tell them apart [arcsec].
    minobj, abs_minobj
        Matches that a group needs, and that the whole needs with the reference.
    nclip, sigma
        Rounds of reweighting, and the residual, in units of its error, where weights start to
        fall; they vanish at twice that.
    shift_sigma, roll_sigma, scale_sigma
        Prior of the pointing: arcsec, arcsec as angle, dimensionless.
    motion_shift_sigma, motion_roll_sigma, motion_scale_sigma
        The same for the motions of the detectors.
    detector_motion
        'none', 'shift', 'rshift', 'rscale' or 'auto'.
    refgroup
        The group that stays where it is, if nothing is tied to a reference; None: the mean does.
    joint
        Solve relative and reference constraints together; if not, move the relative solution as a
        whole.
    max_roll
        Largest roll of the wide search, which follows where the plain one fails [arcsec as angle].
    more_sources
        What to do for more sources, as a part of a sentence: it depends on where they come from.
    """

    fitgeometry: str = "rshift"
    searchrad: float = 2.0
    tolerance: float = 0.7
    separation: float = 1.0
    minobj: int = 15
    nclip: int = 3
    sigma: float = 3.0
    abs_searchrad: float = 6.0
    abs_tolerance: float = 0.7
    abs_minobj: int = 15
    shift_sigma: float = 0.3
    roll_sigma: float = 100.0
    scale_sigma: float = 1e-4
    detector_motion: str = "none"
    motion_shift_sigma: float = 0.02
    motion_roll_sigma: float = 20.0
    motion_scale_sigma: float = 1e-4
    refgroup: int | None = None
    joint: bool = True
    max_roll: float = 3.0 * 3600.0
    more_sources: str = "lower 'snr_threshold' to find more sources"


class GroupStatus(Enum):
    """What became of a group; the value is the sentence that a user reads."""

    ALIGNED = "Aligned."
    TOO_FEW_SOURCES = "Left as it was: its catalog has fewer sources than 'minobj' asks for."
    NOT_CONNECTED = "Left as it was: it overlaps no other group and no reference catalog."
    NO_MATCH = (
        "Left as it was: no offset up to 'searchrad' brings more of its sources onto others than "
        "chance does."
    )
    AMBIGUOUS = "Left as it was: two different offsets match its sources about equally well."
    INCONSISTENT = "Left as it was: its offsets to its neighbours contradict each other."
    TOO_FEW_MATCHES = "Left as it was: fewer of its sources are matched than 'minobj' asks for."
    IMPLAUSIBLE = "Left as it was: the fitted correction is larger than the search allows."

    @property
    def code(self) -> str:
        """A name for machines, which stays when the sentence changes."""
        return self.name.lower()


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
class Solution:
    """The outcome for G groups, U units of detector motion and N detections.

    Attributes
    ----------
    geometry
        Of the groups' corrections.
    ra, dec
        (G,) tangent point of each group.
    matrix, shift
        (G, 2, 2) and (G, 2): a position d in that plane truly is at matrix d + shift.
    parameters, covariance
        (G, p) and (G, p, p), see `tweakreg_step.correction`; NaN where not aligned. Scaled by
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
    pairs, pair_matches, pair_covariance
        (E, 2) groups that share sources, (E,) how many, and (E, 2, 2) the covariance of their
        relative displacement halfway between them, in the axes of the first.
    bridges
        (B, 2) pairs without which the component would fall apart: nothing checks them.
    modes
        The weakest common motions, the weakest first.
    source, residual, weight, used
        (N,) source of each detection (-1: none), (N, 2) observed - fitted after the correction,
        (N,) robust weight, (N,) whether it took part.
    reference_star
        (S,) index of the reference star of each source, -1 where none.
    unit_matrix, unit_shift, unit_covariance
        (U, 2, 2), (U, 2), (U, q, q) in the unit's own plane.
    relative, absolute
        (G,) verdicts on each phase; the second is empty without a reference.
    gauge
        (G, p) weights of the groups in the mean that stays where it is.
    motion
        Why the detectors move, or do not.
    """

    geometry: str
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
    pairs: IntArray
    pair_matches: IntArray
    pair_covariance: FloatArray
    bridges: IntArray
    modes: tuple[Mode, ...]
    source: IntArray
    residual: FloatArray
    weight: FloatArray
    used: BoolArray
    reference_star: IntArray
    unit_matrix: FloatArray
    unit_shift: FloatArray
    unit_covariance: FloatArray
    relative: tuple[Verdict, ...] = ()
    absolute: tuple[Verdict, ...] = ()
    gauge: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    motion: MotionChoice = field(
        default_factory=lambda: MotionChoice(
            "none", {}, {}, "No motion of detectors was asked for."
        )
    )
