"""The relative and the absolute alignment, and the outcome of each image.

Each phase corrects all images of a group or none. If the absolute one fails, the correction of the
relative one stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import (
    CatalogError,
    ReferenceServiceError,
    TweakregError,
)
from tweakreg_step.core.outcome import Code, Outcome, Status, Verdict
from tweakreg_step.pipeline.settings.solver_options import more_sources, options_of_run
from tweakreg_step.report import shortage_named
from tweakreg_step.telescopes.wcs import group_epochs, group_observatories

from .detections import gather, warn_of_unused
from .input_checks import fixed_group
from .methods.align_jointly import align_jointly
from .methods.align_sequentially import align_sequentially
from .methods.try_starts import present, try_starts, with_delivered
from .reference_stars import load_reference, reference_of, save_reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import Table

    from tweakreg_step.alignment import ImageFits, KnownPairs
    from tweakreg_step.catalogs.reference import Member
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import Solution
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.pipeline.settings.detector_calibration import Calibration
    from tweakreg_step.report import GroupFit

    from .methods.align_jointly import JointAlignment
    from .methods.try_starts import Start

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
        Detections through the WCS that the alignment started from.
    solution, fits
        Result of the global method, or of the sequential one; see `RunResult`.
    reference, table
        The reference catalog in the solver's form and as a table; None where there is none.
    moved
        (I,) whether the WCS of each image was corrected; None where no image could be.
    uncorrected
        By image: why its WCS was not corrected, though its group is aligned.
    agreement
        How well each image agrees with the others, by the sequential method; None else.
    """

    outcomes: list[Outcome]
    relative: Verdicts | None
    absolute: Verdicts | None
    detections: Detections
    solution: Solution | None = None
    fits: tuple[GroupFit | None, ...] = ()
    reference: Reference | None = None
    table: Table | None = None
    moved: tuple[bool, ...] | None = None
    uncorrected: dict[int, Verdict] = field(default_factory=dict)
    agreement: ImageFits | None = None


@shortage_named("to align the images")
def align_in_phases(
    groups: Groups,
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None = None,
    calibration: Calibration | None = None,
    known: KnownPairs | None = None,
) -> Alignment:
    """Align the images to each other and to the reference catalog; corrects their WCS.

    Parameters
    ----------
    groups
        The images; those that were refused are not changed.
    parameters
        The parameters of the run.
    folder
        Folder in which the reference catalog is written if that was requested.
    catalogs
        The reference catalogs, if those in files were read already.
    calibration
        Where detectors lie, to which the images were put; None where nothing is known.
    known
        Pairs of groups that were matched before, to which those that are matched are added.
    """
    refgroup = fixed_group(groups, parameters.method.refimage)
    start = _with_reference(groups, parameters, folder, catalogs)
    if start.table is None and len(groups) < 2:
        return _with_outcomes(groups, replace(start, relative=(ONE_GROUP,)))
    if parameters.method.align_method == "global":
        options = options_of_run(groups, parameters, refgroup)
        if calibration is not None:
            options = calibration.prior(options)
        # where a calibration has put detectors, that is where they start
        starts = with_delivered(present(groups)) if calibration is None else []
        alignment = _globally(groups, start, parameters, (options, starts), known)
    else:
        alignment = _sequentially(groups, start, parameters)
    return _with_outcomes(groups, alignment)


def _with_outcomes(groups: Groups, alignment: Alignment) -> Alignment:
    """The alignment with the outcome of each image; refused groups get the verdict on them."""
    refused = [groups.images[members[0]].refused for members in groups.members]
    alignment = replace(
        alignment,
        relative=_with_refusals(alignment.relative, refused),
        absolute=_with_refusals(alignment.absolute, refused),
    )
    return replace(alignment, outcomes=_outcomes(groups, alignment))


def _with_refusals(verdicts: Verdicts | None, refused: Sequence[Verdict | None]) -> Verdicts | None:
    if verdicts is None:
        return None
    return tuple(no or verdict for no, verdict in zip(refused, verdicts, strict=True))


