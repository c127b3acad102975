"""Alignment of all groups at once: gather, register, correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .coverage import group_epochs
from .gather import gather, group_names, numbers, reference_of, unit_names
from .problem import Options, Status
from .register import register
from .snapshot import all_or_nothing
from .v2v3corr import correct

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from .config import AbsoluteParameters, MethodParameters, RelativeParameters
    from .problem import Solution

    FloatArray = NDArray[np.float64]

__all__ = ["align_everywhere"]


def align_everywhere(
    correctors: list[Any],
    reference: Table | None,
    relative: RelativeParameters,
    absolute: AbsoluteParameters,
    method: MethodParameters,
    refgroup: Any = None,
) -> Solution:
    """Align all groups at once, to each other and to a reference catalog if there is one.

    Parameters
    ----------
    correctors
        Those of aligned groups get a corrected WCS; ``meta['fit_info']`` of all says what became
        of them.
    reference
        RA, DEC [deg ICRS], perhaps with errors or weights.
    relative, absolute, method
        Parameters.
    refgroup
        Name of the group that stays fixed.
    """
    names = group_names(correctors)
    groups = numbers(names)
    units = numbers(unit_names(correctors))
    options = Options(
        fitgeometry=relative.fitgeometry,
        searchrad=relative.searchrad,
        tolerance=relative.tolerance,
        separation=relative.separation,
        minobj=relative.minobj,
        nclip=relative.nclip,
        sigma=relative.sigma,
        abs_searchrad=absolute.abs_searchrad,
        abs_tolerance=absolute.abs_tolerance,
        abs_minobj=absolute.abs_minobj,
        detector_motion=method.detector_motion,
        refgroup=None if refgroup is None else int(groups[names.index(refgroup)]),
        joint=method.abs_method == "joint",
    )
    solution = register(
        gather(correctors),
        int(groups.max()) + 1,
        None if reference is None else reference_of(reference, group_epochs(correctors)),
        options,
    )
    with all_or_nothing(correctors):
        for index, corrector in enumerate(correctors):
            _apply(corrector, solution, int(groups[index]), int(units[index]))
    return solution


def _apply(corrector: Any, solution: Solution, group: int, unit: int) -> None:
    status = solution.status[group]
    if status is not Status.ALIGNED:
        info = {"status": f"FAILED: {status.code}", "reason": _sentence(status)}
        corrector.meta["fit_info"] = info
        return
    motion = solution.matrix[group], solution.shift[group]
    detector_motion = None
    if unit >= 0 and solution.motion.geometry != "none":
        detector_motion = solution.unit_matrix[unit], solution.unit_shift[unit]
    info = _fit_info(solution, group)
    if detector_motion is None and _stays(*motion):
        corrector.meta["fit_info"] = info | {"status": "REFERENCE"}
        return
    centre = float(solution.ra[group]), float(solution.dec[group])
    correct(corrector, centre, motion, detector_motion, {"fit_info": info})


def _stays(matrix: FloatArray, shift: FloatArray) -> bool:
    """Whether a motion is none but for rounding, as that of a group that is to stay fixed."""
    return bool(np.all(np.abs(matrix - np.eye(2)) < 1e-14) and np.all(np.abs(shift) < 1e-10))


REMEDIES = {
    Status.TOO_FEW_SOURCES: "lower 'minobj', or 'snr_threshold' to find more",
    Status.NOT_CONNECTED: "give exposures that overlap, or a reference catalog",
    Status.NO_MATCH: "raise 'searchrad' if its pointing may be farther off; look at its catalog",
    Status.AMBIGUOUS: "lower 'searchrad', or find more sources",
    Status.INCONSISTENT: "look at its catalog, or try fitgeometry='shift'",
    Status.TOO_FEW_MATCHES: "lower 'minobj', or find more sources",
    Status.IMPLAUSIBLE: "raise 'searchrad' if its pointing may be that far off",
}


def _sentence(status: Status) -> str:
    fact = status.value[0].lower() + status.value[1:].rstrip(".")
    return f"{fact}; {REMEDIES[status]}"


def _fit_info(solution: Solution, group: int) -> dict[str, Any]:
    """What became of a group, under the names that tweakwcs gives it where it has one."""
    return {
        "status": "SUCCESS",
        "nmatches": int(solution.matches[group]),
        "rmse": float(solution.rms_mas[group]) / 1000.0 * np.sqrt(2.0),
        "covariance": solution.covariance[group],
        "component": int(solution.component[group]),
        "anchored": bool(solution.anchored[group]),
    }
