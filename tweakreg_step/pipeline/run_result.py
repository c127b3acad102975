"""Collect the result of a run for reports and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import ImageFits, image_fits
from tweakreg_step.alignment.solver import achieved_and_achievable
from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import ARCSEC, directions, frames_of, to_plane
from tweakreg_step.core.wording import listed
from tweakreg_step.report import (
    AlignedCatalogs,
    GroupResults,
    ImageResults,
    ReferenceNote,
    RunResult,
)
from tweakreg_step.telescopes.choose_mission import packages
from tweakreg_step.telescopes.wcs import corners_of

from .detections import usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.images import Groups, Image
    from tweakreg_step.core.outcome import LeftOut, Outcome
    from tweakreg_step.core.sources import Sources
    from tweakreg_step.report import GroupFit, RunFacts

    from .phases import Alignment


__all__ = ["Before", "Circumstances", "run_result_of", "versions"]

PACKAGES = (
    "numpy", "scipy", "astropy", "gwcs", "asdf", "tweakwcs", "stpipe", "photutils", "sep",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The circumstances of a run, and the images that could not be used."""

    facts: RunFacts
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """Geometry of I images with the input WCS.

    Corners (I, 4, 2), RA and DEC [deg]; pixel scales (I,) [arcsec].
    """

    corners: FloatArray
    pixel_scale: FloatArray

    @classmethod
    def of(cls, images: Sequence[Image]) -> Before:
        """Compute it from images that were not corrected yet."""
        return cls(_corners(images), np.array([image.plane.pixel_scale for image in images]))


def run_result_of(
    groups: Groups,
    before: Before,
    alignment: Alignment,
    outcomes: Sequence[Outcome],
    circumstances: Circumstances,
) -> RunResult:
    """The result of a run.

    Parameters
    ----------
    groups
        The images after the alignment.
    before
        Their geometry before it.
    alignment
        The alignment.
    outcomes
        Outcome of each image; further ones are of images that were left out.
    circumstances
        Facts of the run.
    """
    solution = alignment.solution
    achieved = achievable = np.full(len(groups), np.nan)
    if solution is not None:
        achieved, achievable = achieved_and_achievable(
            solution, alignment.detections, alignment.reference
        )
    fits = alignment.agreement or ImageFits.empty(len(groups.images))
    if solution is not None:
        fits = image_fits(alignment.detections, alignment.reference, solution, len(groups.images))
    places = [usable(image) for image in groups.images]
    corners = _corners(groups.images)
    group = groups.of_image
    images = ImageResults(
        names=tuple(image.name for image in groups.images),
        detectors=tuple(image.detector or "" for image in groups.images),
        group=group,
        pixel_scale=before.pixel_scale,
        corners_before=before.corners,
        corners_after=corners,
        detections=np.array([len(sources) for sources in places], np.int64),
        outcomes=_with_missing_images(
            outcomes, [image.group for image in groups.images], circumstances.left_out
        ),
        fits=fits,
    )
    results = GroupResults(
        names=tuple(map(str, groups.names)),
        relative=alignment.relative,
        absolute=alignment.absolute,
        fits=_with_measured_motions(alignment.fits, before.corners, corners, group),
        bound_mas=achievable,
        achieved_mas=achieved,
    )
    note = None if alignment.table is None else _reference_note(alignment.table)
    columns = {name: _column(places, name) for name in ("x", "y", "x_err", "y_err", "weight")}
    catalogs = AlignedCatalogs(alignment.detections, alignment.reference, note=note, **columns)
    return RunResult(
        circumstances.facts, images, results, catalogs, solution, circumstances.left_out
    )


def _column(catalogs: Sequence[Sources], name: str) -> FloatArray:
    """A column (N,) of the catalogs of all images, NaN where one does not have it."""
    columns = [getattr(one, name) for one in catalogs]
    return np.concatenate(
        [
            np.full(len(one), np.nan) if column is None else np.asarray(column, float)
            for one, column in zip(catalogs, columns, strict=True)
        ]
    )


def _with_missing_images(
    outcomes: Sequence[Outcome], names: Sequence[Any], left_out: Sequence[LeftOut]
) -> tuple[Outcome, ...]:
    """The outcomes (I,), with the missing images named where a group is incomplete.

    Parameters
    ----------
    outcomes
        Outcome of each image that was used; further ones are ignored.
    names
        (I,) names of the images' groups.
    left_out
        The images that were not used.
    """
    result = []
    for outcome, name in zip(outcomes, names, strict=False):
        missing = [one.name for one in left_out if one.group and one.group == str(name)]
        if not missing:
            result.append(outcome)
            continue
        took = sum(other == name for other in names)
        reason = (
            f"{outcome.reason} {took} of the {took + len(missing)} images of its group took part: "
            f"{listed(missing)} {'was' if len(missing) == 1 else 'were'} left out."
        )
        result.append(replace(outcome, reason=reason))
    return tuple(result)


def _with_measured_motions(
    fits: Sequence[GroupFit | None], before: FloatArray, after: FloatArray, group: IntArray
) -> tuple[GroupFit | None, ...]:
    """The fits with the total correction of each group, measured at the corners of its images.

    tweakwcs gives only the motion of its last fit, in a plane of its own.
    """
    return tuple(
        None if fit is None else _with_motion(fit, before[group == number], after[group == number])
        for number, fit in enumerate(fits)
    )


def _with_motion(fit: GroupFit, before: FloatArray, after: FloatArray) -> GroupFit:
    start, end = (directions(*corners.reshape(-1, 2).T) for corners in (before, after))
    frame = frames_of(start.mean(axis=0) / np.linalg.norm(start.mean(axis=0)))
    frames = np.broadcast_to(frame, (len(start), 3, 3))
    x, y = (to_plane(vectors, frames) for vectors in (start, end))
    slopes = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(axis=0), rcond=None)[0].T
    shift = y.mean(axis=0) - slopes @ x.mean(axis=0)
    east, north, roll, scale = parameters_of("rscale", slopes, shift).tolist()
    return replace(fit, shift=(east, north), roll=ARCSEC * roll, scale=scale)


def _corners(images: Sequence[Image]) -> FloatArray:
    """RA, DEC (I, 4, 2) [deg] of the corners, in order around each image; NaN where unknown."""
    unknown = np.full((4, 2), np.nan)
    known = [corners if len(corners) else unknown for corners in corners_of(images)]
    return np.array(known).reshape(-1, 4, 2)


def _reference_note(table: Table) -> ReferenceNote:
    meta = {str(key): str(value) for key, value in table.meta.items() if _is_plain(value)}
    epoch = meta.pop("epoch", None)
    return ReferenceNote(meta.pop("name", ""), len(table), _number(epoch), meta)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def versions() -> dict[str, str]:
    """Versions of this package and of those that results depend on."""
    names = (*PACKAGES, *packages())
    return {"tweakreg_step": _version("tweakreg-step")} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
