"""One run: find sources in the exposures of a library, align them, prepare their changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from tweakreg_step.core.images import Groups
from tweakreg_step.exposures import (
    KnownRun,
    idle_by_reason,
    known_images,
    read_exposures,
    with_known,
)
from tweakreg_step.pipeline.settings.detector_calibration import start_from, with_calibrated
from tweakreg_step.pipeline.settings.mission_defaults import with_mission_defaults
from tweakreg_step.pipeline.settings.solver_options import options_of_run
from tweakreg_step.report import RunFacts, log_alignment, log_catalogs
from tweakreg_step.results import save_catfile, save_regions
from tweakreg_step.solutions import Marks, solution_of, with_checksum
from tweakreg_step.telescopes.choose_mission import telescope_named

from .apply import changes_of
from .cutouts import with_cutouts
from .failure_policy import allowed, left_out_of, may_change, withheld
from .phases import align_in_phases
from .run_result import Before, Circumstances, run_result_of, versions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stpipe.library import AbstractModelLibrary

    from tweakreg_step.catalogs.reference import Member
    from tweakreg_step.core.outcome import Outcome
    from tweakreg_step.exposures import ReadExposures
    from tweakreg_step.parameters import Parameters, Setting
    from tweakreg_step.pipeline.settings.detector_calibration import Calibration
    from tweakreg_step.report import RunResult
    from tweakreg_step.solutions import SavedSolution
    from tweakreg_step.telescopes import Change, Telescope

    from .phases import Alignment
    from .stopwatch import Stopwatch

__all__ = ["AlignedRun", "Run", "align_library"]


@dataclass(frozen=True, slots=True)
class Run:
    """The input of a run beside its exposures.

    Attributes
    ----------
    names
        File names of the exposures, in the order of the library.
    parameters, effective
        Parameters, typed, and as tuples of name, value and origin.
    unset
        Names of the parameters that the user did not give.
    folder
        Folder for results, catalogs and reports.
    catalogs
        The reference catalogs; None where there is none.
    product, start
        Name of the product, and start of the run [UTC].
    calibration
        Motions of detectors that are known; None where none are.
    earlier
        What is known of an earlier run whose images take part; None where none do.
    keeps
        Whether what a later run needs is kept; so it is where there is an earlier one.
    """

    names: list[str]
    parameters: Parameters
    effective: list[Setting]
    unset: frozenset[str]
    folder: Path
    catalogs: tuple[Member, ...] | None
    product: str
    start: Any
    calibration: Calibration | None = None
    earlier: KnownRun | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class AlignedRun:
    """The outcome of a run.

    Attributes
    ----------
    result
        The result for reports and pictures.
    outcomes
        Outcome of each exposure that was used, then of those that could not be used.
    changes
        Changes by the exposure's index in the library; empty if none may be made.
    solution
        What was found, to be saved.
    known
        What a later run needs; None where that is not kept.
    """

    result: RunResult
    outcomes: list[Outcome]
    changes: dict[int, Change]
    solution: SavedSolution
    known: KnownRun | None = None


def align_library(
    library: AbstractModelLibrary,
    run: Run,
    pool: AbstractContextManager[Any],
    stopwatch: Stopwatch,
) -> AlignedRun:
    """Align the exposures of a library; nothing is changed yet.

    Parameters
    ----------
    library, run
        The exposures, and the other input of the run.
    pool
        Context of the workers that read the exposures.
    stopwatch
        Measures the time of the stages.
    """
    with stopwatch("sources"), pool as workers:
        exposures, known = _read(library, run, workers)
    parameters, effective = with_mission_defaults(
        run.parameters, run.effective, run.unset, _telescopes(exposures, run)
    )
    groups = Groups.of(exposures.images)
    idle = idle_by_reason(exposures.left_out)
    log_catalogs(groups, idle, stopwatch.seconds["sources"])
    # one thread: several would wait for each other, and the order of their sums would change bits
    with stopwatch("alignment"), threadpool_limits(1):
        before, marks = Before.of(groups.images), Marks.of(groups.images)
        alignment = _aligned(groups, parameters, run, known)
    stars = None if alignment.table is None else len(alignment.table)
    seconds, sequential = stopwatch.seconds["alignment"], bool(alignment.fits)
    log_alignment(alignment.solution, stars, seconds, sequential=sequential)
    left_out = left_out_of(exposures.refusals)
    outcomes = allowed([*alignment.outcomes, *(o.outcome for o in left_out)], parameters.safety)
    facts = RunFacts(
        product=run.product,
        start=run.start.isoformat(timespec="seconds"),
        parameters=tuple(effective),
        options=options_of_run(groups, parameters),
        versions=versions(),
        seconds={},  # known at the end of the run
        dry_run=not parameters.safety.apply_correction,
    )
    circumstances = Circumstances(facts, left_out)
    result = run_result_of(groups, before, alignment, outcomes, circumstances)
    result = withheld(result, parameters.safety)
    if parameters.report.save_plots:
        result = with_cutouts(result, library, exposures.members)
    # what a dry run has found can be applied later
    lasting = allowed(
        [*alignment.outcomes, *(o.outcome for o in left_out)],
        replace(parameters.safety, apply_correction=True),
    )
    images = replace(result.images, outcomes=tuple(lasting[: len(result.images)]))
    solution = solution_of(groups, marks, replace(result, images=images), run.calibration)
    _save_beside_catalogs(exposures, result, parameters, run)
    changes: dict[int, Change] = {}
    with stopwatch("writing"):
        if may_change(outcomes, parameters.safety):
            changes = changes_of(exposures, result, parameters)
    return AlignedRun(result, outcomes, changes, with_checksum(solution), known)


def _save_beside_catalogs(
    exposures: ReadExposures, result: RunResult, parameters: Parameters, run: Run
) -> None:
    """Write what goes with saved catalogs: regions of the sources, and the list of catalogs."""
    if parameters.catalogs.save_catalogs:
        save_regions(result, exposures.kept, exposures.left_out, run.folder)
        save_catfile(result.images.names, exposures.kept, run.product, run.folder)


def _telescopes(exposures: ReadExposures, run: Run) -> list[Telescope]:
    """The missions of the exposures, and of those of an earlier run."""
    earlier = () if run.earlier is None else run.earlier.images
    known = dict.fromkeys(image.mission for image in earlier)
    return [*(member.telescope for member in exposures.members), *map(telescope_named, known)]


def _read(library: Any, run: Run, workers: Any) -> tuple[ReadExposures, KnownRun | None]:
    """The exposures, with those of an earlier run, and what is known before the alignment."""
    exposures = read_exposures(library, run.names, run.parameters, run.folder, workers)
    if not run.keeps:
        return exposures, None
    earlier = run.earlier or KnownRun()
    known = KnownRun((*earlier.images, *known_images(exposures)), earlier.pairs.joined())
    return with_known(exposures, earlier.images, run.parameters), known


def _aligned(groups: Groups, parameters: Parameters, run: Run, known: KnownRun | None) -> Alignment:
    """The alignment of the images, which start from a detector calibration if there is one."""
    pairs = None if known is None else known.pairs
    given = (parameters, run.folder, run.catalogs, run.calibration, pairs)
    if run.calibration is None:
        return align_in_phases(groups, *given)
    before = start_from(run.calibration, groups)
    return with_calibrated(align_in_phases(groups, *given), groups, before)
