"""TweakRegStep: exposures in, aligned exposures out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tweakreg_step.catalogs.reference import members_of
from tweakreg_step.framework import BaseStep, reports_errors
from tweakreg_step.parameters import (
    STAGES,
    Parameters,
    declarations,
    departures,
    effective,
    spec_text,
)
from tweakreg_step.pipeline.apply import update_exposures
from tweakreg_step.pipeline.failure_policy import failure, must_raise
from tweakreg_step.pipeline.input_checks import check_refimage
from tweakreg_step.pipeline.run import Run, align_library
from tweakreg_step.pipeline.stopwatch import Stopwatch
from tweakreg_step.report import log_end, log_parameters, write_result
from tweakreg_step.telescopes.inputs import open_library
from tweakreg_step.telescopes.jwst import JWST, JwstLibrary, file_names, found_groups, product_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stpipe.library import AbstractModelLibrary

    from tweakreg_step.parameters import Declaration
    from tweakreg_step.pipeline.apply import Change
    from tweakreg_step.report import RunResult

__all__ = ["TweakRegStep"]


class TweakRegStep(BaseStep):
    """Align exposures to each other and to a reference catalog."""

    class_alias = "tweakreg"
    spec = spec_text(*STAGES.values())

    report_written = False
    """Whether the report of this run was written."""

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
        parameters, start, stopwatch = Parameters.of(self), dt.datetime.now(dt.UTC), Stopwatch()
        log_parameters(departures(*self._declared))
        refcat = parameters.absolute.abs_refcat
        catalogs = members_of(refcat) if refcat else None  # a bad one is refused before the work
        with stopwatch("opening"):
            library = self._open(*inputs)
            names = file_names(library, lambda name: self.remove_suffix(name)[0])
            check_refimage(parameters.method.refimage, names, found_groups(library))
        run = Run(
            names=names,
            telescope=JWST(),
            parameters=parameters,
            effective=self.effective,
            folder=self.output_folder,
            catalogs=catalogs,
            product=product_name(library, names[0]),
            start=start,
        )
        result = align_library(library, run, self.worker_pool(), stopwatch)
        with stopwatch("writing"):
            self._change(library, result.changes)
        self._write_report(replace(result.result, seconds=stopwatch.seconds), parameters)
        if must_raise(result.outcomes, parameters.safety):
            raise failure(result.result.images, result.outcomes)
        return library

    @property
    def _declared(self) -> tuple[Iterator[Declaration], Mapping[str, Any], Mapping[str, str]]:
        """Declarations, values and sources of the parameters."""
        return declarations(*STAGES.values()), vars(self), self._sources

    @property
    def effective(self) -> list[tuple[str, object, str]]:
        """Name, value and origin of each parameter."""
        return list(effective(*self._declared))

    @property
    def wants_report(self) -> bool:
        """Whether a report is written: where results are saved, or if it was asked for by name."""
        return bool(self.save_report) and (self.writes_results or "save_report" in self._sources)

    def _open(self, *inputs: Any) -> AbstractModelLibrary:
        given = inputs[0] if len(inputs) == 1 else list(inputs)
        library = open_library(
            given,
            in_memory=self.in_memory,
            owned=self.parent is not None,
            input_dir=self.input_dir or "",
            scratch=self.output_folder,
        )
        self._opened = None if library is given else library
        return library

    def _change(self, library: AbstractModelLibrary, changes: dict[int, Change]) -> None:
        """Change the exposures: those in memory now, others when they are opened to be saved."""
        later = self._defer(library, changes)
        update_exposures(library, {i: c for i, c in changes.items() if i not in later})

    def _defer(self, library: AbstractModelLibrary, changes: dict[int, Change]) -> set[int]:
        """Defer changes of exposures until they are opened; returns their indices."""
        later = set(self.changed_later(library))
        if isinstance(library, JwstLibrary):
            library.defer({i: change for i, change in changes.items() if i in later})
        return later

    def _write_report(self, result: RunResult, parameters: Parameters) -> None:
        """Write the table in the log, the report, and the page of pictures."""
        log_end(result)
        plots = parameters.report.save_plots
        write_result(result, self.output_folder, report=self.wants_report, plots=plots)
        self.report_written = True
