"""Options of the alignment of all groups, as the numerical core takes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the alignment.

    Attributes
    ----------
    fitgeometry
        Geometry of every group's correction: 'shift', 'rshift', 'rscale' or 'general'.
    searchrad, abs_searchrad
        Largest offset searched between two groups, and between a group and the reference [arcsec].
    start
        First guess of the offset of some groups from the others, east and north [arcsec].
    tolerance, abs_tolerance
        Upper limit of the match radius; the radius itself follows from the residuals [arcsec].
    separation
        Of detections of one image closer than this, one is used in the search of offsets; they are
        not used in a source that only one other image detects [arcsec].
    minobj, abs_minobj
        Smallest number of matches of a group, and of a component with the reference.
    sigma
        Standardised residual at which weights start to fall; they vanish at twice that.
    shift_sigma, roll_sigma, scale_sigma
        Standard deviations of the pointing prior: arcsec, arcsec as angle, dimensionless.
    motion_shift_sigma, motion_roll_sigma, motion_scale_sigma
        The same for the motions of the detectors.
    visit_motion
        'auto': exposures of a visit move together, with the errors that follow; 'none'.
    visit_shift_sigma, visit_roll_sigma
        Standard deviations of an exposure about its visit, as long as too few tell.
    detector_motion
        Geometry of the detectors' motions: 'none', 'shift', 'rshift', 'rscale' or 'auto'.
    refgroup
        Index of the group that stays fixed, if nothing is tied to a reference; None: the mean
        correction is zero.
    joint
        Whether relative and absolute matches are fitted together; if not, each component of the
        relative solution is moved onto the reference as one body.
    max_roll
        Largest roll of the wide search, which is made where the plain one fails [arcsec as angle].
    """

    fitgeometry: str = "rshift"
    searchrad: float = 2.0
    start: tuple[float, float] = (0.0, 0.0)
    tolerance: float = 0.7
    separation: float = 1.0
    minobj: int = 15
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
    visit_motion: str = "auto"
    visit_shift_sigma: float = 0.010
    visit_roll_sigma: float = 1.0
    refgroup: int | None = None
    joint: bool = True
    max_roll: float = 3.0 * 3600.0
