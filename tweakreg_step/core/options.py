"""How the alignment of all groups is to be done: what the numerical core is asked for."""

from __future__ import annotations

from dataclasses import dataclass


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
