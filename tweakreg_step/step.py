"""TweakRegStep: exposures in, aligned exposures out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .base_step import BaseStep
from .config import STAGES, Parameters
from .data import Status
from .exposures import read_exposures, update_exposures
from .phases import align_in_phases, groups_of
from .provenance import departures
from .reference import members_of
from .spec import declarations, spec_text
from .telescopes.inputs import open_library
from .telescopes.jwst import JWST
from .telescopes.library import file_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stpipe.library import AbstractModelLibrary

    from .data import Outcome

__all__ = ["TweakRegStep"]

log = logging.getLogger(__name__)

NO_SOURCES = (
    "%s has no sources inside its bounding box. Lower 'snr_threshold'; for iraf and dao, widen "
    "'sharplo' to 'sharphi' and 'roundlo' to 'roundhi'."
)


class TweakRegStep(BaseStep):
    """Align exposures to each other and to a reference catalog."""

    class_alias = "tweakreg"
    spec = spec_text(*STAGES.values())

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
        parameters = Parameters.of(self)
        _log_parameters(self)
        refcat = parameters.absolute.abs_refcat
        catalogs = members_of(refcat) if refcat else None  # a bad one is refused before the work
        library = open_library(
            inputs[0] if len(inputs) == 1 else list(inputs),
            in_memory=parameters.general.in_memory,
            owned=self.parent is not None,
            input_dir=self.input_dir or "",
            scratch=self.output_folder,
        )
        names, telescope = file_names(library, lambda n: self.remove_suffix(n)[0]), JWST()
        correctors = read_exposures(library, names, telescope, parameters, self.output_folder)
        _log_catalogs(correctors)
        outcomes = align_in_phases(correctors, parameters, self.output_folder, catalogs)
        update_exposures(library, correctors, outcomes, telescope, parameters)
        _log_outcomes(names, outcomes)
        return library


def _log_parameters(step: Any) -> None:
    values = vars(step)
    for line in departures(declarations(*STAGES.values()), values, step._sources):  # noqa: SLF001
        log.info("Parameter %s", line)


def _log_catalogs(correctors: Sequence[Any]) -> None:
    for name, members in groups_of(correctors).items():
        counts = [len(correctors[i].meta["catalog"]) for i in members]
        log.info(
            "Group %s: %d sources in %d image%s",
            name,
            sum(counts),
            len(counts),
            "s" * (len(counts) > 1),
        )
        for i, count in zip(members, counts, strict=True):
            if count == 0:
                log.warning(NO_SOURCES, correctors[i].meta["name"])


def _log_outcomes(names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    for name, outcome in zip(names, outcomes, strict=True):
        level = logging.INFO if outcome.status is Status.ALIGNED else logging.WARNING
        log.log(level, "%-10s %s: %s", outcome.status.value, name, outcome.reason)
    aligned = sum(outcome.status is Status.ALIGNED for outcome in outcomes)
    log.info("%d of %d images are aligned.", aligned, len(outcomes))
