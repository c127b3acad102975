"""The motion that a solution has for another image of the same exposure or visit, with its error.

Levels that the image shares with those that were aligned are carried: the exposure, or else the
visit, and the detector: with its filter, or else what it is in all filters. For those that it does
not share, the error grows by how far their units scatter: in the solution, or, where it has too few
to tell, as usual. A field's own motion moves no exposure, and is the same for all of a visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine, design, move, parameters_of
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import ARCSEC, directions, frames_at, from_plane, ra_dec, to_plane
from tweakreg_step.core.wording import listed
from tweakreg_step.files.names import file_of
from tweakreg_step.telescopes.choose_mission import root_of
from tweakreg_step.telescopes.visits import visit_of_group

from .fingerprint import affine_on_sky

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .record import SavedLevel, SavedSolution

__all__ = ["Carried", "Wanted", "carried_motion"]

SAME_TIME = 60.0 / (365.25 * 86400.0)
"""Difference of their middles [yr] up to which exposures of a visit were taken in parallel."""

FILTER_SHIFT = 0.003
"""Usual standard deviation of the offset between two filters of a detector, per axis [arcsec]."""

REACH = 60.0
"""Half a side [arcsec] of the field over which motions of exposures are compared."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The image that a motion is wanted for.

    Attributes
    ----------
    name, group, detector, band
        Names of the image, its exposure group, its detector and its filter, '' where unknown.
    epoch
        Middle of the exposure [Julian year], None where unknown.
    middle
        (2,) RA, DEC [deg] of its middle.
    mosaic
        Name of the product that it belongs to by an association, '' where there is none.
    """

    name: str
    group: str
    detector: str
    band: str
    epoch: float | None
    middle: FloatArray
    mosaic: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A motion that is carried to an image.

    Attributes
    ----------
    source
        The exposure, the visit or the mosaic whose motion it is, as words.
    images
        Indices of the images in the solution that it comes from.
    centre
        RA, DEC [deg] of the tangent point.
    motion
        Matrix (2, 2) and shift (2,) [arcsec] in the plane tangent there, axes east and north.
    detector_motion
        Matrix and shift of its detector in its own V2-V3 plane, None where not known.
    error
        (3,) standard deviations at the image's middle: east, north [arcsec], roll [arcsec].
    """

    source: str
    images: IntArray
    centre: tuple[float, float]
    motion: tuple[FloatArray, FloatArray]
    detector_motion: tuple[FloatArray, FloatArray] | None
    error: FloatArray


def carried_motion(solution: SavedSolution, wanted: Wanted) -> Carried:
    """The motion for an image.

    Raises
    ------
    InputError
        If no exposure of its visit was aligned, or only from the WCS of an earlier alignment.
    """
    level = solution.level("group")
    assert level is not None  # noqa: S101 - every solution has it
    groups, source = _groups(solution, wanted)
    images = np.flatnonzero(np.isin(solution.images.group, groups) & _aligned(solution))
    if not source.startswith("mosaic"):
        _check_delivered(solution, images, wanted)
    motion, variance = (
        _of_group(level, groups[0], wanted)
        if len(groups) == 1
        else _of_visit(solution, level, groups, wanted)
    )
    if source.startswith("visit") and len(groups) == 1:
        usual = Options()
        shift, roll = usual.visit_shift_sigma, usual.visit_roll_sigma
        variance = variance + np.array([shift, shift, roll]) ** 2
    detector_motion, added = None, np.zeros(3)
    if not source.startswith("mosaic"):
        detector_motion, added = _detector(solution, images, wanted)
    return Carried(
        source=source,
        images=images,
        centre=(float(wanted.middle[0]), float(wanted.middle[1])),
        motion=motion,
        detector_motion=detector_motion,
        error=np.sqrt(variance + added),
    )


def _aligned(solution: SavedSolution) -> BoolArray:
    return np.array([status == "COMPLETE" for status in solution.images.status], bool)


