"""A joint alignment from one of several WCS: as delivered, before an earlier one, or as it is.

What an alignment without reference stars has made of the detectors can be far from what they know:
where the dithers are small, a roll of a detector in its place costs hardly anything. The priors of
the motions are about the WCS as it was delivered, and a solution that starts where the first one
ended would take those errors for likely. So it starts where the first one did, if that can be told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Code, Standing
from tweakreg_step.telescopes.wcs import Snapshot, StoredWcs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tweakreg_step.core.images import Groups

    from .align_jointly import JointAlignment

__all__ = ["Start", "present", "try_starts", "with_delivered"]

log = logging.getLogger(__name__)

_ENOUGH = 10
"""Matches of an image from which on these data find its motion again by themselves."""


@dataclass(frozen=True, slots=True)
class Start:
    """The WCS of the I images from which an alignment may start.

    Attributes
    ----------
    wcs
        (I,) of the images.
    guess
        Whether it is not known that they were aligned from there, and with the present sources.
    superseded
        Whether they may have been aligned to a reference since, which must not be lost where they
        can't be aligned to this one.
    """

    wcs: Sequence[StoredWcs]
    guess: bool = False
    superseded: bool = False


def present(groups: Groups) -> list[StoredWcs]:
    """The WCS (I,) that images have now."""
    return [StoredWcs.of(image.plane.corrector) for image in groups.images]


def with_delivered(wcs: Sequence[StoredWcs]) -> list[Start]:
    """Starts from WCS (I,), and before that from the same without corrections, if any has one."""
    bare = [one.without_correction() for one in wcs]
    if all(one is None for one in bare):
        return [Start(wcs)]
    before = [one or other for one, other in zip(bare, wcs, strict=True)]
    return [Start(before, guess=True, superseded=True), Start(wcs)]


def try_starts(
    groups: Groups, starts: Sequence[Start], align: Callable[[], JointAlignment]
) -> tuple[JointAlignment, Start]:
    """Align images to a reference from the first of several starts that settles it, or the best.

    Parameters
    ----------
    groups
        The images; those of groups that are not aligned keep the WCS that they have now.
    starts
        The first is preferred, if that is not a guess, or not enough of it is aligned. A single
        one is where the images are.
    align
        Aligns the images from where they are.

    Returns
    -------
    found, start
        The result, and where it started from.
    """
    if len(starts) == 1:
        return align(), starts[0]
    here = present(groups)
    found, used = _from(groups, starts[0], align, here), starts[0]
    for start in starts[1:]:
        if _settled(found, groups, guess=used.guess):
            break
        before = [Snapshot(image.plane.corrector) for image in groups.images]
        other = _from(groups, start, align, here)
        as_good = _merit(other) == _merit(found) and _is_weak(found, groups, used)
        if _merit(other) > _merit(found) or as_good:
            found, used = other, start
        else:
            for snapshot in before:
                snapshot.restore()
    if used.guess:
        log.info("Aligned from the WCS without the corrections of earlier alignments.")
    return found, used


def _from(
    groups: Groups,
    start: Start,
    align: Callable[[], JointAlignment],
    here: Sequence[StoredWcs],
) -> JointAlignment:
    """The alignment from one start; images of groups that are not aligned get the WCS `here`."""
    correctors = [image.plane.corrector for image in groups.images]
    for one, corrector in zip(start.wcs, correctors, strict=True):
        one.put_into(corrector)
    found = align()
    status = found.solution.groups.status
    for image, group in enumerate(groups.of_image.tolist()):
        if status[group] is not Code.ALIGNED or image in found.uncorrected:
            here[image].put_into(correctors[image])
    return found


def _settled(found: JointAlignment, groups: Groups, *, guess: bool) -> bool:
    """Whether no other start is needed: all groups are aligned; of a guess, without a doubt."""
    held, plain = _merit(found)
    if not guess:
        return held == len(groups)
    return held == plain == len(groups) and _enough(found, groups) and not found.uncorrected


def _is_weak(found: JointAlignment, groups: Groups, start: Start) -> bool:
    """Whether another start that aligns as many is better."""
    lost = start.superseded and _merit(found)[0] < len(groups)
    return lost or (start.guess and not _enough(found, groups))


def _enough(found: JointAlignment, groups: Groups) -> bool:
    """Whether each image's motion is found from enough of its own matches.

    A few stars can't replace what an earlier alignment may have made of many.
    """
    used = found.solution.detections.used
    matches = np.bincount(found.detections.image[used], minlength=len(groups.images))
    return int(matches.min(initial=_ENOUGH)) >= _ENOUGH


def _merit(found: JointAlignment) -> tuple[int, int]:
    """Number of groups that are aligned to the reference, and of those without a doubt."""
    standing = [verdict.standing for verdict in found.absolute]
    held = sum(verdict.applied for verdict in found.absolute)
    return held, standing.count(Standing.ALIGNED)
