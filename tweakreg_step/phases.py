"""What becomes of each image: the relative alignment and the absolute one, all or nothing each.

What is rejected changes nothing, and a failing absolute alignment leaves the relative one in place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .align import (
    absolute_align,
    load_reference,
    relative_align,
    save_reference,
)
from .alignment.assess_external import assess
from .bystanders import with_bystanders
from .core.exceptions import (
    FAILURES,
    AlignmentError,
    CatalogError,
    NoMatchError,
    NoReferenceStarsError,
    ReferenceServiceError,
)
from .core.outcome import Decision, GroupStatus, Outcome, Status, Verdict
from .everywhere import align_everywhere, options_of
from .gather import gather, group_names, indices, reference_of
from .given import fixed_group
from .parameters.run import keywords
from .report.result import GroupFit
from .telescopes.wcs.footprints import group_epochs
from .telescopes.wcs.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import Table
    from numpy.typing import NDArray

    from tweakreg_step.catalogs.reference import Member

    from .core.detections import Detections, Reference
    from .core.options import Options
    from .core.solution import Solution
    from .parameters.run import Parameters

    Groups = list[list[int]]
    Verdicts = tuple[Verdict, ...]

__all__ = ["Alignment", "align_in_phases", "groups_of", "more_sources"]

log = logging.getLogger(__name__)

ONE_GROUP = Verdict(
    Decision.LEFT,
    "one_group",
    "There is one group only, and two are needed for a relative alignment, or 'abs_refcat' for an "
    "absolute one.",
)


_CODES: dict[type[Exception], str] = {
    ReferenceServiceError: "reference_unreachable",
    NoReferenceStarsError: "reference_empty",
    CatalogError: "bad_catalog",
}


@dataclass(frozen=True, slots=True)
class Alignment:
    """What an alignment of I images in G groups came to.

    Attributes
    ----------
    outcomes
        I, one for each image.
    relative, absolute
        G verdicts for each phase, the groups in the order of their first image; None where the
        phase was not asked for.
    detections
        Through the WCS as it was.
    solution, fits
        Of the global method, and of the sequential one; see `tweakreg_step.report.result.Account`.
    reference, table
        The reference catalog as the solver and as the user has it; None where there is none.
    """

    outcomes: list[Outcome]
    relative: Verdicts | None
    absolute: Verdicts | None
    detections: Detections
    solution: Solution | None = None
    fits: tuple[GroupFit | None, ...] = ()
    reference: Reference | None = None
    table: Table | None = None


def groups_of(correctors: Sequence[Any]) -> dict[str, list[int]]:
    """The indices of the images of each group, in the order of the input."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(group_names(correctors)):
        groups.setdefault(name, []).append(index)
    return groups


def align_in_phases(
    correctors: list[Any],
    parameters: Parameters,
    folder: Path,
    catalogs: tuple[Member, ...] | None = None,
) -> Alignment:
    """Correct the correctors' WCS, as far as that can be done.

    Parameters
    ----------
    correctors
        One for each image; ``meta['refused']`` is a `Verdict` on those that must be left alone.
    parameters
        Of the run.
    folder
        Where the reference catalog is written if that was asked for.
    catalogs
        The reference catalogs, where those of files were read before.
    """
    refgroup = fixed_group(correctors, parameters.method.refimage)
    start = _with_reference(correctors, parameters, folder, catalogs)
    if start.table is None and len(groups_of(correctors)) < 2:
        return _finished(correctors, replace(start, relative=(ONE_GROUP,)))
    if parameters.method.align_method == "global":
        found = _globally(correctors, start, parameters, refgroup)
    else:
        found = _sequentially(correctors, start, parameters)
    return _finished(correctors, found)