def _with_reference(
    groups: Groups,
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None,
) -> Alignment:
    """Detections and reference catalog of the alignment; where none can be read, a verdict why."""
    start = Alignment([], None, None, gather(groups))
    warn_of_unused(groups.images)
    try:
        table = _reference(groups, parameters, folder, catalogs)
        if table is None:
            return start
        epochs, observatories = group_epochs(groups), group_observatories(groups)
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
    return replace(start, absolute=(missing,) * len(groups))


def _reference(
    groups: Groups,
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None,
) -> Table | None:
    if not parameters.matching_absolute:
        return None
    absolute = parameters.absolute
    chosen = absolute.abs_refcat if catalogs is None else catalogs
    reference = load_reference(chosen, groups.images, parameters.reference, absolute.abs_searchrad)
    if absolute.save_abs_catalog:
        save_reference(reference, folder)
    return reference


def _sequentially(groups: Groups, start: Alignment, parameters: Parameters) -> Alignment:
    reference = None
    if start.table is not None and start.reference is not None:
        reference = start.reference, start.table
    found = align_sequentially(groups, reference, parameters)
    return replace(
        start,
        relative=found.relative or (ONE_GROUP,),
        absolute=found.absolute or start.absolute,
        fits=found.fits,
        moved=found.moved,
        agreement=found.agreement,
        uncorrected=found.uncorrected,
    )


def _globally(
    groups: Groups,
    start: Alignment,
    parameters: Parameters,
    how: tuple[Options, list[Start]],
    known: KnownPairs | None,
) -> Alignment:
    """The global alignment, with options, from the first of several WCS that settles it."""
    options, starts = how
    more = more_sources(groups, parameters)
    if start.reference is None or not options.joint or len(starts) < 2:
        found = align_jointly(groups, start.detections, start.reference, options, more, known)
    else:

        def align() -> JointAlignment:
            return align_jointly(groups, gather(groups), start.reference, options, more, known)

        found, _ = try_starts(groups, starts, align)
    absolute = start.absolute if start.reference is None else found.absolute
    relative = (ONE_GROUP,) if len(found.relative) < 2 else found.relative
    solved = replace(
        start,
        detections=found.detections,
        solution=found.solution,
        moved=found.moved,
        uncorrected=found.uncorrected,
    )
    return replace(solved, relative=relative, absolute=absolute)


# ---- outcomes of the images


def _outcomes(groups: Groups, alignment: Alignment) -> list[Outcome]:
    moved = alignment.moved or (False,) * len(groups.images)
    outcomes = []
    pairs = zip(groups.of_image.tolist(), moved, strict=True)
    for image, (group, changed) in enumerate(pairs):
        relative, absolute = (
            None if verdicts is None else verdicts[group]
            for verdicts in (alignment.relative, alignment.absolute)
        )
        if image in alignment.uncorrected:
            why = alignment.uncorrected[image]
            outcomes.append(Outcome(Status.FAILED, why.reason, code=why.code))
            continue
        outcome = _outcome(relative, absolute)
        outcomes.append(replace(outcome, moved=changed and outcome.status is Status.ALIGNED))
    return outcomes


def _outcome(relative: Verdict | None, absolute: Verdict | None) -> Outcome:
    """The outcome of an image, from the verdicts on its group."""
    if absolute is not None and absolute.applied:
        return Outcome(Status.ALIGNED, absolute.reason, absolute=True, code=absolute.code)
    if relative is not None and relative.applied:
        reason = relative.reason
        if absolute is not None and relative.code.error is not None:
            reason = f"{reason} {absolute.reason}"
            return Outcome(Status.ALIGNED, reason, code=relative.code)
        if absolute is not None:
            reason = f"Aligned to the other images, but not to the reference. {absolute.reason}"
            return Outcome(Status.ALIGNED, reason, code=absolute.code)
        return Outcome(Status.ALIGNED, reason, code=relative.code)
    failed = absolute if relative is None or relative is ONE_GROUP else relative
    failed = failed or ONE_GROUP
    return Outcome(failed.code.status, failed.reason, code=failed.code)
