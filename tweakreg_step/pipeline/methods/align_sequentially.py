"""Alignment of one group after another, with the same verdicts as on a joint alignment.

What a joint solution leaves out, images that do not move with their group and detections that stay
on the detector, takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import assess, image_fits
from tweakreg_step.core.exceptions import AlignmentError, NoMatchError
from tweakreg_step.core.outcome import Code, Verdict
from tweakreg_step.pipeline.correctors import correctors_of, is_moved
from tweakreg_step.pipeline.detections import gather
from tweakreg_step.pipeline.idle_groups import with_idle_groups
from tweakreg_step.pipeline.input_checks import fixed_group
from tweakreg_step.pipeline.reference_stars import stars_around
from tweakreg_step.pipeline.settings.solver_options import more_sources, options_of_run
from tweakreg_step.report import GroupFit, verdicts_of
from tweakreg_step.telescopes.wcs import Snapshot

from .examine_jointly import Examined, examine_jointly
from .stock_method import absolute_sequential, relative_sequential

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.alignment import ImageFits
    from tweakreg_step.core.arrays import BoolArray
    from tweakreg_step.core.detections import Reference
    from tweakreg_step.core.images import Groups
    from tweakreg_step.core.options import Options
    from tweakreg_step.core.solution import ApartImage, Solution
    from tweakreg_step.parameters import Parameters

    Verdicts = tuple[Verdict, ...]

__all__ = ["SequentialAlignment", "align_sequentially"]


@dataclass(frozen=True, slots=True)
class SequentialAlignment:
    """The result of an alignment of one group after another.

    Attributes
    ----------
    relative, absolute
        (G,) verdicts of each phase, None where there was none.
    fits
        (G,) fit of each group by tweakwcs, None where there was none.
    moved
        (I,) whether the WCS of each image was corrected.
    apart
        The images that do not move with their groups, and were left out.
    uncorrected
        By image: why it was left out.
    agreement
        How well each image agrees with the others.
    """

    relative: Verdicts | None
    absolute: Verdicts | None
    fits: tuple[GroupFit | None, ...]
    moved: tuple[bool, ...]
    apart: tuple[ApartImage, ...]
    uncorrected: dict[int, Verdict]
    agreement: ImageFits


def align_sequentially(
    groups: Groups, reference: tuple[Reference, Table] | None, parameters: Parameters
) -> SequentialAlignment:
    """Align one group after another, with verdicts from the same evidence as in a joint alignment.

    Parameters
    ----------
    groups
        The images; those of groups whose correction is accepted get a corrected WCS.
    reference
        The reference catalog in the solver's form and as a table, None where there is none.
    parameters
        The parameters of the run.
    """
    options, correctors = options_of_run(groups, parameters), correctors_of(groups)
    examined = examine_jointly(groups, reference[0] if reference else None, options)
    for corrector, rows in zip(correctors, examined.rows(groups), strict=True):
        corrector.meta["catalog"] = corrector.meta["catalog"][rows]
    more = more_sources(groups, parameters)
    run = _Run(groups, correctors, parameters, options, more, examined)
    relative = _relative(run) if len(groups) > 1 else None
    first = [run.correctors[members[0]] for members in run.members]
    fits = tuple(map(_fit, first))
    absolute = None
    if reference is not None:
        absolute = _absolute(run, _bodies(len(groups), relative or ()), *reference)
        fits = tuple(fit or _fit(corrector) for fit, corrector in zip(fits, first, strict=True))
    phases = [verdicts for verdicts in (relative, absolute) if verdicts]
    applied = np.array([any(v.applied for v in own) for own in zip(*phases, strict=True)], bool)
    agreement, rest = run.agreement(applied, reference[0] if absolute and reference else None)
    return SequentialAlignment(
        relative=relative,
        absolute=absolute,
        fits=_with_errors(fits, rest),
        moved=tuple(map(is_moved, run.correctors)),
        apart=examined.apart,
        uncorrected=examined.left_out,
        agreement=agreement,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """What is aligned, with the correctors that tweakwcs changes, and how.

    Attributes
    ----------
    groups, correctors
        The images, and the corrector of each.
    parameters, options
        As the user gave them, and as the solver takes them.
    more
        What gives more sources, as a part of a sentence.
    examined
        What takes no part, and what is in doubt.
    """

    groups: Groups
    correctors: list[Any]
    parameters: Parameters
    options: Options
    more: str
    examined: Examined

    @property
    def members(self) -> list[list[int]]:
        """(G,) indices of the images of each group that take part."""
        out = {one.image for one in self.examined.apart}
        return [[i for i in images if i not in out] for images in self.groups.members]

    def assessed(self, claimed: BoolArray, reference: Reference | None) -> tuple[Verdicts, ...]:
        """The verdicts of both phases on what tweakwcs claims to have aligned (G,)."""
        detections = gather(self.groups).take(self.examined.taken)
        found = assess(detections, claimed, reference, self.options)
        relative = self.examined.doubted(found.relative)
        absolute = self.examined.doubted(found.absolute, absolute=True)
        return tuple(
            verdicts_of(phase, self.more, self.groups.names) for phase in (relative, absolute)
        )

    def agreement(
        self, aligned: BoolArray, reference: Reference | None
    ) -> tuple[ImageFits, Solution]:
        """How well the images of aligned groups (G,) agree with the others, where they are now.

        And the solution of all groups at once that starts from there.
        """
        detections = gather(self.groups).take(self.examined.taken)
        found = assess(detections, aligned, reference, self.options)
        count = len(self.groups.images)
        fits = image_fits(detections, reference, found, count, applied=False)
        return fits.with_apart(self.examined.apart), found

    def with_idle_groups(self, verdicts: Verdicts) -> Verdicts:
        """Relative verdicts whose reasons name the idle groups."""
        return with_idle_groups(verdicts, self.groups, self.options.searchrad)


def _relative(run: _Run) -> Verdicts:
    groups, parameters = run.groups, run.parameters
    # New sources are needed to align all groups before the reference catalog moves all as one.
    expand = parameters.relative.expand_refcat or parameters.matching_absolute
    relative = replace(parameters.relative, expand_refcat=expand)
    fixed = fixed_group(groups, parameters.method.refimage)
    before = [Snapshot(corrector) for corrector in run.correctors]
    try:
        own = [run.correctors[i] for i in sorted(i for images in run.members for i in images)]
        relative_sequential(own, relative, fixed)
    except NoMatchError:
        pass  # assessed below, as what it claims to have done is
    except AlignmentError as error:
        return run.with_idle_groups(_all_failed(groups, _verdict_of(error, Code.NO_MATCH)))
    found, _ = run.assessed(_claimed(run), None)
    for members, verdict in zip(groups.members, found, strict=True):
        if not verdict.applied:
            _restore(before, members)
    return run.with_idle_groups(found)


def _all_failed(groups: Groups, verdict: Verdict) -> Verdicts:
    """One verdict for all groups; for too few sources, groups with any are 'not connected'."""
    if verdict.code is not Code.TOO_FEW_SOURCES:
        return (verdict,) * len(groups)
    not_connected = replace(verdict, code=Code.NOT_CONNECTED)
    sizes = [sum(len(groups.images[i].sources) for i in members) for members in groups.members]
    return tuple(not_connected if size else verdict for size in sizes)


def _verdict_of(error: AlignmentError, otherwise: Code) -> Verdict:
    """A failure of tweakwcs as a verdict, its code from the error's subclass."""
    code = otherwise if type(error) is AlignmentError else Code.of(error)
    return Verdict(code, str(error))


