"""The relative and the absolute alignment, and the outcome of each image.

Each phase corrects all images of a group or none. If the absolute one fails, the correction of the
relative one stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import (
    CatalogError,
    ReferenceServiceError,
    TweakregError,
)
from tweakreg_step.core.groups import group_names, groups_of, indices
from tweakreg_step.core.memory import shortage_named
from tweakreg_step.core.outcome import Code, Outcome, Status, Verdict
from tweakreg_step.telescopes.wcs import group_epochs, group_observatories

from .align_jointly import align_jointly
from .align_sequentially import align_sequentially
from .detections import gather
from .input_checks import fixed_group
from .options import more_sources, options_of_run
from .reference_stars import load_reference, reference_of, save_reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import Table

    from tweakreg_step.catalogs.reference import Member
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.report import GroupFit

    Groups = list[list[int]]
    Verdicts = tuple[Verdict, ...]

__all__ = ["Alignment", "align_in_phases"]

log = logging.getLogger(__name__)

ONE_GROUP = Verdict(
    Code.ONE_GROUP,
    "There is one group only, and two are needed for a relative alignment, or 'abs_refcat' for an "
    "absolute one.",
)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The result of aligning I images in G groups.

    Attributes
    ----------
    outcomes
        (I,) outcome of each image.
    relative, absolute
        (G,) verdicts of each phase, the groups in the order of their first image; None where the
        phase was not requested.
    detections
        Detections through the input WCS.
    solution, fits
        Result of the global method, or of the sequential one; see `RunResult`.
    reference, table
        The reference catalog in the solver's form and as a table; None where there is none.
    """

    outcomes: list[Outcome]
    relative: Verdicts | None
    absolute: Verdicts | None
    detections: Detections
    solution: Solution | None = None
    fits: tuple[GroupFit | None, ...] = ()
    reference: Reference | None = None
    table: Table | None = None


@shortage_named("to align the images")
def align_in_phases(
    correctors: list[Any],
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None = None,
) -> Alignment:
    """Align the images to each other and to the reference catalog; corrects the correctors' WCS.

    Parameters
    ----------
    correctors
        One for each image; ``meta['refused']`` is a `Verdict` on images that must not be changed.
    parameters
        The parameters of the run.
    folder
        Folder in which the reference catalog is written if that was requested.
    catalogs
        The reference catalogs, if those in files were read already.
    """
    refgroup = fixed_group(correctors, parameters.method.refimage)
    start = _with_reference(correctors, parameters, folder, catalogs)
    if start.table is None and len(groups_of(correctors)) < 2:
        return _with_outcomes(correctors, replace(start, relative=(ONE_GROUP,)))
    if parameters.method.align_method == "global":
        alignment = _globally(correctors, start, parameters, refgroup)
    else:
        alignment = _sequentially(correctors, start, parameters)
    return _with_outcomes(correctors, alignment)


def _with_outcomes(correctors: Sequence[Any], alignment: Alignment) -> Alignment:
    """The alignment with the outcome of each image; refused groups get the verdict on them."""
    refused = [correctors[g[0]].meta.get("refused") for g in groups_of(correctors).values()]
    alignment = replace(
        alignment,
        relative=_with_refusals(alignment.relative, refused),
        absolute=_with_refusals(alignment.absolute, refused),
    )
    return replace(alignment, outcomes=_outcomes(correctors, alignment))


def _with_refusals(verdicts: Verdicts | None, refused: Sequence[Verdict | None]) -> Verdicts | None:
    if verdicts is None:
        return None
    return tuple(no or verdict for no, verdict in zip(refused, verdicts, strict=True))


def _with_reference(
    correctors: list[Any],
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None,
) -> Alignment:
    """Detections and reference catalog of the alignment; where none can be read, a verdict why."""
    start = Alignment([], None, None, gather(correctors))
    try:
        table = _reference(correctors, parameters, folder, catalogs)
        if table is None:
            return start
        epochs, observatories = group_epochs(correctors), group_observatories(correctors)
        reference = reference_of(table, epochs, observatories)
    except (ReferenceServiceError, CatalogError) as error:
        problem: TweakregError = error
    except (TweakregError, MemoryError):
        raise
    except Exception as error:
        log.debug("reference catalog", exc_info=error)
        problem = CatalogError(
            f"The reference catalog can't be used: {type(error).__name__}: {error}. Its columns "
            "must hold what their names say. Mend it, or give another 'abs_refcat'."
        )
    else:
        return replace(start, table=table, reference=reference)
    log.warning("No absolute alignment: %s", problem)
    missing = Verdict(Code.of(problem), str(problem))
    return replace(start, absolute=(missing,) * len(groups_of(correctors)))


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


def _sequentially(correctors: list[Any], start: Alignment, parameters: Parameters) -> Alignment:
    reference = None
    if start.table is not None and start.reference is not None:
        reference = start.reference, start.table
    relative, absolute, fits = align_sequentially(correctors, reference, parameters)
    return replace(
        start, relative=relative or (ONE_GROUP,), absolute=absolute or start.absolute, fits=fits
    )


def _globally(
    correctors: list[Any], start: Alignment, parameters: Parameters, refgroup: Any
) -> Alignment:
    options = options_of_run(correctors, parameters, refgroup)
    more = more_sources(correctors, parameters)
    found = align_jointly(correctors, start.detections, start.reference, options, more)
    absolute = start.absolute if start.reference is None else found.absolute
    relative = (ONE_GROUP,) if len(found.relative) < 2 else found.relative
    return replace(start, solution=found.solution, relative=relative, absolute=absolute)


# ---- outcomes of the images


def _outcomes(correctors: Sequence[Any], alignment: Alignment) -> list[Outcome]:
    number = indices(group_names(correctors))
    outcomes = []
    for index, corrector in enumerate(correctors):
        relative, absolute = (
            None if verdicts is None else verdicts[number[index]]
            for verdicts in (alignment.relative, alignment.absolute)
        )
        info = corrector.meta.get("fit_info", {})
        if info.get("status") == f"FAILED: {Code.NOT_CORRECTED}":
            outcomes.append(Outcome(Status.FAILED, info["reason"], code=Code.NOT_CORRECTED))
            continue
        outcome = _outcome(relative, absolute)
        moved = info.get("status") == "SUCCESS"
        outcomes.append(replace(outcome, moved=moved and outcome.status is Status.ALIGNED))
    return outcomes


def _outcome(relative: Verdict | None, absolute: Verdict | None) -> Outcome:
    """The outcome of an image, from the verdicts on its group."""
    if absolute is not None and absolute.applied:
        return Outcome(Status.ALIGNED, absolute.reason, absolute=True, code=absolute.code)
    if relative is not None and relative.applied:
        reason = relative.reason
        if absolute is not None:
            reason = f"Aligned to the other images, but not to the reference. {absolute.reason}"
            return Outcome(Status.ALIGNED, reason, code=absolute.code)
        return Outcome(Status.ALIGNED, reason, code=relative.code)
    failed = absolute if relative is None or relative is ONE_GROUP else relative
    failed = failed or ONE_GROUP
    return Outcome(failed.code.status, failed.reason, code=failed.code)
