"""TweakRegStep: exposures in, aligned exposures out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from tweakreg_step.catalogs.reference import members_of

from .exposures.read import read_exposures
from .framework.base import BaseStep
from .framework.failed_run import reports_errors
from .parameters.declaration import declarations, spec_text
from .parameters.provenance import departures, effective
from .parameters.run import STAGES, Parameters
from .pipeline.apply import changes_of, update_exposures
from .pipeline.failure_policy import allowed, failure, left_out_of, may_change, must_raise, withheld
from .pipeline.input_checks import check_refimage
from .pipeline.phases import align_in_phases
from .pipeline.run_result import Before, Circumstances, account_of
from .pipeline.stopwatch import Stopwatch
from .report.log import log_alignment, log_catalogs, log_end, log_parameters
from .report.write import write_account
from .telescopes.inputs import open_library
from .telescopes.jwst.library import JwstLibrary, file_names, found_groups, product_name
from .telescopes.jwst.models import JWST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stpipe.library import AbstractModelLibrary

    from .parameters.declaration import Declaration
    from .pipeline.apply import Change
    from .report.result import Account

__all__ = ["TweakRegStep"]


class TweakRegStep(BaseStep):
    """Align exposures to each other and to a reference catalog."""

    class_alias = "tweakreg"
    spec = spec_text(*STAGES.values())

    has_told = False
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
            If the run makes no sense; no result is written then.
        """
        parameters, start, watch = Parameters.of(self), dt.datetime.now(dt.UTC), Stopwatch()
        log_parameters(departures(*self._declared))
        refcat = parameters.absolute.abs_refcat
        catalogs = members_of(refcat) if refcat else None  # a bad one is refused before the work
        with watch("opening"):
            library = self._open(*inputs)
            names = file_names(library, lambda name: self.remove_suffix(name)[0])
            check_refimage(parameters.method.refimage, names, found_groups(library))
        folder, telescope = self.output_folder, JWST()
        with watch("sources"), self.crew() as crew:
            found = read_exposures(library, names, telescope, parameters, folder, crew)
        correctors = found.correctors
        log_catalogs(correctors, watch.seconds["sources"])
        # with one thread: several would wait for each other, and the order of sums change bits
        with watch("alignment"), threadpool_limits(1):
            before = Before.of(correctors)
            alignment = align_in_phases(correctors, parameters, folder, catalogs)
        log_alignment(alignment, watch.seconds["alignment"])
        left_out = left_out_of(found.refusals)
        failures = [one.outcome for one in left_out]
        outcomes = allowed([*alignment.outcomes, *failures], parameters.safety)
        circumstances = Circumstances(
            product=product_name(library, names[0]),
            parameters=self.effective,
            start=start,
            dry_run=not parameters.safety.apply_correction,
            left_out=left_out,
        )
        account = account_of(correctors, before, alignment, outcomes, circumstances)
        account = withheld(account, parameters.safety)
        with watch("writing"):
            if may_change(outcomes, parameters.safety):
                self._change(library, changes_of(found, account, telescope, parameters))
        self._tell(replace(account, seconds=watch.seconds), parameters)
        if must_raise(outcomes, parameters.safety):
            raise failure(account.images, outcomes)
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
        """Change the exposures now; those that are not open, when they are opened to be saved."""
        later = self._defer(library, changes)
        update_exposures(library, {i: c for i, c in changes.items() if i not in later})

    def _defer(self, library: AbstractModelLibrary, changes: dict[int, Change]) -> set[int]:
        """Leave changes to those who write the exposures; which ones."""
        later = set(self.changed_later(library))
        if isinstance(library, JwstLibrary):
            library.defer({i: change for i, change in changes.items() if i in later})
        return later

    def _tell(self, account: Account, parameters: Parameters) -> None:
        """The table in the log, the report, and the page of pictures."""
        log_end(account)
        plots = parameters.report.save_plots
        write_account(account, self.output_folder, report=self.wants_report, plots=plots)
        self.has_told = True
