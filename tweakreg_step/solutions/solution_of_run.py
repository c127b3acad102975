"""The solution of a run, collected from its images and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from tweakreg_step.core.outcome import Status
from tweakreg_step.core.sphere import directions, ra_dec
from tweakreg_step.report import essentials_of
from tweakreg_step.telescopes.visits import visit_of_group

from .fingerprint import affine_on_sky, fingerprint
from .levels_above import EXPOSURE, levels_above, scatter_of
from .names import detector_and_filter
from .record import SavedGroups, SavedImages, SavedLevel, SavedSolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Groups, Image
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report import GroupFit, RunResult

    Affine = tuple[FloatArray, FloatArray]

__all__ = ["Marks", "solution_of"]


class Calibrated(Protocol):
    """Motions of detectors that were known before a run."""

    @property
    def geometry(self) -> str:
        """Of the motions."""

    @property
    def covariance(self) -> FloatArray:
        """(q, q) of a motion."""

    def of(self, detector: str | None) -> Affine | None:
        """The motion of a detector with a filter, None where not known."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where nine pixels of I images are through their present WCS; NaN where that is not known.

    Attributes
    ----------
    box
        (I, 2, 2) limits of each image [pixels].
    sky
        (I, 9, 2) RA, DEC [deg ICRS].
    """

    box: FloatArray
    sky: FloatArray

    @classmethod
    def of(cls, images: Sequence[Image]) -> Self:
        """Compute them from images."""
        box, sky = zip(*map(_marks, images), strict=True)
        return cls(np.array(box), np.array(sky))


def _marks(image: Image) -> tuple[FloatArray, FloatArray]:
    try:
        box = np.array(image.plane.limits, float)
    except ValueError:
        return np.full((2, 2), np.nan), np.full((9, 2), np.nan)
    return box, fingerprint(image.plane, box)


def solution_of(
    groups: Groups,
    before: Marks,
    result: RunResult,
    calibrated: Calibrated | None = None,
) -> SavedSolution:
    """The solution of a run.

    Parameters
    ----------
    groups
        The images after the alignment.
    before
        Their marks before it.
    result
        The result; its outcomes say which images are to be corrected.
    calibrated
        The motions that detectors had before the alignment, None if they had none.
    """
    after = Marks.of(groups.images)
    levels = [_group_level(groups, before, after, result)]
    if result.solution is not None and (calibrated or result.solution.units.moving):
        levels.append(_detector_level(groups, result.solution, calibrated))
    if result.solution is not None:
        levels += levels_above(groups, result.solution)
    return SavedSolution(
        product=result.run.product,
        created=result.run.start,
        method="global" if result.solution is not None else "sequential",
        gauge=_gauge(result),
        images=_images(groups, before, after, result),
        groups=_groups(groups, result),
        levels=tuple(levels),
        facts=_facts(result),
        reference=_reference(result),
        parameters=result.run.parameters,
        versions=dict(result.run.versions),
    )


def _images(groups: Groups, before: Marks, after: Marks, result: RunResult) -> SavedImages:
    outcomes = result.images.outcomes
    known = [detector_and_filter(image.detector) for image in groups.images]
    moved = np.array([outcome.moved for outcome in outcomes], bool)
    motions = [
        affine_on_sky(before.sky[i], after.sky[i], before.sky[i, 4])
        if one
        else (np.eye(2), np.zeros(2))
        for i, one in enumerate(moved.tolist())
    ]
    aligned = [outcome.status is Status.ALIGNED for outcome in outcomes]
    reset = any(one.name == "reset_wcs" and one.value for one in result.run.parameters)
    return SavedImages(
        names=tuple(image.name for image in groups.images),
        group=np.asarray(groups.of_image, np.int64),
        detectors=tuple(detector for detector, _ in known),
        filters=tuple(band for _, band in known),
        visits=tuple(image.visit for image in groups.images),
        guide_stars=tuple(image.guide_star for image in groups.images),
        members=tuple(" ".join(image.members) for image in groups.images),
        epoch=np.array([np.nan if i.epoch is None else i.epoch for i in groups.images], float),
        box=before.box,
        before=before.sky,
        after=np.where(moved[:, None, None], after.sky, before.sky),
        corrected=np.array([image.corrected and not reset for image in groups.images], bool),
        matrix=np.array([matrix for matrix, _ in motions]),
        shift=np.array([shift for _, shift in motions]),
        moved=moved,
        absolute=np.array([outcome.absolute for outcome in outcomes], bool),
        status=tuple(outcome.status.value for outcome in outcomes),
        codes=tuple(str(outcome.code or "") for outcome in outcomes),
        reasons=tuple("" if a else o.reason for a, o in zip(aligned, outcomes, strict=True)),
    )


def _groups(groups: Groups, result: RunResult) -> SavedGroups:
    names = tuple(map(str, groups.names))
    relative, absolute = (
        [(v.code.value, v.reason) for v in verdicts or ()]
        for verdicts in (result.groups.relative, result.groups.absolute)
    )
    figures = _fit_figures(result)
    return SavedGroups(
        names=names,
        visits=tuple(map(visit_of_group, names)),
        relative=tuple(code for code, _ in relative),
        relative_reasons=tuple(reason for _, reason in relative),
        absolute=tuple(code for code, _ in absolute),
        absolute_reasons=tuple(reason for _, reason in absolute),
        **figures,
    )


def _fit_figures(result: RunResult) -> dict[str, Any]:
    count = len(result.groups)
    if result.solution is not None:
        groups = result.solution.groups
        names = (
            "component", "anchored", "matches", "reference_matches", "rms_mas", "gauge",
        )  # fmt: skip
        return {name: np.asarray(getattr(groups, name)) for name in names}
    fits = result.groups.fits or (None,) * count
    return {
        "component": np.array([-1 if fit is None else 0 for fit in fits], np.int64),
        "anchored": np.array([v.applied for v in result.groups.absolute or ()] or [False] * count),
        "matches": np.array([0 if fit is None else fit.matches for fit in fits], np.int64),
        "reference_matches": np.zeros(count, np.int64),
        "rms_mas": np.array([np.nan if fit is None else fit.rms_mas for fit in fits], float),
        "gauge": np.zeros((count, 0)),
    }


def _group_level(groups: Groups, before: Marks, after: Marks, result: RunResult) -> SavedLevel:
    solution = result.solution
    names = tuple(map(str, groups.names))
    if solution is None:
        return _measured_level(groups, names, (before, after), result.groups.fits)
    found = solution.groups
    return SavedLevel(
        name="group",
        geometry=solution.geometry,
        frame="sky",
        units=names,
        of_image=np.asarray(groups.of_image, np.int64),
        centre=np.stack([found.ra, found.dec], axis=-1),
        matrix=np.asarray(found.matrix),
        shift=np.asarray(found.shift),
        covariance=np.asarray(found.covariance),
        scatter=scatter_of(solution.levels, EXPOSURE),
    )


def _measured_level(
    groups: Groups,
    names: tuple[str, ...],
    marks: tuple[Marks, Marks],
    fits: Sequence[GroupFit | None],
) -> SavedLevel:
    """Motions of groups as their images show them, for methods that give none on the sky."""
    before, after = marks
    fits = fits or (None,) * len(names)
    known = [None if fit is None or not fit.covariance.size else fit for fit in fits]
    motions = [
        _measured(before.sky[own], after.sky[own], None if fit is None else fit.centre)
        for own, fit in zip(groups.members, known, strict=True)
    ]
    centre, matrix, shift = (np.array(part) for part in zip(*motions, strict=True))
    covariance = np.full((len(names), 6, 6), np.nan)
    for group, fit in enumerate(known):
        if fit is not None:  # what the fit did not have is exact
            width = len(fit.covariance)
            covariance[group] = 0.0
            covariance[group, :width, :width] = fit.covariance
    return SavedLevel(
        name="group",
        geometry="general",
        frame="sky",
        units=names,
        of_image=np.asarray(groups.of_image, np.int64),
        centre=centre,
        matrix=matrix,
        shift=shift,
        covariance=covariance,
    )


def _measured(
    before: FloatArray, after: FloatArray, about: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tangent point, matrix and shift of the motion of positions (n, 9, 2) [deg].

    In the plane tangent at `about`, RA and DEC [deg]; None: at their middle.
    """
    start = directions(*before.reshape(-1, 2).T)
    if not np.isfinite(start).all():
        return np.full(2, np.nan), np.eye(2), np.zeros(2)
    middle = start.mean(axis=0)
    centre = np.array(about or [float(a) for a in ra_dec(middle / np.linalg.norm(middle))])
    return centre, *affine_on_sky(before.reshape(-1, 2), after.reshape(-1, 2), centre)