def _finished(correctors: Sequence[Any], found: Alignment) -> Alignment:
    """The alignment with the outcome of each image; refused groups keep that verdict."""
    refused = [correctors[g[0]].meta.get("refused") for g in groups_of(correctors).values()]
    found = replace(
        found,
        relative=_with_refusals(found.relative, refused),
        absolute=_with_refusals(found.absolute, refused),
    )
    return replace(found, outcomes=_outcomes(correctors, found))


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
    """What is given to the alignment; without its reference catalog where none can be had."""
    start = Alignment([], None, None, gather(correctors))
    try:
        table = _reference(correctors, parameters, folder, catalogs)
    except (ReferenceServiceError, CatalogError) as error:
        log.warning("No absolute alignment: %s", error)
        missing = Verdict(Decision.LEFT, _CODES[type(error)], str(error))
        return replace(start, absolute=(missing,) * len(groups_of(correctors)))
    if table is None:
        return start
    return replace(start, table=table, reference=reference_of(table, group_epochs(correctors)))


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
    correctors: list[Any], start: Alignment, parameters: Parameters, refgroup: Any
) -> Alignment:
    solution = align_everywhere(
        correctors, start.detections, start.reference, _options(correctors, parameters, refgroup)
    )
    absolute = start.absolute if start.reference is None else solution.absolute
    relative = (ONE_GROUP,) if len(solution.relative) < 2 else solution.relative
    return replace(start, solution=solution, relative=relative, absolute=absolute)


def _options(correctors: list[Any], parameters: Parameters, refgroup: Any) -> Options:
    stages = parameters.relative, parameters.absolute, parameters.method
    return options_of(correctors, *stages, refgroup, more_sources(correctors, parameters))


_SELECTING = "fluxmin", "fluxmax", "peakmin", "exclusions"


def more_sources(correctors: Sequence[Any], parameters: Parameters) -> str:
    """What to do for more sources, as a part of a sentence: it is what limits their number.

    Parameters
    ----------
    correctors
        With their catalogs, as selected.
    parameters
        Of the run.
    """
    selection, finder = parameters.selection, parameters.finder
    remedies = []
    if any(len(item.meta["catalog"]) >= finder.brightest for item in correctors):
        remedies.append(f"raise 'brightest' from {finder.brightest}")
    used = [name for name in _SELECTING if getattr(selection, name) not in {None, ""}]
    used += ["peakmax"] if finder.peakmax is not None else []
    if used:
        remedies.append(f"loosen the selection ({', '.join(map(repr, used))})")
    if parameters.catalogs.use_custom_catalogs:
        remedies.append("give catalogs with more sources")
    elif not remedies or used:
        remedies.append("lower 'snr_threshold' to find more sources")
    return " or ".join(remedies)


# ---- one after another


def _sequentially(correctors: list[Any], start: Alignment, parameters: Parameters) -> Alignment:
    groups = list(groups_of(correctors).values())
    options = _options(correctors, parameters, None)
    relative = _relative(correctors, groups, parameters, options)
    fits = tuple(_fit(correctors[group[0]]) for group in groups)
    absolute = start.absolute
    if start.table is not None and start.reference is not None:
        bodies = _bodies(relative)
        absolute = _absolute(correctors, groups, bodies, (start, parameters, options))
        fits = tuple(
            fit or _fit(correctors[group[0]]) for group, fit in zip(groups, fits, strict=True)
        )
    return replace(start, relative=relative, absolute=absolute, fits=fits)


def _relative(
    correctors: list[Any], groups: Groups, parameters: Parameters, options: Options
) -> Verdicts:
    if len(groups) < 2:
        return (ONE_GROUP,)
    keys = keywords(parameters.relative)
    # New sources are needed to align all groups before the reference catalog moves all as one.
    keys["expand_refcat"] |= parameters.matching_absolute
    before = [Snapshot(corrector) for corrector in correctors]
    try:
        relative_align(
            correctors, align_method="sequential", refimage=parameters.method.refimage, **keys
        )
    except NoMatchError:
        pass  # assessed below, as what it claims to have done is
    except AlignmentError as error:
        told = _all_failed(correctors, groups, _verdict_of(error, "no_match"))
        return with_bystanders(told, correctors, options.searchrad)
    found = assess(gather(correctors), _claimed(correctors, groups), None, options).relative
    for group, verdict in zip(groups, found, strict=True):
        if not verdict.applied:
            _put_back(before, group)
    return with_bystanders(found, correctors, options.searchrad)


