"""The report of a run as JSON, and the table of its matches, for programs.

The schema is in ``schemas/tweakreg-report-1.json``; it is explained in ``docs/report.rst``.
"""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import ImageFits
from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.core.outcome import Standing
from tweakreg_step.files.whole_files import write_whole

from .estimated_errors import name_of_error
from .groups import ROLL, group_of_report
from .image_errors import image_sigmas
from .levels import levels_of
from .match_table import matches_of, write_matches
from .overlaps import overlaps_of
from .sentences import motion_reason

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.solution import Solution

    from .result import RunResult

__all__ = ["SCHEMA", "report_of", "write_report"]

SCHEMA = "tweakreg-report/1"
"""Name and version of the schema; the version increases when a field is removed or redefined."""


def report_of(result: RunResult) -> dict[str, Any]:
    """The report as JSON types; unknown values are None, never NaN.

    Parameters
    ----------
    result
        Result of a run, also of one that ended early.
    """
    groups = [group_of_report(result, group) for group in range(len(result.groups))]
    solution = result.solution
    report = {
        "schema": SCHEMA,
        "product": result.run.product,
        "start": result.run.start,
        "method": _method(result),
        "dry_run": result.run.dry_run,
        "error": _error(result),
        "totals": _totals(result, groups),
        "images": _images(result),
        "left_out": [
            {
                "name": one.name,
                "group": one.group or None,
                "status": one.outcome.status.value,
                "code": one.outcome.code,
                "reason": one.outcome.reason,
            }
            for one in result.left_out
        ],
        "groups": groups,
        "overlaps": overlaps_of(result),
        "components": [] if solution is None else _components(solution),
        "weak_modes": [] if solution is None else _modes(solution),
        "detectors": None if solution is None else _detectors(result, solution),
        "levels": None if solution is None else levels_of(solution.levels),
        "errors": [] if solution is None else _errors(result, solution),
        "reference": _reference(result),
        "parameters": [
            {"name": given.name, "value": given.value, "origin": given.origin}
            for given in result.run.parameters
        ],
        "versions": result.run.versions,
        "stages": [{"name": n, "seconds": s} for n, s in result.run.seconds.items()],
    }
    plain = _plain(report)
    assert isinstance(plain, dict)  # noqa: S101 - what mypy can't see of a recursive function
    return plain


def write_report(result: RunResult, folder: Path) -> tuple[Path, Path]:
    """Write ``<product>_tweakreg.json`` and ``<product>_tweakreg_matches.ecsv``.

    Parameters
    ----------
    result
        Result of a run, also of one that failed.
    folder
        Folder to write to; it is made if it does not exist.

    Returns
    -------
    report, matches
        Paths of the files.

    Raises
    ------
    OutputError
        If they can't be written; no incomplete file is left.
    """
    _make(folder)
    report = folder / f"{result.run.product}_tweakreg.json"
    matches = folder / f"{result.run.product}_tweakreg_matches.ecsv"
    text = json.dumps(report_of(result), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(report, lambda draft: draft.write_text(text, encoding="utf-8"))
    table = matches_of(result)
    write_whole(matches, lambda draft: write_matches(table, draft))
    return report, matches


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The report can't be written into '{folder}': {error.strerror or error}. It must be a "
            "folder that may be written to. The alignment is not touched by that. Choose another "
            "'output_dir', or save_report=False."
        ) from error


def _error(result: RunResult) -> dict[str, str] | None:
    """What ended the run early."""
    if result.run.error is None:
        return None
    return {"type": type(result.run.error).__name__, "message": str(result.run.error)}


def _method(result: RunResult) -> str | None:
    if result.groups.fits:
        return "sequential"
    return None if result.solution is None else "global"


def _totals(result: RunResult, groups: list[dict[str, Any]]) -> dict[str, Any]:
    words = [group["standing"] for group in groups]
    fits = [group["fit"] or {} for group in groups]
    matches = [fit.get("matches") or 0 for fit in fits]
    return {
        "images": len(result.images),
        "images_left_out": len(result.left_out),
        "images_moved": sum(outcome.moved for outcome in result.images.outcomes),
        "groups": len(groups),
        "aligned": words.count(Standing.ALIGNED.value),
        "relative_only": words.count(Standing.RELATIVE.value),
        "doubtful": words.count(Standing.DOUBTFUL.value),
        "left_alone": words.count(Standing.LEFT.value),
        "detections": int(result.images.detections.sum()),
        "artefacts": 0 if result.solution is None else len(result.solution.artefacts),
        "matches": sum(matches),
        "reference_matches": sum(fit.get("reference_matches") or 0 for fit in fits),
        "chi2": sum(fit.get("chi2") or 0.0 for fit in fits),
        "dof": sum(fit.get("dof") or 0.0 for fit in fits),
        "seconds": sum(result.run.seconds.values()),
    }