def _detector_level(
    groups: Groups,
    solution: Solution,
    calibrated: Calibrated | None,
) -> SavedLevel:
    """The motions of detectors: those that they had, followed by those that were fitted.

    Each turns about the middle of the detector as it is then.
    """
    units = solution.units
    matrix, shift = np.array(units.matrix), np.array(units.shift)
    for unit in range(len(units)):
        own = np.flatnonzero(groups.units == unit)
        had = calibrated.of(groups.images[own[0]].detector) if calibrated and len(own) else None
        if had is not None:
            matrix[unit], shift[unit] = matrix[unit] @ had[0], shift[unit] + had[1]
    geometry, covariance = solution.motion.geometry, np.asarray(units.covariance)
    if calibrated and len(calibrated.covariance) > covariance.shape[1]:
        geometry, fitted = calibrated.geometry, covariance
        covariance = np.tile(calibrated.covariance, (len(units), 1, 1))
        covariance[:, : fitted.shape[1], : fitted.shape[1]] = fitted
    return SavedLevel(
        name="detector",
        geometry=geometry,
        frame="detector",
        units=tuple(_unit_name(groups, unit) for unit in range(len(units))),
        of_image=np.asarray(groups.units, np.int64),
        centre=np.full((len(units), 2), np.nan),
        matrix=matrix,
        shift=shift,
        covariance=covariance,
        scatter=scatter_of(solution.levels, "detector"),
    )


