"""Alignment of all groups at once, and the correction of their images' WCS."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import KnownPairs, solve_jointly
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.pipeline.idle_groups import with_idle_groups
from tweakreg_step.report import apart_reason, verdicts_of
from tweakreg_step.telescopes.wcs import all_or_nothing, correct

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.images import Groups, Plane
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution


__all__ = ["JointAlignment", "align_jointly"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JointAlignment:
    """The result of an alignment of all groups at once.

    Attributes
    ----------
    detections
        Detections through the WCS that it started from.
    solution
        As numbers.
    relative, absolute
        (G,) verdicts on each phase; the second is empty without a reference.
    moved
        (I,) whether the WCS of each image was corrected.
    uncorrected
        By image: why its WCS was not corrected, though its group is aligned.
    """

    detections: Detections
    solution: Solution
    relative: tuple[Verdict, ...]
    absolute: tuple[Verdict, ...]
    moved: tuple[bool, ...]
    uncorrected: dict[int, Verdict] = field(default_factory=dict)


def align_jointly(
    groups: Groups,
    detections: Detections,
    reference: Reference | None,
    options: Options,
    more: str,
    known: KnownPairs | None = None,
) -> JointAlignment:
    """Align all groups at once, to each other and to a reference catalog if there is one.

    Parameters
    ----------
    groups
        The images; those of aligned groups get a corrected WCS.
    detections
        Detections of all their sources, through their current WCS.
    reference, options
        As for `tweakreg_step.alignment.solve_jointly`.
    more
        What gives more sources, as a part of a sentence.
    known
        Pairs of groups that were matched before.
    """
    solution = solve_jointly(detections, len(groups), reference, options, known)
    relative = verdicts_of(solution.relative, more, groups.names)
    relative = with_idle_groups(relative, groups, options.searchrad)
    moved: list[bool] = []
    uncorrected = {
        one.image: Verdict(Code.IMAGE_APART, apart_reason(one)) for one in solution.apart
    }
    for index, (image, *labels) in enumerate(
        zip(groups.images, groups.of_image.tolist(), groups.units.tolist(), strict=True)
    ):
        if index in uncorrected:
            moved.append(False)
            continue
        try:
            with all_or_nothing([image.plane.corrector]):
                moved.append(_corrected(image.plane, solution, *labels))
        except MemoryError:
            raise
        except Exception as error:
            log.debug("%s", image.name, exc_info=error)
            moved.append(False)
            uncorrected[index] = Verdict(
                Code.NOT_CORRECTED,
                f"Its WCS can't be corrected: {type(error).__name__}: {error}. It must have the "
                "frames and transforms of its mission. Run the step 'assign_wcs' on it again.",
            )
    absolute = verdicts_of(solution.absolute, more, groups.names)
    return JointAlignment(detections, solution, relative, absolute, tuple(moved), uncorrected)


def _corrected(plane: Plane, solution: Solution, group: int, unit: int) -> bool:
    """Correct the WCS of an image, if there is something to correct; whether there was."""
    if solution.groups.status[group] is not Code.ALIGNED:
        return False
    motion = solution.groups.matrix[group], solution.groups.shift[group]
    detector_motion = None
    if unit >= 0 and solution.motion.geometry != "none":
        detector_motion = solution.units.matrix[unit], solution.units.shift[unit]
    if detector_motion is None and _stays(*motion):
        return False
    centre = float(solution.groups.ra[group]), float(solution.groups.dec[group])
    correct(plane, centre, motion, detector_motion)
    return True


def _stays(matrix: FloatArray, shift: FloatArray) -> bool:
    """Whether a motion is zero but for rounding, as that of the group that stays fixed."""
    return bool(np.all(np.abs(matrix - np.eye(2)) < 1e-14) and np.all(np.abs(shift) < 1e-10))
