"""The levels above groups and detectors in a solution: visits, detectors over the run, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import affine

from .record import SavedLevel

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.images import Groups, Image
    from tweakreg_step.core.level_fits import LevelMotions, Levels
    from tweakreg_step.core.solution import Solution

__all__ = ["EXPOSURE", "levels_above", "scatter_of"]

EXPOSURE = "exposure in a visit"
"""Name of the width of exposures about their visits."""


def levels_above(groups: Groups, solution: Solution) -> list[SavedLevel]:
    """The levels above groups and units of a run's solution."""
    return [_level(groups, solution.levels, level) for level in solution.levels.motions]


def scatter_of(levels: Levels, name: str) -> FloatArray:
    """Standard deviations (2,) of a level's units: shift per axis and roll [arcsec], or NaN."""
    widths = [(1e-3 * w.shift_mas, w.roll_arcsec) for w in levels.widths if w.name == name]
    return np.array(widths[0] if widths else (np.nan, np.nan))


def _level(groups: Groups, levels: Levels, level: LevelMotions) -> SavedLevel:
    children = groups.units if level.frame in {"detector", "focal plane"} else groups.of_image
    of_image = np.where(children >= 0, np.append(level.child, -1)[children], -1)
    order = _order(of_image, len(level))
    of_image = np.where(of_image >= 0, np.append(np.argsort(order), -1)[of_image], -1)
    matrix, shift = _affine(level)
    scatter = scatter_of(levels, level.name)
    if level.frame == "sky per year" and levels.field is not None:
        scatter = np.array([1e-3 * levels.field.scatter_mas, np.nan])
    return SavedLevel(
        name=level.name,
        geometry=level.geometry,
        frame=level.frame,
        units=tuple(_name(groups, of_image == unit, level.of) for unit in range(len(level))),
        of_image=np.asarray(of_image, np.int64),
        centre=level.centre[order],
        matrix=matrix[order],
        shift=shift[order],
        covariance=level.covariance[order],
        scatter=scatter,
    )


def _order(of_image: IntArray, count: int) -> IntArray:
    """The units (count,) in the order of their first image, those without one last."""
    first = np.full(count, len(of_image))
    there = np.flatnonzero(of_image >= 0)
    np.minimum.at(first, of_image[there], there)
    return np.argsort(first, kind="stable")


def _affine(level: LevelMotions) -> tuple[FloatArray, FloatArray]:
    if level.geometry != "scale":
        return affine(level.geometry, level.parameters)
    return (1.0 + level.parameters[:, :, None]) * np.eye(2), np.zeros((len(level), 2))


def _name(groups: Groups, own: np.ndarray, of: tuple[str, ...]) -> str:
    """Name of a unit, from what its images have in common."""
    images = [groups.images[i] for i in np.flatnonzero(own)]
    parts = [", ".join(dict.fromkeys(_label(image, what) for image in images)) for what in of]
    return " ".join(filter(None, parts)) or "all"


def _label(image: Image, what: str) -> str:
    if what == "guide":
        return image.guide_star or image.visit
    if what in {"detector", "detectors"}:
        return image.bare_detector or ""
    return image.band if what == "band" else image.visit