def _groups(solution: SavedSolution, wanted: Wanted) -> tuple[list[int], str]:
    """The groups (indices) whose motion an image has, and what that is in words."""
    good = set(solution.images.group[_aligned(solution)].tolist())
    mosaics = [g for g in sorted(good) if _made_of(solution, g, wanted)]
    if mosaics:
        return mosaics[:1], f"mosaic {solution.groups.names[mosaics[0]]}"
    names, visit = solution.groups.names, visit_of_group(wanted.group)
    own = [g for g in sorted(good) if wanted.group and names[g] == wanted.group]
    if own:
        return own, f"exposure {names[own[0]]}"
    near = [g for g in sorted(good) if visit and solution.groups.visits[g] == visit]
    same_time = [g for g in near if _parallel(solution, g, wanted)]
    if len(same_time) == 1:
        return same_time, f"exposure {names[same_time[0]]}"
    if near:
        return near, f"visit {visit}"
    known = listed(dict.fromkeys(filter(None, (solution.groups.visits[g] for g in sorted(good)))))
    raise InputError(
        f"No exposure of the visit of '{wanted.name}' ({visit or 'unknown'}) was aligned in the "
        f"solution '{solution.product}', but the motion of its exposure or its visit is what can "
        f"be carried. The solution has: {known or 'no visits'}. Give the solution of its visit."
    )


def _made_of(solution: SavedSolution, group: int, wanted: Wanted) -> bool:
    """Whether a group is a mosaic that an exposure is part of."""
    images = solution.images
    for i in np.flatnonzero(images.group == group):
        parts = {root_of(name) for name in images.members[i].split()}
        if root_of(file_of(wanted.name)) in parts:
            return True
        if wanted.mosaic and root_of(file_of(images.names[i])) == wanted.mosaic:
            return True
    return False


def _parallel(solution: SavedSolution, group: int, wanted: Wanted) -> bool:
    """Whether a group was exposed at the same time."""
    epochs = solution.images.epoch[solution.images.group == group]
    if wanted.epoch is None or not np.isfinite(epochs).all():
        return False
    return bool(np.abs(epochs - wanted.epoch).min() <= SAME_TIME)


def _check_delivered(solution: SavedSolution, images: IntArray, wanted: Wanted) -> None:
    earlier = [solution.images.names[i] for i in images if solution.images.corrected[i]]
    if earlier:
        raise InputError(
            f"The motion for '{wanted.name}' can't be carried: {listed(earlier)} had been aligned "
            f"before the run of the solution '{solution.product}', whose motions start from there, "
            "but they must start from the WCS as delivered. Align them again with reset_wcs=True."
        )


def _of_group(
    level: SavedLevel, group: int, wanted: Wanted
) -> tuple[tuple[FloatArray, FloatArray], FloatArray]:
    """The motion of a group in the plane tangent at an image's middle, and its variances (3,)."""
    places = ra_dec(from_plane(_square(), frames_at(*wanted.middle)))
    moved = move(*places, tuple(level.centre[group]), level.matrix[group], level.shift[group])
    motion = affine_on_sky(np.stack(places, -1), np.stack(moved, -1), wanted.middle)
    return motion, _variance(level, group, wanted.middle)


def _square() -> FloatArray:
    """Positions (25, 2) [arcsec] on a grid about the origin."""
    x, y = np.meshgrid(np.linspace(-REACH, REACH, 5), np.linspace(-REACH, REACH, 5))
    return np.stack([x.ravel(), y.ravel()], axis=-1)


def _variance(level: SavedLevel, group: int, middle: FloatArray) -> FloatArray:
    """Variances (3,) of east, north [arcsec^2] and roll [arcsec^2] of a group's motion there."""
    covariance = level.covariance[group]
    if not np.isfinite(covariance).all():
        return np.full(3, np.nan)
    local = to_plane(directions(*middle)[None], frames_at(*level.centre[group]))
    theta = parameters_of(level.geometry, level.matrix[group], level.shift[group])
    slope = design(level.geometry, theta[None], local)[0]
    shift = np.diag(slope @ covariance @ slope.T)
    roll = covariance[2, 2] * ARCSEC**2 if len(covariance) > 2 else 0.0
    return np.array([*shift, roll])


def _of_visit(
    solution: SavedSolution, level: SavedLevel, groups: list[int], wanted: Wanted
) -> tuple[tuple[FloatArray, FloatArray], FloatArray]:
    """The motion of a visit, and its variances for one more exposure (3,).

    It is that of the level of visits. Where there is none, it is the mean motion of the exposures,
    whose errors are taken as common, as those of the reference catalog are.
    """
    motions = [_of_group(level, group, wanted) for group in groups]
    values = np.array([parameters_of("rshift", *motion) for motion, _ in motions])
    units = np.array([1.0, 1.0, ARCSEC**2])
    visit, unit = _visit(solution, groups)
    if visit is None:
        matrix = np.mean([motion[0] for motion, _ in motions], axis=0)
        shift = np.mean([motion[1] for motion, _ in motions], axis=0)
        scatter = units * np.var(values, axis=0, ddof=1)
        error = np.mean([variance for _, variance in motions], axis=0)
        return (matrix, shift), np.asarray(error + scatter * (1.0 + 1.0 / len(groups)))
    motion, error = _of_group(visit, unit, wanted)
    apart = values - parameters_of("rshift", *motion)
    # exposures that left their visit widen no scatter of the fit, but one more may leave it, too
    seen = units * np.sum(apart**2, axis=0) / (len(groups) - 1)
    usual = np.nan_to_num(level.scatter[[0, 0, 1]]) ** 2
    return motion, np.asarray(error + np.maximum(seen, usual))


