"""Alignment of one group after another, with the same verdicts as on a joint alignment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import assess
from tweakreg_step.core.exceptions import FAILURES, AlignmentError, NoMatchError
from tweakreg_step.core.groups import groups_of
from tweakreg_step.core.outcome import Decision, GroupStatus, Verdict
from tweakreg_step.report import GroupFit
from tweakreg_step.telescopes.wcs import Snapshot

from .detections import gather
from .idle_groups import with_idle_groups
from .input_checks import fixed_group
from .options import options_of_run
from .reference_stars import load_reference
from .stock_method import absolute_sequential, relative_sequential

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from tweakreg_step.core.detections import Reference
    from tweakreg_step.core.options import Options
    from tweakreg_step.parameters import Parameters

    Groups = list[list[int]]
    Verdicts = tuple[Verdict, ...]

__all__ = ["align_sequentially"]


def align_sequentially(
    correctors: list[Any], reference: tuple[Reference, Table] | None, parameters: Parameters
) -> tuple[Verdicts | None, Verdicts | None, tuple[GroupFit | None, ...]]:
    """Align one group after another, with verdicts from the same evidence as in a joint alignment.

    Parameters
    ----------
    correctors
        Those of groups whose correction is accepted get a corrected WCS.
    reference
        The reference catalog in the solver's form and as a table, None where there is none.
    parameters
        The parameters of the run.

    Returns
    -------
    relative, absolute
        (G,) verdicts of each phase, None where there was none.
    fits
        (G,) fit of each group by tweakwcs, None where there was none.
    """
    groups = list(groups_of(correctors).values())
    options = options_of_run(correctors, parameters)
    relative = None
    if len(groups) > 1:
        relative = _relative(correctors, groups, parameters, options)
    fits = tuple(_fit(correctors[group[0]]) for group in groups)
    if reference is None:
        return relative, None, fits
    bodies = _bodies(len(groups), relative or ())
    absolute = _absolute(correctors, groups, bodies, (*reference, parameters, options))
    fits = tuple(fit or _fit(correctors[group[0]]) for group, fit in zip(groups, fits, strict=True))
    return relative, absolute, fits


def _relative(
    correctors: list[Any], groups: Groups, parameters: Parameters, options: Options
) -> Verdicts:
    # New sources are needed to align all groups before the reference catalog moves all as one.
    expand = parameters.relative.expand_refcat or parameters.matching_absolute
    relative = replace(parameters.relative, expand_refcat=expand)
    fixed = fixed_group(correctors, parameters.method.refimage)
    before = [Snapshot(corrector) for corrector in correctors]
    try:
        relative_sequential(correctors, relative, fixed)
    except NoMatchError:
        pass  # assessed below, as what it claims to have done is
    except AlignmentError as error:
        failed = _all_failed(correctors, groups, _verdict_of(error, "no_match"))
        return with_idle_groups(failed, correctors, options.searchrad)
    found = assess(gather(correctors), _claimed(correctors, groups), None, options).relative
    for group, verdict in zip(groups, found, strict=True):
        if not verdict.applied:
            _restore(before, group)
    return with_idle_groups(found, correctors, options.searchrad)


def _all_failed(correctors: list[Any], groups: Groups, verdict: Verdict) -> Verdicts:
    """One verdict for all groups; for too few sources, groups with any are 'not connected'."""
    if verdict.code != GroupStatus.TOO_FEW_SOURCES.code:
        return (verdict,) * len(groups)
    not_connected = replace(verdict, code=GroupStatus.NOT_CONNECTED.code)
    sizes = [sum(len(correctors[image].meta["catalog"]) for image in group) for group in groups]
    return tuple(not_connected if size else verdict for size in sizes)


def _verdict_of(error: AlignmentError, otherwise: str) -> Verdict:
    """A failure of tweakwcs as a verdict, its code from the error's subclass."""
    if type(error) is AlignmentError:
        return Verdict(Decision.LEFT, otherwise, str(error))
    code = next(code for code, kind in FAILURES.items() if kind is type(error))
    return Verdict(Decision.LEFT, code, str(error))


def _claimed(correctors: list[Any], groups: Groups) -> NDArray[np.bool_]:
    """Mask (G,) of the groups that tweakwcs reports as aligned, or as the reference of others."""
    infos = [correctors[group[0]].meta.get("fit_info", {}) for group in groups]
    return np.array([info.get("status") in {"SUCCESS", "REFERENCE"} for info in infos], bool)


def _restore(before: list[Snapshot], images: list[int]) -> None:
    for image in images:
        before[image].restore()


def _bodies(count: int, relative: Verdicts) -> list[list[int]]:
    """Groups that the absolute alignment moves together: all that were aligned to each other.

    Each of the other groups is aligned to the reference by itself.
    """
    aligned = [number for number, verdict in enumerate(relative) if verdict.applied]
    others = [[number] for number in range(count) if number not in aligned]
    return ([aligned] if aligned else []) + others


def _absolute(
    correctors: list[Any],
    groups: Groups,
    bodies: list[list[int]],
    run: tuple[Reference, Table, Parameters, Options],
) -> Verdicts:
    reference, table, parameters, options = run
    verdicts: dict[int, Verdict] = {}
    before = [Snapshot(corrector) for corrector in correctors]
    for body in bodies:
        images = sorted(i for number in body for i in groups[number])
        members = [correctors[i] for i in images]
        try:
            stars = load_reference(table, members, searchrad=parameters.absolute.abs_searchrad)
            absolute_sequential(members, stars, parameters.absolute)
        except NoMatchError:
            pass  # assessed below, as what it claims to have done is
        except AlignmentError as error:
            verdicts |= dict.fromkeys(body, _verdict_of(error, "no_reference_match"))
            continue
        claimed = np.isin(np.arange(len(groups)), body)
        found = assess(gather(correctors), claimed, reference, options).absolute
        verdicts |= {number: found[number] for number in body}
        if not any(found[number].applied for number in body):
            _restore(before, images)
    return tuple(verdicts[number] for number in range(len(groups)))


def _fit(corrector: Any) -> GroupFit | None:
    """The fit of tweakwcs for a corrector, None where there is none."""
    info = corrector.meta.get("fit_info", {})
    if info.get("status") != "SUCCESS":
        return None
    rms = 1000.0 * float(info["rmse"]) / np.sqrt(2.0)
    # its motion is measured at the corners after the last fit
    return GroupFit((0.0, 0.0), 0.0, 0.0, int(info["nmatches"]), rms)
