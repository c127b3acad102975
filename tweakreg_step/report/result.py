"""The result of a run, from which all reports and pictures are made."""

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
    """The reference catalog that was used.

    Attributes
    ----------
    name
        Name given by the user.
    size
        Number of stars.
    epoch
        Epoch of the positions [Julian year], None where unknown or different for each image.
    details
        Origin of the stars: query, release, date, as far as known.
    """

    name: str
    size: int
    epoch: float | None
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class GroupFit:
    """The fit of one group by the sequential method, which gives no `Solution`.

    Attributes
    ----------
    shift
        (2,) of the total correction [arcsec], east and north, in the plane tangent at the group.
    roll
        Roll from east to north [arcsec as angle].
    scale
        Relative change of scale.
    matches
        Number of matched sources.
    rms_mas
        Rms residual per axis.
    """

    shift: tuple[float, float]
    roll: float
    scale: float
    matches: int
    rms_mas: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """Input and result of a run with I images in G groups.

    Attributes
    ----------
    product
        Name of the association's product, with which names of result files begin.
    images, detectors
        (I,) file names, and names of detector and filter, '' where unknown.
    group_names
        (G,) names of the groups.
    group
        (I,) index of each image's group.
    pixel_scale
        (I,) [arcsec per pixel].
    corners_before, corners_after
        (I, 4, 2) RA, DEC [deg ICRS] of the corners, in order around the image, through the input
        WCS and the corrected one.
    image_detections
        (I,) number of sources of each image that were used.
    x, y
        (N,) pixel positions of `detections`.
    detections, reference
        Detections through the input WCS, and reference catalog; None where the run ended before.
    solution
        Solution of the global method; None for the sequential one, and where the run ended before.
    fits
        (G,) fits of the sequential method, None where there is none; empty for the global one.
    outcomes
        (I,) outcome of each image.
    relative, absolute
        (G,) verdicts of each phase; None where the phase was not requested.
    reference_note
        The reference catalog, None where there was none.
    parameters
        Name, value and origin ("default", "command line", ...) of each parameter.
    versions
        Versions of this package and of those that results depend on.
    seconds
        Wall time of each stage [s], in the order of the run.
    start
        Start of the run, ISO 8601, UTC.
    bound_mas
        (G,) Cramer-Rao bound of each group's displacement error per axis, rms over its
        detections, NaN where unknown.
    achieved_mas
        (G,) standard deviation of the same, estimated from the residuals.
    dry_run
        Whether no image was changed.
    left_out
        Images that could not be used: unreadable, without a WCS, ...; not among `images`.
    error
        The error that ended the run, None if there was none.
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
