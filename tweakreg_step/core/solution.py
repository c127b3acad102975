"""What was found: motions of all groups and detectors with errors, apart from any WCS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .arrays import BoolArray, FloatArray, IntArray
    from .outcome import GroupStatus, Verdict


__all__ = ["Mode", "MotionChoice", "Solution"]


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
