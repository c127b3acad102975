"""What the solution of all groups at once says against images and detections of the other method.

One group after another neither sees that an image does not move with its group nor that detections
stay on the detector. The solution of all groups does, at a fraction of the cost; what it leaves out
takes no part, and what it doubts is a doubt.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import solve_jointly
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.pipeline.detections import gather, rows_of
from tweakreg_step.report import apart_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import BoolArray
    from tweakreg_step.core.detections import Reference
    from tweakreg_step.core.evidence import Evidence, Finding
    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import ApartImage


__all__ = ["Examined", "examine_jointly"]

log = logging.getLogger(__name__)

_DOUBTS = {
    Code.SAME_PIXELS: ("pinned_matches",),
    Code.SECOND_PEAK: ("second_matches", "second_offset_mas"),
    Code.IMAGE_OFF: ("images_off", "image_offset_mas", "image_roll_arcsec"),
}
"""Doubts that hold for any method, and the numbers of evidence that they rest on."""

_GRAVER = {*_DOUBTS, Code.STARS_REJECTED, Code.NOT_TIED_TOGETHER}
"""Doubts that are not replaced by one of these."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of I images, N detections and G groups.

    Attributes
    ----------
    apart
        The images that do not move with their groups.
    taken
        (N,) whether a detection takes part.
    relative, absolute
        (G,) findings of each phase; the second is empty without a reference.
    """

    apart: tuple[ApartImage, ...]
    taken: BoolArray
    relative: tuple[Finding, ...]
    absolute: tuple[Finding, ...]

    @property
    def left_out(self) -> dict[int, Verdict]:
        """By image: why it takes no part."""
        return {one.image: Verdict(Code.IMAGE_APART, apart_reason(one)) for one in self.apart}

    def doubted(
        self, findings: Sequence[Finding], *, absolute: bool = False
    ) -> tuple[Finding, ...]:
        """The findings (G,) on the alignment by the other method, with the doubts of this one."""
        own = self.absolute if absolute else self.relative
        if not own or not findings:  # one of both had no reference
            return tuple(findings)
        return tuple(_doubted(*pair) for pair in zip(findings, own, strict=True))

    def rows(self, groups: Groups) -> list[BoolArray]:
        """For each image the mask of the sources of its catalog that take part."""
        rows, start = [], 0
        for image in groups.images:
            usable = rows_of(image).usable
            end = start + int(usable.sum())
            keep = np.ones(len(usable), bool)
            keep[usable] = self.taken[start:end]
            rows.append(keep)
            start = end
        return rows


def examine_jointly(groups: Groups, reference: Reference | None, options: Options) -> Examined:
    """Solve for all groups at once, change nothing, and say what is to be left out or doubted.

    Parameters
    ----------
    groups
        The images.
    reference, options
        As for `tweakreg_step.alignment.solve_jointly`.
    """
    detections = gather(groups)
    solution = solve_jointly(detections, len(groups), reference, options)
    taken = ~np.isin(detections.image, [one.image for one in solution.apart])
    taken[solution.artefacts] = False
    if len(solution.artefacts):
        log.info(
            "%d sources are at the pixels of an exposure before, though the telescope moved: they "
            "are taken for hot pixels or persistence, and take no part.",
            len(solution.artefacts),
        )
    return Examined(solution.apart, taken, solution.relative, solution.absolute)


def _doubted(finding: Finding, own: Finding) -> Finding:
    if not finding.applied:
        return finding
    if own.code is Code.AMBIGUOUS:
        return own
    if own.code not in _DOUBTS or finding.code in _GRAVER:
        return finding
    evidence = finding.evidence
    if evidence is not None and own.evidence is not None:
        evidence = _with_numbers(evidence, own.evidence, _DOUBTS[own.code])
    return replace(finding, code=own.code, evidence=evidence)


def _with_numbers(evidence: Evidence, own: Evidence, names: Sequence[str]) -> Evidence:
    numbers = {name: getattr(own, name) for name in names}
    return replace(evidence, **numbers)
