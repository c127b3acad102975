"""Key figures of a group's alignment, for tables and headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import displacement_of
from tweakreg_step.core.outcome import Code

from .image_errors import image_sigmas

if TYPE_CHECKING:
    from tweakreg_step.core.solution import Solution

    from .result import GroupFit, RunResult

__all__ = ["Figures", "figures_of"]

_ARCSEC_PER_RADIAN = float(np.rad2deg(1.0) * 3600.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """Key figures of one group; None where unknown.

    Attributes
    ----------
    matches, reference_matches
        Number of matched detections, and of those whose source is a reference star.
    shift_mas
        (east, north) displacement of the group's centre by the correction.
    roll_arcsec
        Roll of the correction, counter-clockwise with north up and east to the right
        [arcsec as angle].
    rms_mas
        Weighted rms residual per axis.
    sigma_mas
        Error of the group's images per axis at their centres, rms over them.
    ratio
        Achieved error over the Cramer-Rao bound.
    chi2_per_dof
        chi2 / dof of the group's residuals.
    """

    matches: int | None = None
    reference_matches: int | None = None
    shift_mas: tuple[float, float] | None = None
    roll_arcsec: float | None = None
    rms_mas: float | None = None
    sigma_mas: float | None = None
    ratio: float | None = None
    chi2_per_dof: float | None = None


def figures_of(result: RunResult, group: int) -> Figures:
    """The figures of one group.

    Parameters
    ----------
    result
        Result of a run.
    group
        Index of the group.
    """
    if result.groups.fits:
        fit = result.groups.fits[group]
        return Figures() if fit is None else _of_fit(fit)
    if result.solution is None:
        return Figures()
    return _of_solution(result, result.solution, group)


def _of_fit(fit: GroupFit) -> Figures:
    east, north = (1e3 * value for value in fit.shift)
    return Figures(
        matches=fit.matches,
        shift_mas=(east, north),
        roll_arcsec=_known(fit.roll),
        rms_mas=_known(fit.rms_mas),
    )


def _of_solution(result: RunResult, solution: Solution, group: int) -> Figures:
    counts = int(solution.groups.matches[group]), int(solution.groups.reference_matches[group])
    if solution.groups.status[group] is not Code.ALIGNED:
        return Figures(*counts)
    centre = np.array([solution.groups.ra[group]]), np.array([solution.groups.dec[group]])
    moved = displacement_of(solution, group, *centre)
    east, north = (1e3 * float(value) for value in moved.shift[0])
    matrix = solution.groups.matrix[group]
    roll = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
    members = np.flatnonzero(result.images.group == group).tolist()
    sigmas = image_sigmas(result, members)[:, 0]
    known = sigmas[np.isfinite(sigmas)]
    sigma = float(np.sqrt(np.mean(known**2))) if len(known) else np.nan
    dof = solution.groups.dof[group]
    return Figures(
        matches=counts[0],
        reference_matches=counts[1],
        shift_mas=(east, north),
        roll_arcsec=_known(_ARCSEC_PER_RADIAN * roll),
        rms_mas=_known(solution.groups.rms_mas[group]),
        sigma_mas=_known(sigma),
        ratio=_ratio(result.groups.achieved_mas[group], result.groups.bound_mas[group]),
        chi2_per_dof=_ratio(solution.groups.chi2[group], dof),
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _ratio(value: float, of: float) -> float | None:
    return _known(value / of) if of > 0.0 else None
