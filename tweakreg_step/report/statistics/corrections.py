"""The correction of each group: shift, roll, scale, errors, matches, residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import parameters_of
from tweakreg_step.core.sphere import ARCSEC
from tweakreg_step.report.image_errors import image_sigmas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult


__all__ = ["Corrections", "corrections_of"]


@dataclass(frozen=True, slots=True)
class Corrections:
    """The corrections found for G groups, applied or not; NaN where there are none.

    Attributes
    ----------
    east, north
        (G,) shift at the group's tangent point [mas].
    pixels
        (G,) length of the shift in pixels of the group's images.
    roll
        (G,) roll, counter-clockwise with north up and east to the right [arcsec as angle].
    scale_ppm
        (G,) relative change of scale [1e-6].
    sigma_centre, sigma_corner
        (G,) error per axis of the group's worst image at its centre and its worst corner [mas].
    matches, reference_matches
        (G,) number of matched detections, and of those that are reference stars.
    rms
        (G,) weighted rms residual per axis [mas].
    chi2_dof
        (G,) chi2 / dof.
    achieved, bound
        (G,) estimated error per axis, and its Cramer-Rao bound [mas].
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
    columns = _unknown(len(result.groups))
    if result.solution is not None:
        columns |= _of_solution(result, result.solution)
    elif result.groups.fits:
        columns |= _of_fits(result)
    scale = _pixel_scale(result)
    columns["pixels"] = np.hypot(columns["east"], columns["north"]) / (1000.0 * scale)
    return Corrections(
        **columns, achieved=result.groups.achieved_mas, bound=result.groups.bound_mas
    )


def _unknown(count: int) -> dict[str, FloatArray]:
    names = [name for name in Corrections.__slots__ if name not in {"achieved", "bound"}]
    return {name: np.full(count, np.nan) for name in names}


def _pixel_scale(result: RunResult) -> FloatArray:
    """Mean pixel scale (G,) [arcsec] of each group's images."""
    count = len(result.groups)
    total = np.bincount(result.images.group, result.images.pixel_scale, minlength=count)
    size = np.bincount(result.images.group, minlength=count)
    return np.asarray(np.where(size > 0, total / np.maximum(size, 1), np.nan))


def _of_solution(result: RunResult, solution: Solution) -> dict[str, FloatArray]:
    known = np.asarray(np.isfinite(solution.groups.parameters).all(axis=1))
    theta = parameters_of("rscale", solution.groups.matrix, solution.groups.shift)
    theta = np.where(known[:, None], theta, np.nan)
    centre, corner = _sigmas(result, known)
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


def _sigmas(result: RunResult, known: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Errors (G,) per axis of each group's worst image at its centre and its worst corner [mas]."""
    worst = np.full((2, len(known)), -1.0)
    sigmas = image_sigmas(result)
    there = np.isfinite(sigmas).all(axis=1)
    for number in (0, 1):
        np.maximum.at(worst[number], result.images.group[there], sigmas[there, number])
    centre, corner = np.where(known & (worst >= 0.0), worst, np.nan)
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
        for fit in result.groups.fits
    ]
    names = ("east", "north", "roll", "scale_ppm", "matches", "rms")
    return dict(zip(names, np.array(rows, float).T, strict=True))
