"""The result of a run, from which all reports and pictures are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tweakreg_step.alignment import ImageFits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.exceptions import TweakregError
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.outcome import LeftOut, Outcome, Verdict
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.parameters import Setting


__all__ = [
    "AlignedCatalogs",
    "Cutout",
    "GroupFit",
    "GroupResults",
    "ImageResults",
    "ReferenceNote",
    "RunFacts",
    "RunResult",
    "result_classes",
]


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
    centre
        RA, DEC [deg] of the tangent point that ``covariance`` is about; NaN where unknown.
    covariance
        (p, p) of the total correction, see `tweakreg_step.core.correction`: that of the solution of
        all groups at once, and the square of what this one is from it. Empty where unknown.
    """

    shift: tuple[float, float]
    roll: float
    scale: float
    matches: int
    rms_mas: float
    centre: tuple[float, float] = (float("nan"), float("nan"))
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The circumstances of a run.

    Attributes
    ----------
    product
        Name of the association's product: results are called after it.
    start
        When the run started, ISO 8601, UTC.
    parameters
        Value and origin ("default", "command line", ...) of each parameter, as it was given.
    options
        The same as the alignment was asked for.
    versions
        Of this package and of those that it stands on.
    seconds
        Wall time of each stage, in the order of the run.
    dry_run
        Whether no image was changed.
    error
        What ended the run early, None where nothing has.
    """

    product: str
    start: str
    parameters: tuple[Setting, ...]
    options: Options
    versions: dict[str, str]
    seconds: dict[str, float]
    dry_run: bool = False
    error: TweakregError | None = None

    def given(self, name: str) -> Any:
        """The value of a parameter, None where it is not known."""
        return next((one.value for one in self.parameters if one.name == name), None)


@dataclass(frozen=True, slots=True)
class ImageResults:
    """I images, and what became of them.

    Attributes
    ----------
    names, detectors
        (I,) names, and names of detector and filter, '' where unknown.
    group
        (I,) index of each image's group.
    pixel_scale
        (I,) [arcsec per pixel].
    corners_before, corners_after
        (I, 4, 2) RA, DEC [deg ICRS] of the corners, in order around the image, through the WCS as
        it was and as it is.
    detections
        (I,) number of sources of each image that took part.
    outcomes
        (I,) one for each image.
    fits
        Of the I images: how well each agrees with the others.
    """

    names: tuple[str, ...]
    detectors: tuple[str, ...]
    group: IntArray
    pixel_scale: FloatArray
    corners_before: FloatArray
    corners_after: FloatArray
    detections: IntArray
    outcomes: tuple[Outcome, ...]
    fits: ImageFits

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def empty(cls) -> Self:
        """No image."""
        corners, none = np.zeros((0, 4, 2)), np.zeros(0, np.int64)
        fits = ImageFits.empty(0)
        return cls((), (), none, np.zeros(0), corners, corners, none, (), fits)


@dataclass(frozen=True, slots=True)
class GroupResults:
    """G groups, and what became of them.

    Attributes
    ----------
    names
        (G,).
    relative, absolute
        (G,) verdicts of each phase; None where the phase was not asked for.
    fits
        (G,) fits of the sequential method, None each where there is none; empty for the global one.
    bound_mas
        (G,) Cramer-Rao bound of each group's displacement error per axis, rms over its
        detections, NaN where unknown.
    achieved_mas
        (G,) one standard deviation of the same as it was estimated from the residuals.
    """

    names: tuple[str, ...]
    relative: tuple[Verdict, ...] | None
    absolute: tuple[Verdict, ...] | None
    fits: tuple[GroupFit | None, ...]
    bound_mas: FloatArray
    achieved_mas: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def empty(cls) -> Self:
        """No group."""
        return cls((), None, None, (), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class AlignedCatalogs:
    """What was to be aligned, and to what.

    Attributes
    ----------
    detections, reference
        On the sky through the input WCS; None where the run ended before.
    x, y
        (N,) pixel positions of `detections`.
    note
        On the reference catalog, None where there was none.
    x_err, y_err, weight
        (N,) errors [pixels] and weights as the catalogs have them, NaN where they have none.
    """

    detections: Detections | None
    reference: Reference | None
    x: FloatArray
    y: FloatArray
    note: ReferenceNote | None
    x_err: FloatArray = field(default_factory=lambda: np.zeros(0))
    y_err: FloatArray = field(default_factory=lambda: np.zeros(0))
    weight: FloatArray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def empty(cls) -> Self:
        """Nothing."""
        return cls(None, None, np.zeros(0), np.zeros(0), None)


@dataclass(frozen=True, slots=True)
class Cutout:
    """The image around a detection.

    Attributes
    ----------
    detection
        Its index.
    column, row
        Pixel of the image that is the first one here; negative where it is outside.
    pixels
        (k, k) shades of grey, 1 to 255; 0 where there is no image.
    """

    detection: int
    column: int
    row: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What was given to a run, what was done, and what became of it.

    Attributes
    ----------
    run
        Its circumstances.
    images, groups, catalogs
        What took part, and what became of it.
    solution
        Of the global method; None for the sequential one, and where the run ended before.
    left_out
        Images that could not be used: unreadable, without a WCS, ...; not among `images`.
    cutouts
        The images around some detections, where a page is asked for.
    """

    run: RunFacts
    images: ImageResults
    groups: GroupResults
    catalogs: AlignedCatalogs
    solution: Solution | None = None
    left_out: tuple[LeftOut, ...] = ()
    cutouts: tuple[Cutout, ...] = ()


def result_classes() -> dict[str, type]:
    """The classes by name of which a result is made, beside those of `core`."""
    kinds = (
        AlignedCatalogs, Cutout, GroupFit, GroupResults, ImageFits, ImageResults, ReferenceNote,
        RunFacts, RunResult,
    )  # fmt: skip
    return {kind.__name__: kind for kind in kinds}
