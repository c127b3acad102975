"""A group as it stands in a report: its correction with errors, its fit, its verdicts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import displacement_of, worst_corner
from tweakreg_step.core.outcome import GroupStatus

from .group_outcome import group_outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.alignment import Displacement
    from tweakreg_step.core.arrays import IntArray
    from tweakreg_step.core.outcome import Verdict
    from tweakreg_step.core.solution import Solution

    from .result import GroupFit, RunResult


__all__ = ["ROLL", "group_of_report"]

ROLL = float(np.rad2deg(1.0) * 3600.0)
"""Arcsec in a radian of roll."""

_SHAPES = {"rshift": 3, "rscale": 4, "general": 6}


def group_of_report(result: RunResult, group: int) -> dict[str, Any]:
    """What a report says of one group.

    Parameters
    ----------
    result
        Of a run.
    group
        Index of the group.
    """
    images = np.flatnonzero(result.group == group)
    outcome, name = group_outcome(result, group), result.group_names[group]
    return {
        "name": name,
        "images": images.tolist(),
        "left_out": [one.name for one in result.left_out if one.group == name],
        "detectors": [result.detectors[image] for image in images],
        "detections": int(result.image_detections[images].sum()),
        "standing": outcome.standing.value,
        "code": outcome.code,
        "reason": outcome.reason,
        "relative": _verdict(result.relative, group),
        "absolute": _verdict(result.absolute, group),
        "correction": _correction(result, group, images),
        "fit": _fit(result, group),
    }


def _verdict(verdicts: tuple[Verdict, ...] | None, group: int) -> dict[str, Any] | None:
    if verdicts is None:
        return None
    verdict = verdicts[group]
    return {
        "decision": verdict.decision.value,
        "code": verdict.code,
        "reason": verdict.reason,
        "applied": verdict.applied,
        "evidence": None if verdict.evidence is None else asdict(verdict.evidence),
    }


def _fit(result: RunResult, group: int) -> dict[str, Any] | None:
    """How well the group's matches agree with its correction."""
    sequential = _sequential(result, group)
    if sequential is not None:
        return _EMPTY_FIT | {"matches": sequential.matches, "rms_mas": sequential.rms_mas}
    solution = result.solution
    if solution is None:
        return None
    achieved, bound = result.achieved_mas[group], result.bound_mas[group]
    dof, chi2 = solution.groups.dof[group], solution.groups.chi2[group]
    component = int(solution.groups.component[group])
    return {
        "status": solution.groups.status[group].code,
        "matches": int(solution.groups.matches[group]),
        "reference_matches": int(solution.groups.reference_matches[group]),
        "component": component if component >= 0 else None,
        "anchored": bool(solution.groups.anchored[group]),
        "rms_mas": solution.groups.rms_mas[group],
        "chi2": chi2,
        "dof": dof,
        "chi2_per_dof": chi2 / dof if dof > 0.0 else None,
        "floor_mas": 1e3 * solution.groups.floor[group],
        "achieved_mas": achieved,
        "achievable_mas": bound,
        "achieved_per_achievable": achieved / bound if bound > 0.0 else None,
    }


_EMPTY_FIT: dict[str, Any] = dict.fromkeys(
    (
        "status", "matches", "reference_matches", "component", "anchored", "rms_mas", "chi2",
        "dof", "chi2_per_dof", "floor_mas", "achieved_mas", "achievable_mas",
        "achieved_per_achievable",
    )
)  # fmt: skip
"""What is not known of a group that the sequential method aligned."""


def _sequential(result: RunResult, group: int) -> GroupFit | None:
    return result.fits[group] if result.fits else None


def _correction(result: RunResult, group: int, images: IntArray) -> dict[str, Any] | None:
    """The group's correction, None where none was found."""
    sequential = _sequential(result, group)
    if sequential is not None:
        return _of_sequential(sequential)
    solution = result.solution
    if solution is None or solution.groups.status[group] is not GroupStatus.ALIGNED:
        return None
    return _of_solution(result, solution, group, images)


def _of_sequential(fit: GroupFit) -> dict[str, Any]:
    shift = [1e3 * value for value in fit.shift]
    unknown = {"geometry": None, "ra": None, "dec": None, "matrix": None, "centre": None}
    values = {"shift_mas": shift, "roll_arcsec": fit.roll, "scale": fit.scale}
    return unknown | values | {"stretch": None, "shear": None, "worst_corner": None} | _NO_SIGMA


_NO_SIGMA: dict[str, Any] = dict.fromkeys(
    ("shift_sigma_mas", "roll_sigma_arcsec", "scale_sigma", "stretch_sigma", "shear_sigma")
)


def _of_solution(
    result: RunResult, solution: Solution, group: int, images: IntArray
) -> dict[str, Any]:
    theta = solution.groups.parameters[group]
    sigma = np.sqrt(np.diag(solution.groups.covariance[group]))
    ra, dec = float(solution.groups.ra[group]), float(solution.groups.dec[group])
    centre = displacement_of(solution, group, np.array([ra]), np.array([dec]))
    corner = worst_corner(solution, group, result.corners_before, images)
    scale = float(np.mean(result.pixel_scale[images])) if len(images) else np.nan
    worst = None
    if corner is not None:
        image, there = corner
        worst = {"image": image} | _sized(there, float(result.pixel_scale[image]))
    values = {
        "geometry": solution.geometry,
        "ra": ra,
        "dec": dec,
        "matrix": solution.groups.matrix[group].tolist(),
        "shift_mas": (1e3 * theta[:2]).tolist(),
        "shift_sigma_mas": (1e3 * sigma[:2]).tolist(),
        "centre": _sized(centre, scale),
        "worst_corner": worst,
    }
    return values | _shape(solution.geometry, theta, sigma)


def _shape(geometry: str, theta: NDArray[np.float64], sigma: NDArray[np.float64]) -> dict[str, Any]:
    """Roll, scale, stretch and shear with their errors, None where the geometry has none."""
    count = _SHAPES.get(geometry, 2)
    values: dict[str, Any] = {}
    for place, (name, error, unit) in enumerate(
        (
            ("roll_arcsec", "roll_sigma_arcsec", ROLL),
            ("scale", "scale_sigma", 1.0),
            ("stretch", "stretch_sigma", 1.0),
            ("shear", "shear_sigma", 1.0),
        ),
        start=2,
    ):
        there = place < count
        values[name] = unit * theta[place] if there else None
        values[error] = unit * sigma[place] if there else None
    return values


def _sized(found: Displacement, pixel_scale: float) -> dict[str, Any]:
    """The displacement of one point and its error, in mas and in pixels."""
    shift, sigma = found.shift[0], np.sqrt(np.diag(found.covariance[0]))
    return {
        "displacement_mas": (1e3 * shift).tolist(),
        "sigma_mas": (1e3 * sigma).tolist(),
        "displacement_pixels": (shift / pixel_scale).tolist(),
        "sigma_pixels": (sigma / pixel_scale).tolist(),
    }