def _images(result: RunResult) -> list[dict[str, Any]]:
    sigmas = image_sigmas(result), image_sigmas(result, relative=True)
    return [
        _image(result, image, [one[image] for one in sigmas]) for image in range(len(result.images))
    ]


def _image(result: RunResult, image: int, sigmas: list[FloatArray]) -> dict[str, Any]:
    outcome = result.images.outcomes[image]
    claimed, relative = sigmas
    return {
        "name": result.images.names[image],
        "group": result.images.group[image],
        "detector": result.images.detectors[image],
        "pixel_scale_arcsec": result.images.pixel_scale[image],
        "detections": result.images.detections[image],
        "status": outcome.status.value,
        "reason": outcome.reason,
        "moved": outcome.moved,
        "absolute": outcome.absolute,
        "code": None if outcome.code is None else outcome.code.value,
        "fit": _image_fit(result, image),
        "sigma_mas": claimed[0],
        "sigma_corner_mas": claimed[1],
        "relative_sigma_mas": relative[0],
        "corners_before": result.images.corners_before[image],
        "corners_after": result.images.corners_after[image],
    }


def _image_fit(result: RunResult, image: int) -> dict[str, Any]:
    """How well an image agrees with the others."""
    fits = result.images.fits
    share = fits.matches[image] / max(int(result.images.detections[image]), 1)
    return {"matched_share": share} | {
        name: getattr(fits, name)[image] for name in ImageFits.__slots__
    }


def _components(solution: Solution) -> list[dict[str, Any]]:
    """The connected components of groups, and whether they are tied to the reference."""
    components = []
    for value in range(int(solution.groups.component.max(initial=-1)) + 1):
        member = np.flatnonzero(solution.groups.component == value)
        if len(member):
            anchored = bool(solution.groups.anchored[member].any())
            components.append({"number": value, "groups": member, "anchored": anchored})
    return components


def _modes(solution: Solution) -> list[dict[str, Any]]:
    return [{"sigma_mas": mode.sigma_mas, "groups": mode.groups} for mode in solution.modes]


def _reference(result: RunResult) -> dict[str, Any] | None:
    note = result.catalogs.note
    if note is None:
        return None
    return {"name": note.name, "size": note.size, "epoch": note.epoch, "details": note.details}


def _detectors(result: RunResult, solution: Solution) -> dict[str, Any]:
    """The motion of each detector, and the choice of its geometry."""
    choice = solution.motion
    units = range(len(solution.units) if solution.units.moving else 0)
    return {
        "geometry": choice.geometry,
        "reason": motion_reason(choice),
        "log_evidence": choice.evidence,
        "reserved_rms_mas": choice.reserved_rms_mas,
        "motions": [_unit(result, solution, unit) for unit in units],
    }


def _unit(result: RunResult, solution: Solution, unit: int) -> dict[str, Any]:
    matrix, shift = solution.units.matrix[unit], solution.units.shift[unit]
    sigma = np.sqrt(np.diag(solution.units.covariance[unit]))
    roll = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
    turns, scales = len(sigma) > 2, len(sigma) > 3
    return {
        "name": _unit_name(result, unit),
        "shift_mas": 1e3 * shift,
        "shift_sigma_mas": 1e3 * sigma[:2],
        "roll_arcsec": ROLL * roll if turns else None,
        "roll_sigma_arcsec": ROLL * sigma[2] if turns else None,
        "scale": np.sqrt(np.linalg.det(matrix)) - 1.0 if scales else None,
        "scale_sigma": sigma[3] if scales else None,
    }


def _errors(result: RunResult, solution: Solution) -> list[dict[str, Any]]:
    """The errors that were estimated."""
    return [
        {
            "of": name_of_error(result, error),
            "given": error.given,
            "estimated": error.estimated,
            "count": error.count,
            "usual_mas": error.usual_mas,
            "sigma_mas": error.sigma_mas,
        }
        for error in solution.errors
    ]


def _unit_name(result: RunResult, unit: int) -> str:
    """Detector and filter of the images that a unit's detections are of."""
    if result.catalogs.detections is None:
        return ""
    first = np.flatnonzero(result.catalogs.detections.unit == unit)[:1]
    return (
        result.images.detectors[int(result.catalogs.detections.image[first[0]])]
        if len(first)
        else ""
    )


def _plain(value: Any) -> Any:
    """A value as JSON types: numbers that are not finite become None, other types text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _plain(value.value) if isinstance(value, Enum) else str(value)
