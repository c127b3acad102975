"""All that a run can tell of itself: the only thing that reports and pictures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.exceptions import TweakregError
    from tweakreg_step.core.outcome import LeftOut, Outcome, Verdict
    from tweakreg_step.core.solution import Solution


__all__ = ["GroupFit", "ReferenceNote", "RunResult"]


@dataclass(frozen=True, slots=True)
class ReferenceNote:
    """Which reference catalog was used.

    Attributes
    ----------
    name
        As the user gave it.
    size
        Number of its stars.
    epoch
        Of its positions [Julian year], None where it has none or each image has its own.
    details
        Where it came from: query, release, date, as far as known.
    """

    name: str
    size: int
    epoch: float | None
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class GroupFit:
    """What the sequential method says of one group, which has no `Solution`.

    Attributes
    ----------
    shift
        (2,) of the whole correction [arcsec], east and north, in the plane tangent at the group.
    roll
        [arcsec as angle], from east to north.
    scale
        Relative, 0 for none.
    matches
        Matched sources.
    rms_mas
        Per axis.
    """

    shift: tuple[float, float]
    roll: float
    scale: float
    matches: int
    rms_mas: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """What was given to a run of I images in G groups, what was done, and what became of it.

    Attributes
    ----------
    product
        Name of the association's product: results are called after it.
    images, detectors
        I names, and I names of detector and filter, '' where unknown.
    group_names
        G names.
    group
        (I,) index of each image's group.
    pixel_scale
        (I,) [arcsec per pixel].
    corners_before, corners_after
        (I, 4, 2) RA, DEC [deg ICRS] of the corners, in order around the image, through the WCS as
        it was and as it is.
    image_detections
        (I,) sources of each image that took part.
    x, y
        (N,) pixel positions of `detections`.
    detections, reference
        On the sky through the input WCS, what was to be aligned; None where the run ended before.
    solution
        Of the global method; None for the sequential one, and where the run ended before.
    fits
        G fits of the sequential method, None each where there is none; empty for the global one.
    outcomes
        I outcomes, one for each image.
    relative, absolute
        G verdicts for each phase; None where the phase was not asked for.
    reference_note
        The reference catalog, None where there was none.
    parameters
        Name, value and origin ("default", "command line", ...) of each.
    versions
        Of this package and of those that it stands on.
    seconds
        Wall time of each stage, in the order of the run.
    start
        When the run started, ISO 8601, UTC.
    bound_mas
        (G,) Cramer-Rao bound of each group's displacement error per axis, rms over its
        detections, NaN where unknown.
    achieved_mas
        (G,) one standard deviation of the same as it was estimated from the residuals.
    dry_run
        Whether no image was changed.
    left_out
        Images that could take no part: unreadable, without a WCS, ...; not among `images`.
    error
        What ended the run early, None where nothing has.
    """

    product: str
    images: tuple[str, ...]
    detectors: tuple[str, ...]
    group_names: tuple[str, ...]
    group: IntArray
    pixel_scale: FloatArray
    corners_before: FloatArray
    corners_after: FloatArray
    image_detections: IntArray
    x: FloatArray
    y: FloatArray
    detections: Detections | None
    reference: Reference | None
    solution: Solution | None
    fits: tuple[GroupFit | None, ...]
    outcomes: tuple[Outcome, ...]
    relative: tuple[Verdict, ...] | None
    absolute: tuple[Verdict, ...] | None
    reference_note: ReferenceNote | None
    parameters: tuple[tuple[str, object, str], ...]
    versions: dict[str, str]
    seconds: dict[str, float]
    start: str
    bound_mas: FloatArray
    achieved_mas: FloatArray
    dry_run: bool = False
    left_out: tuple[LeftOut, ...] = ()
    error: TweakregError | None = None
