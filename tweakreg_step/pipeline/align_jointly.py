"""Alignment of all groups at once, and the correction of their images' WCS."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import solve_jointly
from tweakreg_step.core.groups import group_names, indices
from tweakreg_step.core.outcome import Code
from tweakreg_step.report import verdicts_of
from tweakreg_step.telescopes.wcs import all_or_nothing, correct

from .detections import unit_labels
from .idle_groups import with_idle_groups

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.outcome import Verdict
    from tweakreg_step.core.solution import Solution


__all__ = ["JointAlignment", "align_jointly"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JointAlignment:
    """The result of an alignment of all groups at once.

    Attributes
    ----------
    solution
        As numbers.
    relative, absolute
        (G,) verdicts on each phase; the second is empty without a reference.
    """

    solution: Solution
    relative: tuple[Verdict, ...]
    absolute: tuple[Verdict, ...]


def align_jointly(
    correctors: list[Any],
    detections: Detections,
    reference: Reference | None,
    options: Options,
    more: str,
) -> JointAlignment:
    """Align all groups at once, to each other and to a reference catalog if there is one.

    Parameters
    ----------
    correctors
        Those of aligned groups get a corrected WCS, all an entry ``meta['fit_info']`` with the
        result of their group.
    detections
        Detections of all their catalogs, through their current WCS.
    reference, options
        As for `tweakreg_step.alignment.solve_jointly`.
    more
        What gives more sources, as a part of a sentence.
    """
    groups = indices(group_names(correctors))
    units = indices(unit_labels(correctors))
    solution = solve_jointly(detections, int(groups.max()) + 1, reference, options)
    relative = verdicts_of(solution.relative, more)
    relative = with_idle_groups(relative, correctors, options.searchrad)
    found = JointAlignment(solution, relative, verdicts_of(solution.absolute, more))
    for index, corrector in enumerate(correctors):
        _apply_guarded(corrector, found, int(groups[index]), int(units[index]))
    return found


def _apply_guarded(corrector: Any, found: JointAlignment, group: int, unit: int) -> None:
    """Correct an image; one that can't be corrected stays as it is, whatever the reason."""
    try:
        with all_or_nothing([corrector]):
            _apply(corrector, found, group, unit)
    except MemoryError:
        raise
    except Exception as error:  # of a WCS of any kind: the others are corrected
        log.debug("%s", corrector.meta.get("name"), exc_info=error)
        corrector.meta["fit_info"] = {
            "status": f"FAILED: {Code.NOT_CORRECTED}",
            "reason": f"Its WCS can't be corrected: {type(error).__name__}: {error}. It must have "
            "the frames and transforms of its mission. Run the step 'assign_wcs' on it again.",
        }


def _apply(corrector: Any, found: JointAlignment, group: int, unit: int) -> None:
    solution = found.solution
    status = solution.groups.status[group]
    if status is not Code.ALIGNED:
        reason = found.relative[group].reason
        corrector.meta["fit_info"] = {"status": f"FAILED: {status}", "reason": reason}
        return
    motion = solution.groups.matrix[group], solution.groups.shift[group]
    detector_motion = None
    if unit >= 0 and solution.motion.geometry != "none":
        detector_motion = solution.units.matrix[unit], solution.units.shift[unit]
    info = _fit_info(found, group)
    if detector_motion is None and _stays(*motion):
        corrector.meta["fit_info"] = info | {"status": "REFERENCE"}
        return
    centre = float(solution.groups.ra[group]), float(solution.groups.dec[group])
    correct(corrector, centre, motion, detector_motion, {"fit_info": info})


def _stays(matrix: FloatArray, shift: FloatArray) -> bool:
    """Whether a motion is zero but for rounding, as that of the group that stays fixed."""
    return bool(np.all(np.abs(matrix - np.eye(2)) < 1e-14) and np.all(np.abs(shift) < 1e-10))


def _fit_info(found: JointAlignment, group: int) -> dict[str, Any]:
    """The result of a group; keys that tweakwcs writes as well have its names and units."""
    groups = found.solution.groups
    return {
        "status": "SUCCESS",
        "nmatches": int(groups.matches[group]),
        "rmse": float(groups.rms_mas[group]) / 1000.0 * np.sqrt(2.0),
        "covariance": groups.covariance[group],
        "component": int(groups.component[group]),
        "anchored": bool(groups.anchored[group]),
        "relative": found.relative[group],
        "absolute": found.absolute[group] if found.absolute else None,
    }
