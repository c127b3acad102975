"""The solution of a run as a value of its own: what moved by how much, and from where.

It holds no WCS: motions, and for each image the sky positions of nine pixels through the WCS that
it was solved for (its fingerprint) and through the corrected one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.parameters import Setting

__all__ = ["SavedGroups", "SavedImages", "SavedLevel", "SavedSolution", "parameters_of_run"]


@dataclass(frozen=True, slots=True)
class SavedImages:
    """I images, the WCS that each was solved for, and its correction.

    Attributes
    ----------
    names
        (I,) names of the images: of the file, with a label where it holds several.
    group
        (I,) index of each image's group.
    detectors, filters
        (I,) names, '' where unknown.
    visits, guide_stars
        (I,) names of the visit and of the guide star, '' where unknown.
    members
        (I,) file names of the exposures that a mosaic was made of, separated by blanks; '' for
        exposures, and where they are not known.
    epoch
        (I,) middle of the exposure [Julian year], NaN where unknown.
    box
        (I, 2, 2) limits of each image in x and in y [pixels].
    before, after
        (I, 9, 2) RA, DEC [deg ICRS] of a grid of 3 x 3 pixels, from limit to limit, x fastest,
        through the WCS that was solved for and through the corrected one.
    corrected
        (I,) whether the WCS that was solved for had the correction of an earlier alignment.
    matrix, shift
        (I, 2, 2), (I, 2) [arcsec]: the same motion as an affine, in the plane tangent at the
        image's middle as it was: the position d, axes east and north, moves to matrix d + shift.
    moved
        (I,) whether the image is to be corrected.
    absolute
        (I,) whether it is aligned to the reference catalog.
    status, codes, reasons
        (I,) status, code and sentence of the outcome.
    """

    names: tuple[str, ...]
    group: IntArray
    detectors: tuple[str, ...]
    filters: tuple[str, ...]
    visits: tuple[str, ...]
    guide_stars: tuple[str, ...]
    members: tuple[str, ...]
    epoch: FloatArray
    box: FloatArray
    before: FloatArray
    after: FloatArray
    corrected: BoolArray
    matrix: FloatArray
    shift: FloatArray
    moved: BoolArray
    absolute: BoolArray
    status: tuple[str, ...]
    codes: tuple[str, ...]
    reasons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class SavedGroups:
    """G groups: the verdicts on them, and how well they fit.

    Attributes
    ----------
    names, visits
        (G,) names, '' where the visit is unknown.
    relative, relative_reasons, absolute, absolute_reasons
        (G,) codes and sentences of the verdicts of each phase; empty where it was not asked for.
    component
        (G,) label of the part of the mosaic that hangs together, -1 where not aligned.
    anchored
        (G,) whether that part is tied to the reference catalog.
    matches, reference_matches
        (G,) number of matched detections, and of those whose source is a reference star.
    rms_mas
        (G,) rms residual per axis, NaN where unknown.
    gauge
        (G, p) weights of the groups in the mean correction that is made zero; (G, 0) where the
        method has none.
    """

    names: tuple[str, ...]
    visits: tuple[str, ...]
    relative: tuple[str, ...]
    relative_reasons: tuple[str, ...]
    absolute: tuple[str, ...]
    absolute_reasons: tuple[str, ...]
    component: IntArray
    anchored: BoolArray
    matches: IntArray
    reference_matches: IntArray
    rms_mas: FloatArray
    gauge: FloatArray

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class SavedLevel:
    """The motions of one level: units (exposure groups, detectors, ...) that move as one.

    An image moves as its group and its detector do. The levels above say what groups of a visit
    have in common, and detectors in all filters, in a visit, ...; they are no further motions.

    Attributes
    ----------
    name
        'group', 'detector', or that of a level above: 'visit', 'detector over the run', ...
    geometry
        Of the motions: 'shift', 'rshift', 'rscale' or 'general'; 'scale' of a number alone.
    frame
        'sky': matrix d + shift, with d in the plane tangent at ``centre``, axes east and north.
        'detector': the same in the V2-V3 plane of the image's detector, about its middle.
        'focal plane': the same of the detectors' places about their mean place in V2-V3, in units
        of the scale factor of velocity aberration, 1 + its excess.
        'sky per year': the mean motion of the field's sources, shift in arcsec per year.
    units
        (U,) names.
    of_image
        (I,) index of each image's unit, -1 where it has none.
    centre
        (U, 2) tangent point, RA and DEC [deg ICRS]; NaN in the frame 'detector'.
    matrix, shift
        (U, 2, 2), (U, 2) [arcsec].
    covariance
        (U, q, q) of shift [arcsec], roll [radian], ln scale, ... as the geometry has them; NaN
        where unknown.
    scatter
        (2,) standard deviations of the units about the level above: shift per axis [arcsec] and
        roll [arcsec], as the fit took them; NaN where unknown.
    """

    name: str
    geometry: str
    frame: str
    units: tuple[str, ...]
    of_image: IntArray
    centre: FloatArray
    matrix: FloatArray
    shift: FloatArray
    covariance: FloatArray
    scatter: FloatArray = field(default_factory=lambda: np.full(2, np.nan))

    def __len__(self) -> int:
        return len(self.units)

    @property
    def sigma(self) -> FloatArray:
        """(U, q) standard deviations of the parameters."""
        return np.asarray(np.sqrt(np.einsum("uii->ui", self.covariance)))


@dataclass(frozen=True, slots=True)
class SavedSolution:
    """The solution of a run.

    Attributes
    ----------
    product
        Name of the product: the file is named after it.
    created
        When the run started, ISO 8601, UTC.
    method
        'global' or 'sequential'.
    gauge
        What is held fixed, as a sentence.
    images, groups, levels
        What moved.
    facts
        Essential results that are written into the headers: by name, a value for each image.
    reference
        Name, number of stars, epoch and details (release, checksum, ...) of the reference catalog;
        empty where there was none.
    parameters
        Name, value and origin of each parameter.
    versions
        Of this package and of those that results depend on.
    checksum
        Of all the above, '' where it was not computed.
    """

    product: str
    created: str
    method: str
    gauge: str
    images: SavedImages
    groups: SavedGroups
    levels: tuple[SavedLevel, ...]
    facts: dict[str, list[Any]]
    reference: dict[str, Any]
    parameters: tuple[Setting, ...]
    versions: dict[str, str]
    checksum: str = field(default="", compare=False)

    def level(self, name: str) -> SavedLevel | None:
        """The level of a name, None where there is none."""
        return next((level for level in self.levels if level.name == name), None)

    def parameter(self, name: str, otherwise: Any = None) -> Any:
        """The value of a parameter of the run."""
        return next((one.value for one in self.parameters if one.name == name), otherwise)

    @property
    def reset(self) -> bool:
        """Whether corrections of earlier alignments were ignored."""
        return bool(self.parameter("reset_wcs", otherwise=False))


_OF_THE_RUN = {
    "abs_refcat", "catfile", "use_custom_catalogs", "apply_correction", "save_state", "resume",
    "save_catalogs", "save_abs_catalog", "refimage", "scheduler", "n_workers",
}  # fmt: skip
"""Parameters that hold for the exposures of one run alone."""


def parameters_of_run(solution: SavedSolution) -> dict[str, Any]:
    """The parameters that were given to a run, by name, as far as they hold for another one."""
    return {
        one.name: one.value
        for one in solution.parameters
        if not one.origin.startswith("default")
        and one.name not in _OF_THE_RUN
        and not one.name.startswith(("save_", "output_"))
    }