def _unit_name(groups: Groups, unit: int) -> str:
    """Detector and filter of a unit, and its visit."""
    own = np.flatnonzero(groups.units == unit)
    if not len(own):
        return ""
    image = groups.images[own[0]]
    return f"{image.detector} {image.visit}".strip()


def _gauge(result: RunResult) -> str:
    note = result.catalogs.note
    catalog = "" if note is None else f"the reference catalog '{note.name}'"
    if result.solution is None:
        more = f", then all to {catalog}" if catalog else ""
        return f"Groups were aligned one after another to those before them{more}."
    tied = result.solution.groups.anchored
    fixed = result.run.options.refgroup
    free = (
        "The mean correction of groups that hang together is zero, weighted as 'gauge' says."
        if fixed is None
        else f"The group '{result.groups.names[fixed]}' stays fixed."
    )
    if not catalog or not tied.any():
        return free
    text = f"{int(tied.sum())} of {len(tied)} groups are tied to {catalog}."
    return text if tied.all() else f"{text} {free}"


def _facts(result: RunResult) -> dict[str, list[Any]]:
    every = [{one.name: one.value for one in essentials_of(result, i)} for i in _range(result)]
    names = dict.fromkeys(name for facts in every for name in facts)
    return {name: [facts.get(name) for facts in every] for name in names}


def _range(result: RunResult) -> range:
    return range(len(result.images))


def _reference(result: RunResult) -> dict[str, Any]:
    note = result.catalogs.note
    if note is None:
        return {}
    return {"name": note.name, "size": note.size, "epoch": note.epoch, "details": note.details}
