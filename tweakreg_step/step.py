"""TweakRegStep: exposures in, aligned exposures out."""

from __future__ import annotations

import datetime as dt
import logging
import weakref
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tweakreg_step.catalogs.reference import members_of, with_chosen_columns
from tweakreg_step.framework import BaseStep, reports_errors, warn_overwritten
from tweakreg_step.parameters import (
    STAGES,
    Parameters,
    declarations,
    departures,
    effective,
    spec_text,
    unset,
    unused,
)
from tweakreg_step.pipeline.apply import update_exposures
from tweakreg_step.pipeline.failure_policy import failure, must_raise, unchanged
from tweakreg_step.pipeline.input_checks import (
    check_refimage,
    warn_of_one_group,
    warn_of_shared_groups,
)
from tweakreg_step.pipeline.reference_pixels import pixels_to_sky
from tweakreg_step.pipeline.run import Run, align_library
from tweakreg_step.pipeline.settings.detector_calibration import calibration_of
from tweakreg_step.pipeline.stopwatch import Stopwatch
from tweakreg_step.report import log_end, log_parameters, write_result
from tweakreg_step.results import (
    AlignmentResult,
    RunState,
    save_sources,
    save_state,
    sources_of,
)
from tweakreg_step.solutions import save_solution
from tweakreg_step.telescopes.inputs import open_library
from tweakreg_step.telescopes.labels import labels_of
from tweakreg_step.telescopes.library import (
    ExposureLibrary,
    file_names,
    found_groups,
    product_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stpipe.library import AbstractModelLibrary

    from tweakreg_step.exposures import KnownRun
    from tweakreg_step.parameters import Declaration, Setting
    from tweakreg_step.report import RunResult
    from tweakreg_step.solutions import SavedSolution
    from tweakreg_step.telescopes import Change

__all__ = ["TweakRegStep"]

log = logging.getLogger(__name__)


class TweakRegStep(BaseStep):
    """Align exposures to each other and to a reference catalog."""

    class_alias = "tweakreg"
    spec = spec_text(*STAGES.values())

    report_written = False
    """Whether the report of this run was written."""

    reports_refusals = True
    """Whether an input that is refused leaves a report."""

    _unreported: RunResult | None = None
    """The result of this run, until its images are written."""

    _solution: SavedSolution | None = None
    """What this run has found."""

    _reported: RunResult | None = None
    """The result of this run, as it was reported."""

    _result: weakref.ref[AlignmentResult] | None = None
    """The same with its solution and its exposures, once it was asked for."""

    earlier: RunState | None = None
    """The state of an earlier run whose images take part, without their files."""

    keeps_state = False
    """Whether the state of this run is kept, to be asked for, written or not."""

    _known: KnownRun | None = None
    """What a later run needs of this one."""

    _library: weakref.ref[AbstractModelLibrary] | None = None
    """The exposures of this run, which the step does not keep."""

    @classmethod
    def configured(cls, exposures: Any, **parameters: Any) -> Self:
        """A step with the parameters that `call` would have, not run yet.

        Parameters
        ----------
        exposures
            The input that it will be run on: CRDS has parameters for it.
        **parameters
            As for `call`.
        """
        config, config_file = cls.build_config(exposures, **parameters)
        config.pop("class", None)
        name = config.pop("name", None)
        return cls.from_config_section(config, name=name, config_file=config_file)  # type: ignore[no-any-return]

    @property
    def result(self) -> AlignmentResult:
        """The result of the last run: tables, solution, exposures.

        Raises
        ------
        ValueError
            If the step was not run, or ended with an error.
        """
        if self._reported is None or self._solution is None:
            raise ValueError("The step has no result: it was not run, or ended with an error.")
        known = None if self._result is None else self._result()
        if known is None:
            library = None if self._library is None else self._library()
            known = AlignmentResult(self._reported, self._solution, library)
            self._result = weakref.ref(known)  # it holds the exposures, which a step does not
        return known

    @property
    def state(self) -> RunState | None:
        """The state of the last run; None where it was not kept."""
        if self._reported is None or self._known is None:
            return None
        return RunState(self._reported, self._known, sources_of(self._reported))

    @reports_errors
    def process(self, *inputs: Any) -> AbstractModelLibrary:
        """Align exposures.

        Parameters
        ----------
        *inputs
            An association file; a file, a list of files, a glob, a comma-separated list,
            ``@list.txt``; a model, a list of models, a library of models.

        Returns
        -------
        AbstractModelLibrary
            The exposures, those that could be aligned with a corrected WCS;
            ``meta.cal_step.tweakreg`` says which. Models given in memory are not modified.

        Raises
        ------
        ParameterError, InputError, CatalogError, OutputError
            If the input or parameters can't be used; no result is written then.
        """
        self._reported = self._solution = self._known = self._result = None
        parameters, start, stopwatch = Parameters.of(self), dt.datetime.now(dt.UTC), Stopwatch()
        log_parameters(departures(*self._declared))
        for sentence in unused(parameters):
            log.warning(sentence)
        refcat = parameters.absolute.abs_refcat
        # a bad one is refused before the work
        catalogs = members_of(self._reference(parameters, inputs)) if refcat else None
        calibration = calibration_of(parameters.method.detector_calibration)
        with stopwatch("opening"):
            library = self._open(*inputs)
            names = file_names(library, lambda name: self.remove_suffix(name)[0])
            self._check_refimage(parameters.method.refimage, names, library)
            self._warn_overwritten(library)
            has_fixed = bool(refcat) or self.earlier is not None
            _check_groups(library, names, reference=has_fixed)
        not_given = frozenset(unset(*self._declared))
        parameters = replace(parameters, given=_names_of_parameters() - not_given)
        run = Run(
            names=names,
            parameters=parameters,
            effective=self.effective,
            unset=not_given,
            folder=self.output_folder,
            catalogs=catalogs,
            product=self._product(library, names),
            start=start,
            calibration=calibration,
            earlier=None if self.earlier is None else self.earlier.known,
            keeps=bool(self.save_state) or self.keeps_state or self.earlier is not None,
        )
        result = align_library(library, run, self.worker_pool(), stopwatch)
        with stopwatch("writing"):
            problems = self._change(library, result.changes)
        told = unchanged(result.result, problems)
        told = replace(told, run=replace(told.run, seconds=stopwatch.seconds))
        if must_raise(result.outcomes, parameters.safety):
            self._write_report(told)
            raise failure(result.result.images.names, result.outcomes)
        self._unreported, self._solution, self._known = told, result.solution, result.known
        self._library = weakref.ref(library)
        return library

    def _product(self, library: AbstractModelLibrary, names: Sequence[str]) -> str:
        """Name of the product: that of an earlier run, if its images take part."""
        if self.earlier is not None:
            return self.earlier.result.run.product
        return product_name(library, self.remove_suffix(Path(names[0]).stem)[0])

    def _check_refimage(
        self, refimage: str, names: Sequence[str], library: AbstractModelLibrary
    ) -> None:
        """Refuse a fixed image that is neither in the input nor in an earlier run."""
        earlier = () if self.earlier is None else self.earlier.known.images
        known = dict.fromkeys(str(image.group) for image in earlier)
        groups = chain(known, found_groups(library))  # which opens files only if it is asked
        check_refimage(refimage, [*(image.name for image in earlier), *names], groups)

    def _reference(self, parameters: Parameters, inputs: Any) -> Any:
        """The reference catalog, with the columns that the user has chosen."""
        given = inputs[0] if len(inputs) == 1 else list(inputs)
        return with_chosen_columns(
            self.table_of("abs_refcat", parameters.absolute.abs_refcat),
            parameters.reference,
            lambda: pixels_to_sky(given, parameters.method.refimage),
        )

    @property
    def _declared(self) -> tuple[Iterator[Declaration], Mapping[str, Any], Mapping[str, str]]:
        """Declarations, values and sources of the parameters."""
        return declarations(*STAGES.values()), vars(self), self._sources

    @property
    def effective(self) -> list[Setting]:
        """Name, value and origin of each parameter."""
        return list(effective(*self._declared))

    @property
    def wants_report(self) -> bool:
        """Whether a report is written: where results are saved, or if it was asked for by name."""
        return bool(self.save_report) and (self.writes_results or "save_report" in self._sources)

    @property
    def wants_solution(self) -> bool:
        """Whether the solution is written, by the same rule as the report."""
        asked = bool({"save_solution", "save_state"} & set(self._sources))
        return bool(self.save_solution) and (self.writes_results or asked)

    @property
    def changes_images(self) -> bool:
        """Whether images may be changed: in a dry run they are not."""
        return bool(self.apply_correction)

    def _warn_overwritten(self, library: AbstractModelLibrary) -> None:
        own_names = self.output_use_model and not self.update_inputs
        if self.writes_results and self.changes_images and own_names:
            files = [member["expname"] for member in library.asn["products"][0]["members"]]
            warn_overwritten(files, self.path_of_result)

    def _open(self, *inputs: Any) -> AbstractModelLibrary:
        given = inputs[0] if len(inputs) == 1 else list(inputs)
        library = open_library(
            given,
            in_memory=self.keeps_in_memory,
            owned=self.parent is not None,
            input_dir=self.input_dir or "",
            scratch=self.output_folder,
        )
        self._opened = None if library is given else library
        return library

    def finish(self) -> None:
        """Report the run: what could not be written is not aligned."""
        if self._unreported is None:
            return
        result, self._unreported = unchanged(self._unreported, self._unwritten or {}), None
        self._write_report(result)
        self._reported = result
        if self.wants_solution and self._solution is not None:
            folder = self.output_folder
            sources, product = sources_of(result), result.run.product
            saved = [save_solution(self._solution, folder), save_sources(sources, product, folder)]
            if self.save_state and self._known is not None:
                saved.append(save_state(RunState(result, self._known, sources), folder))
            log.info("Solution: %s", ", ".join(str(path) for path in saved if path is not None))
        if self._written is not None:
            log.info(
                "%d of %d images are written, in '%s'.",
                *(self._written, self._written + len(self._unwritten or ()), self.output_folder),
            )

    def _change(self, library: AbstractModelLibrary, changes: dict[int, Change]) -> dict[str, str]:
        """Change the exposures: those in memory now, others when they are opened to be saved.

        Returns
        -------
        dict
            Why some could not be changed, by the name of their file.
        """
        later = self._defer(library, changes)
        return update_exposures(library, {i: c for i, c in changes.items() if i not in later})

    def _defer(self, library: AbstractModelLibrary, changes: dict[int, Change]) -> set[int]:
        """Defer changes of exposures until they are opened; returns their indices."""
        later = set(self.changed_later(library))
        if isinstance(library, ExposureLibrary):
            library.defer({i: change for i, change in changes.items() if i in later})
        return later

    def _write_report(self, result: RunResult) -> None:
        """Write the table in the log, the report, and the page of pictures."""
        log_end(result)
        plots = bool(self.save_plots)
        write_result(result, self.output_folder, report=self.wants_report, plots=plots)
        self.report_written = True


def _names_of_parameters() -> frozenset[str]:
    """Names of all parameters."""
    return frozenset(declaration.name for declaration in declarations(*STAGES.values()))


def _check_groups(library: AbstractModelLibrary, names: Sequence[str], *, reference: bool) -> None:
    """Say which groups are none, before the work."""
    labels = labels_of(library)
    groups = [label.group or None for label in labels]
    warn_of_shared_groups(names, groups, [label.detector or None for label in labels])
    warn_of_one_group(groups, reference=reference)