def _visit(solution: SavedSolution, groups: list[int]) -> tuple[SavedLevel | None, int]:
    """The level of visits, and the unit that some groups are of; None where they are of several."""
    visit = solution.level("visit")
    if visit is None:
        return None, -1
    units = np.unique(visit.of_image[np.isin(solution.images.group, groups)])
    if len(units) != 1 or units[0] < 0 or not np.isfinite(visit.covariance[units[0]]).all():
        return None, -1
    return visit, int(units[0])


# ---- the detector


def _detector(
    solution: SavedSolution, images: IntArray, wanted: Wanted
) -> tuple[tuple[FloatArray, FloatArray] | None, FloatArray]:
    """The motion of an image's detector, None where not known, and the variances (3,) it adds."""
    level, saved = solution.level("detector"), solution.images
    if level is not None:  # whose units are a visit's, whichever exposures have them
        visits = {saved.visits[i] for i in images}
        of_visits = np.array([one in visits for one in saved.visits], bool)
        images = np.flatnonzero(_aligned(solution) & of_visits)
    same = [i for i in images if saved.detectors[i] == wanted.detector]
    exact = [i for i in same if saved.filters[i] == wanted.band]
    other_filter = 0.0 if exact else FILTER_SHIFT
    if not same:
        return None, _of_other_detectors(level)
    shared = None if exact else _in_all_filters(solution, same)
    if shared is not None:
        return shared
    added = np.array([other_filter, other_filter, 0.0]) ** 2
    unit = -1 if level is None else int(level.of_image[(exact or same)[0]])
    if level is None or unit < 0:
        return None, added
    return (level.matrix[unit], level.shift[unit]), added + _own_variance(level, unit)


def _own_variance(level: SavedLevel, unit: int) -> FloatArray:
    """Variances (3,) of the motion of a unit: shift per axis, twice, and roll [arcsec^2]."""
    variance = np.diag(level.covariance[unit])
    roll = variance[2] * ARCSEC**2 if len(variance) > 2 else 0.0
    return np.array([variance[:2].mean(), variance[:2].mean(), roll])


def _in_all_filters(
    solution: SavedSolution, same: list[int]
) -> tuple[tuple[FloatArray, FloatArray], FloatArray] | None:
    """What the detector of some images is in all filters, and the variances (3,) that it adds.

    None where it was seen with one filter alone: what it is with that is not told apart.
    """
    level = solution.level("detector")
    every = [solution.level(name) for name in ("detector over the run", "detector in a visit")]
    if level is None or every[0] is None:
        return None
    run = every[0].of_image
    own = np.flatnonzero(run == run[same[0]])
    if len({solution.images.filters[i] for i in own}) < 2:
        return None
    parts = [(one, int(one.of_image[same[0]])) for one in every if one is not None]
    if any(unit < 0 for _, unit in parts):
        return None
    theta = sum(parameters_of(one.geometry, one.matrix, one.shift)[unit] for one, unit in parts)
    # one more filter: what a detector is with it, and what is its own
    filters = [solution.level("detector and filter"), level]
    scatter = [np.nan_to_num(one.scatter[[0, 0, 1]]) ** 2 for one in filters if one is not None]
    variance = sum((_own_variance(*part) for part in parts), np.sum(scatter, axis=0))
    return affine(level.geometry, np.asarray(theta)), np.asarray(variance)


def _of_other_detectors(level: SavedLevel | None) -> FloatArray:
    """Variances (3,) of where a detector lies that was not aligned."""
    usual = Options()
    shift, roll = usual.motion_shift_sigma, usual.motion_roll_sigma
    if level is not None and len(level) > 1:
        turned = parameters_of("rshift", level.matrix, level.shift)
        shift = float(np.sqrt(np.mean(level.shift**2)))
        roll = float(ARCSEC * np.sqrt(np.mean(turned[:, 2] ** 2)))
    return np.array([shift, shift, roll]) ** 2
