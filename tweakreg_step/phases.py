"""What becomes of each image: the relative alignment and the absolute one, all or nothing each.

What is rejected changes nothing, and a failing absolute alignment leaves the relative one in place.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .align import (
    absolute_align,
    fixed_group,
    load_reference,
    outcomes,
    relative_align,
    save_reference,
)
from .config import keywords
from .data import Outcome, Status
from .everywhere import align_everywhere
from .exceptions import AlignmentError, CatalogError, ReferenceServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import Table

    from .config import Parameters
    from .reference import Member

__all__ = ["align_in_phases", "groups_of"]

log = logging.getLogger(__name__)

TOO_FEW = (
    "too few of its stars match; widen 'abs_searchrad', lower 'abs_minobj' or use a deeper catalog"
)
ONE_GROUP = Outcome(
    Status.SKIPPED,
    "there is one group only, and two are needed for a relative alignment, or 'abs_refcat' for an "
    "absolute one",
)


def groups_of(correctors: Sequence[Any]) -> dict[str, list[int]]:
    """The indices of the images of each group, in the order of the input."""
    groups: dict[str, list[int]] = {}
    for index, corrector in enumerate(correctors):
        groups.setdefault(corrector.meta["group_id"], []).append(index)
    return groups


def align_in_phases(
    correctors: list[Any],
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None = None,
) -> list[Outcome]:
    """Correct the correctors' WCS, as far as that can be done.

    Parameters
    ----------
    correctors
        One for each image.
    parameters
        Of the run.
    folder
        Where the reference catalog is written if that was asked for.
    catalogs
        The reference catalogs, where those of files were read before.

    Returns
    -------
    list of Outcome
        One for each image.
    """
    fixed_group(correctors, parameters.method.refimage)  # an unknown one is refused in any case
    try:
        reference = _reference(correctors, parameters, folder, catalogs)
    except (ReferenceServiceError, CatalogError) as error:
        log.warning("No absolute alignment: %s", error)
        found = _aligned(correctors, None, parameters)
        return [_without_reference(outcome, str(error)) for outcome in found]
    return _aligned(correctors, reference, parameters)


def _aligned(
    correctors: list[Any], reference: Table | None, parameters: Parameters
) -> list[Outcome]:
    if reference is None and len(groups_of(correctors)) < 2:
        return [ONE_GROUP] * len(correctors)
    if parameters.method.align_method == "global":
        return _globally(correctors, reference, parameters)
    relative = _relative(correctors, parameters)
    if reference is None:
        return relative
    absolute = _absolute(correctors, _bodies(correctors, relative), reference, parameters)
    return [_together(*pair) for pair in zip(relative, absolute, strict=True)]


def _reference(
    correctors: Sequence[Any],
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None,
) -> Table | None:
    if not parameters.matching_absolute:
        return None
    absolute = parameters.absolute
    chosen = absolute.abs_refcat if catalogs is None else catalogs
    reference = load_reference(chosen, correctors, parameters.reference, absolute.abs_searchrad)
    if absolute.save_abs_catalog:
        save_reference(reference, folder)
    for corrector in correctors:
        corrector.meta["abs_refcat"] = reference.meta["name"]
    return reference


def _globally(
    correctors: list[Any], reference: Table | None, parameters: Parameters
) -> list[Outcome]:
    refgroup = fixed_group(correctors, parameters.method.refimage)
    solution = align_everywhere(
        correctors, reference, parameters.relative, parameters.absolute, parameters.method, refgroup
    )
    log.info("Detectors: %s", solution.motion.reason)
    found = outcomes(correctors, parameters.relative.minobj)
    if reference is None:
        return found
    return [_without_reference(o, TOO_FEW) if _is_loose(o) else o for o in found]


def _is_loose(outcome: Outcome) -> bool:
    return outcome.status is Status.ALIGNED and not outcome.absolute


def _without_reference(outcome: Outcome, why: str) -> Outcome:
    if outcome.status is not Status.ALIGNED:
        return replace(outcome, reason=f"{outcome.reason}; and no reference: {why}")
    return replace(outcome, reason=f"aligned to the other images, but not to the reference: {why}")


def _relative(correctors: list[Any], parameters: Parameters) -> list[Outcome]:
    if len(groups_of(correctors)) < 2:
        return [ONE_GROUP] * len(correctors)
    options = keywords(parameters.relative)
    # New sources are needed to align all groups before the reference catalog moves all as one.
    options["expand_refcat"] |= parameters.matching_absolute
    try:
        relative_align(
            correctors,
            align_method="sequential",
            refimage=parameters.method.refimage,
            **options,
        )
    except AlignmentError as error:
        log.warning("No relative alignment: %s", error)
        return [Outcome(Status.FAILED, str(error))] * len(correctors)
    return outcomes(correctors, parameters.relative.minobj)


def _bodies(correctors: Sequence[Any], relative: Sequence[Outcome]) -> list[list[int]]:
    """Images that the absolute alignment moves as one: all that were aligned to each other.

    A group that was not keeps its own place, so it is aligned by itself.
    """
    groups = list(groups_of(correctors).values())
    aligned = [i for group in groups for i in group if relative[group[0]].status is Status.ALIGNED]
    others = [group for group in groups if relative[group[0]].status is not Status.ALIGNED]
    return ([sorted(aligned)] if aligned else []) + others


def _absolute(
    correctors: list[Any], bodies: list[list[int]], reference: Table, parameters: Parameters
) -> list[Outcome]:
    options = keywords(parameters.absolute)
    for done in ("abs_refcat", "save_abs_catalog"):
        del options[done]
    results: list[Outcome | None] = [None] * len(correctors)
    for body in bodies:
        members = [correctors[i] for i in body]
        try:
            absolute_align(members, reference, align_method="sequential", **options)
            found = outcomes(members, parameters.absolute.abs_minobj)
        except AlignmentError as error:
            found = [Outcome(Status.FAILED, str(error))] * len(body)
        for i, outcome in zip(body, found, strict=True):
            results[i] = replace(outcome, absolute=outcome.status is Status.ALIGNED)
    return [result for result in results if result is not None]


def _together(relative: Outcome, absolute: Outcome) -> Outcome:
    if absolute.status is Status.ALIGNED:
        return replace(absolute, reason="aligned to the reference catalog")
    if relative.status is Status.ALIGNED:
        reason = f"aligned to the other images, but not to the reference: {absolute.reason}"
        return replace(relative, reason=reason)
    return absolute