def _claimed(run: _Run) -> BoolArray:
    """Mask (G,) of the groups that tweakwcs reports as aligned, or as the reference of others."""
    first = [run.correctors[members[0]] for members in run.members]
    infos = [corrector.meta.get("fit_info", {}) for corrector in first]
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


def _absolute(run: _Run, bodies: list[list[int]], reference: Reference, table: Table) -> Verdicts:
    groups, absolute = run.groups, run.parameters.absolute
    verdicts: dict[int, Verdict] = {}
    before = [Snapshot(corrector) for corrector in run.correctors]
    for body in bodies:
        images = sorted(image for number in body for image in run.members[number])
        try:
            around = [groups.images[image] for image in images]
            stars = stars_around(table, around, absolute.abs_searchrad)
            absolute_sequential([run.correctors[image] for image in images], stars, absolute)
        except NoMatchError:
            pass  # assessed below, as what it claims to have done is
        except AlignmentError as error:
            verdicts |= dict.fromkeys(body, _verdict_of(error, Code.NO_REFERENCE_MATCH))
            continue
        _, found = run.assessed(np.isin(np.arange(len(groups)), body), reference)
        verdicts |= {number: found[number] for number in body}
        if not any(found[number].applied for number in body):
            _restore(before, images)
    return tuple(verdicts[number] for number in range(len(groups)))


def _fit(corrector: Any) -> GroupFit | None:
    """The fit of tweakwcs for a corrector, None where there is none."""
    if not is_moved(corrector):
        return None
    info = corrector.meta["fit_info"]
    rms = 1000.0 * float(info["rmse"]) / np.sqrt(2.0)
    # its motion is measured at the corners after the last fit
    return GroupFit((0.0, 0.0), 0.0, 0.0, int(info["nmatches"]), rms)


def _with_errors(fits: tuple[GroupFit | None, ...], rest: Solution) -> tuple[GroupFit | None, ...]:
    """The fits with their mean square errors.

    A fit by tweakwcs has none: it takes the sources that it is aligned to as free of errors. What
    the solution of all groups at once would still correct is known, with the error of that.
    """
    groups = rest.groups
    known: BoolArray = np.asarray(np.isfinite(groups.parameters).all(axis=1))
    square = groups.covariance + np.einsum("gi,gj->gij", groups.parameters, groups.parameters)
    centres = zip(groups.ra.tolist(), groups.dec.tolist(), strict=True)
    return tuple(
        replace(fit, centre=centre, covariance=square[number]) if fit and known[number] else fit
        for number, (fit, centre) in enumerate(zip(fits, centres, strict=True))
    )