def _all_failed(correctors: list[Any], groups: Groups, verdict: Verdict) -> Verdicts:
    """One verdict for all groups; those that do have sources lack a partner."""
    if verdict.code != GroupStatus.TOO_FEW_SOURCES.code:
        return (verdict,) * len(groups)
    lonely = replace(verdict, code=GroupStatus.NOT_CONNECTED.code)
    sizes = [sum(len(correctors[image].meta["catalog"]) for image in group) for group in groups]
    return tuple(lonely if size else verdict for size in sizes)


def _verdict_of(error: AlignmentError, otherwise: str) -> Verdict:
    """A failure of tweakwcs as a verdict; its kind, where it has one, says which."""
    if type(error) is AlignmentError:
        return Verdict(Decision.LEFT, otherwise, str(error))
    code = next(code for code, kind in FAILURES.items() if kind is type(error))
    return Verdict(Decision.LEFT, code, str(error))


def _claimed(correctors: list[Any], groups: Groups) -> NDArray[np.bool_]:
    """Which groups (G,) tweakwcs says it has aligned, or aligned others to."""
    infos = [correctors[group[0]].meta.get("fit_info", {}) for group in groups]
    return np.array([info.get("status") in {"SUCCESS", "REFERENCE"} for info in infos], bool)


def _put_back(before: list[Snapshot], images: list[int]) -> None:
    for image in images:
        before[image].restore()


def _bodies(relative: Verdicts) -> list[list[int]]:
    """Groups that the absolute alignment moves as one: all that were aligned to each other.

    A group that was not keeps its own place, so it is aligned by itself.
    """
    aligned = [number for number, verdict in enumerate(relative) if verdict.applied]
    others = [[number] for number, verdict in enumerate(relative) if not verdict.applied]
    return ([aligned] if aligned else []) + others


def _absolute(
    correctors: list[Any],
    groups: Groups,
    bodies: list[list[int]],
    run: tuple[Alignment, Parameters, Options],
) -> Verdicts:
    start, parameters, options = run
    keys = keywords(parameters.absolute)
    for done in ("abs_refcat", "save_abs_catalog"):
        del keys[done]
    verdicts: dict[int, Verdict] = {}
    before = [Snapshot(corrector) for corrector in correctors]
    for body in bodies:
        images = sorted(i for number in body for i in groups[number])
        members = [correctors[i] for i in images]
        try:
            absolute_align(members, start.table, align_method="sequential", **keys)
        except NoMatchError:
            pass  # assessed below, as what it claims to have done is
        except AlignmentError as error:
            verdicts |= dict.fromkeys(body, _verdict_of(error, "no_reference_match"))
            continue
        claimed = np.isin(np.arange(len(groups)), body)
        found = assess(gather(correctors), claimed, start.reference, options).absolute
        verdicts |= {number: found[number] for number in body}
        if not any(found[number].applied for number in body):
            _put_back(before, images)
    return tuple(verdicts[number] for number in range(len(groups)))


def _fit(corrector: Any) -> GroupFit | None:
    """What tweakwcs fitted, None where it has not."""
    info = corrector.meta.get("fit_info", {})
    if info.get("status") != "SUCCESS":
        return None
    rms = 1000.0 * float(info["rmse"]) / np.sqrt(2.0)
    # its motion is measured at the corners in the end, since there may be another fit to come
    return GroupFit((0.0, 0.0), 0.0, 0.0, int(info["nmatches"]), rms)


# ---- what it came to


def _outcomes(correctors: Sequence[Any], found: Alignment) -> list[Outcome]:
    number = indices(group_names(correctors))
    outcomes = []
    for index, corrector in enumerate(correctors):
        relative, absolute = (
            None if verdicts is None else verdicts[number[index]]
            for verdicts in (found.relative, found.absolute)
        )
        outcome = _outcome(relative, absolute)
        moved = corrector.meta.get("fit_info", {}).get("status") == "SUCCESS"
        outcomes.append(replace(outcome, moved=moved and outcome.status is Status.ALIGNED))
    return outcomes


def _outcome(relative: Verdict | None, absolute: Verdict | None) -> Outcome:
    """What became of an image, from the verdicts on its group."""
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
    status = Status.SKIPPED if failed is ONE_GROUP else Status.FAILED
    return Outcome(status, failed.reason, code=failed.code)
