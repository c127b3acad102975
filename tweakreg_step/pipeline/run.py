"""The exposures of a library, aligned: sources, alignment, what becomes of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from tweakreg_step.exposures import read_exposures
from tweakreg_step.report import log_alignment, log_catalogs

from .apply import changes_of
from .failure_policy import allowed, left_out_of, may_change, withheld
from .phases import align_in_phases
from .run_result import Before, Circumstances, run_result_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stpipe.library import AbstractModelLibrary

    from tweakreg_step.catalogs.reference import Member
    from tweakreg_step.core.outcome import Outcome
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.report import RunResult
    from tweakreg_step.telescopes import Telescope

    from .apply import Change
    from .stopwatch import Stopwatch

__all__ = ["AlignedRun", "Run", "align_library"]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has to know beside its exposures.

    Attributes
    ----------
    names
        Of the exposures' files, in the order of the library.
    telescope
        Whose exposures they are.
    parameters, effective
        Of the run: typed, and as name, value and origin.
    folder
        Where results, catalogs and reports go.
    catalogs
        The reference catalogs, read before the work; None where there is none.
    product, start
        Name of what the run makes, and when it began.
    """

    names: list[str]
    telescope: Telescope
    parameters: Parameters
    effective: list[tuple[str, object, str]]
    folder: Path
    catalogs: tuple[Member, ...] | None
    product: str
    start: Any


@dataclass(frozen=True, slots=True)
class AlignedRun:
    """What a run came to.

    Attributes
    ----------
    result
        All that it can tell of itself.
    outcomes
        Of each exposure that took part, and of those that could not.
    changes
        What is to be changed in which exposure; none where nothing may be.
    """

    result: RunResult
    outcomes: list[Outcome]
    changes: dict[int, Change]


def align_library(
    library: AbstractModelLibrary,
    run: Run,
    crew: AbstractContextManager[Any],
    watch: Stopwatch,
) -> AlignedRun:
    """Align the exposures of a library; nothing is changed yet.

    Parameters
    ----------
    library, run
        The exposures, and how.
    crew
        Who reads them, once entered.
    watch
        Takes the time of the stages.
    """
    parameters = run.parameters
    with watch("sources"), crew as workers:
        found = read_exposures(library, run.names, run.telescope, parameters, run.folder, workers)
    correctors = found.correctors
    log_catalogs(correctors, watch.seconds["sources"])
    # with one thread: several would wait for each other, and the order of sums change bits
    with watch("alignment"), threadpool_limits(1):
        before = Before.of(correctors)
        alignment = align_in_phases(correctors, parameters, run.folder, run.catalogs)
    stars = None if alignment.table is None else len(alignment.table)
    seconds, sequential = watch.seconds["alignment"], bool(alignment.fits)
    log_alignment(alignment.solution, stars, seconds, sequential=sequential)
    left_out = left_out_of(found.refusals)
    outcomes = allowed([*alignment.outcomes, *(o.outcome for o in left_out)], parameters.safety)
    circumstances = Circumstances(
        product=run.product,
        parameters=run.effective,
        start=run.start,
        dry_run=not parameters.safety.apply_correction,
        left_out=left_out,
    )
    result = run_result_of(correctors, before, alignment, outcomes, circumstances)
    result = withheld(result, parameters.safety)
    changes: dict[int, Change] = {}
    with watch("writing"):
        if may_change(outcomes, parameters.safety):
            changes = changes_of(found, result, run.telescope, parameters)
    return AlignedRun(result, outcomes, changes)
