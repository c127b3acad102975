"""The correction of each group in the numbers that people compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import design, parameters_of
from tweakreg_step.core.sphere import ARCSEC, directions, frames_at, to_plane

from .sky_map import group_corners

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult


__all__ = ["Corrections", "corrections_of"]


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was found for G groups, applied or not; NaN where there is nothing to say.

    Attributes
    ----------
    east, north
        (G,) shift at the group's tangent point [mas].
    pixels
        (G,) length of the shift in pixels of the group's images.
    roll
        (G,) counter-clockwise seen with east to the right [arcsec as angle].
    scale_ppm
        (G,) relative change of scale [1e-6].
    sigma_centre, sigma_corner
        (G,) one standard deviation per axis at the tangent point and at the worst corner [mas].
    matches, reference_matches
        (G,) matched detections, and those of them that are reference stars.
    rms
        (G,) weighted residual per axis [mas].
    chi2_dof
        (G,).
    achieved, bound
        (G,) error per axis as estimated, and the least possible [mas].
    """

    east: FloatArray
    north: FloatArray
    pixels: FloatArray
    roll: FloatArray
    scale_ppm: FloatArray
    sigma_centre: FloatArray
    sigma_corner: FloatArray
    matches: FloatArray
    reference_matches: FloatArray
    rms: FloatArray
    chi2_dof: FloatArray
    achieved: FloatArray
    bound: FloatArray


def corrections_of(result: RunResult) -> Corrections:
    """The corrections of a result: of its solution, of its fits, or none."""
    columns = _unknown(len(result.group_names))
    if result.solution is not None:
        columns |= _of_solution(result, result.solution)
    elif result.fits:
        columns |= _of_fits(result)
    scale = _pixel_scale(result)
    columns["pixels"] = np.hypot(columns["east"], columns["north"]) / (1000.0 * scale)
    return Corrections(**columns, achieved=result.achieved_mas, bound=result.bound_mas)


def _unknown(count: int) -> dict[str, FloatArray]:
    names = [name for name in Corrections.__slots__ if name not in {"achieved", "bound"}]
    return {name: np.full(count, np.nan) for name in names}


def _pixel_scale(result: RunResult) -> FloatArray:
    """Mean pixel scale (G,) [arcsec] of each group's images."""
    count = len(result.group_names)
    total = np.bincount(result.group, result.pixel_scale, minlength=count)
    size = np.bincount(result.group, minlength=count)
    return np.asarray(np.where(size > 0, total / np.maximum(size, 1), np.nan))


def _of_solution(result: RunResult, solution: Solution) -> dict[str, FloatArray]:
    known = np.asarray(np.isfinite(solution.groups.parameters).all(axis=1))
    theta = parameters_of("rscale", solution.groups.matrix, solution.groups.shift)
    theta = np.where(known[:, None], theta, np.nan)
    centre, corner = _sigmas(result, solution, known)
    dof = np.where(solution.groups.dof > 0, solution.groups.dof, np.nan)
    return {
        "east": 1000.0 * theta[:, 0],
        "north": 1000.0 * theta[:, 1],
        "roll": ARCSEC * theta[:, 2],
        "scale_ppm": 1e6 * theta[:, 3],
        "sigma_centre": centre,
        "sigma_corner": corner,
        "matches": solution.groups.matches.astype(float),
        "reference_matches": solution.groups.reference_matches.astype(float),
        "rms": np.asarray(solution.groups.rms_mas, float),
        "chi2_dof": np.where(known, solution.groups.chi2 / dof, np.nan),
    }


def _sigmas(
    result: RunResult, solution: Solution, known: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Sigma per axis, sqrt(trace(J C J') / 2), at the tangent point and the worst corner [mas]."""
    centre, corner = np.full((2, len(known)), np.nan)
    for group in np.flatnonzero(known).tolist():
        corners = group_corners(result, group)
        frame = frames_at(solution.groups.ra[group], solution.groups.dec[group])
        plane = to_plane(directions(corners[:, 0], corners[:, 1]), frame)
        places = np.concatenate([np.zeros((1, 2)), plane])
        theta = np.broadcast_to(
            solution.groups.parameters[group], (len(places), solution.groups.parameters.shape[1])
        )
        columns = design(solution.geometry, theta, places)
        covariance = columns @ solution.groups.covariance[group] @ np.swapaxes(columns, 1, 2)
        sigma = 1000.0 * np.sqrt(0.5 * np.trace(covariance, axis1=1, axis2=2))
        centre[group], corner[group] = sigma[0], sigma.max()
    return centre, corner


def _of_fits(result: RunResult) -> dict[str, FloatArray]:
    rows = [
        [np.nan] * 6
        if fit is None
        else [
            1e3 * fit.shift[0],
            1e3 * fit.shift[1],
            fit.roll,
            1e6 * fit.scale,
            fit.matches,
            fit.rms_mas,
        ]
        for fit in result.fits
    ]
    names = ("east", "north", "roll", "scale_ppm", "matches", "rms")
    return dict(zip(names, np.array(rows, float).T, strict=True))
