"""Write the results of a run into the exposures: corrected WCS, status, header keywords."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tweakreg_step.core.outcome import Status
from tweakreg_step.exposures import UNUSABLE, VERSION
from tweakreg_step.report import essentials_left_out, essentials_of
from tweakreg_step.telescopes.jwst import ABSOLUTE_FIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tweakreg_step.core.outcome import Essential, Outcome
    from tweakreg_step.exposures import ReadExposures
    from tweakreg_step.parameters import Parameters, SipParameters
    from tweakreg_step.report import RunResult
    from tweakreg_step.telescopes import Telescope

__all__ = ["Change", "changes_of", "update_exposures"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """The changes to one exposure, without its pixels: it is sent to worker processes.

    Attributes
    ----------
    name
        Name of the exposure's file.
    status
        Status to record, None to leave it as it is.
    wcs
        Corrected WCS, None to leave the WCS as it is.
    essentials
        Results for its metadata; None leaves those of an earlier run.
    catalog
        File name of its source catalog, None where none was written.
    telescope
        The mission.
    sip
        Parameters of the FITS approximation of the WCS.
    """

    name: str
    status: Status | None
    wcs: Any | None
    essentials: tuple[Essential, ...] | None
    catalog: str | None
    telescope: Telescope
    sip: SipParameters

    def __call__(self, model: Any) -> None:
        """Make the changes to an open model."""
        model.meta.filename = model.meta.filename or self.name
        if self.catalog is not None:
            model.meta.tweakreg_catalog = self.catalog
        if self.wcs is not None:
            problem = self.telescope.update_wcs(model, self.wcs, self.sip)
            if problem:
                log.warning(
                    "%s: no FITS approximation of the WCS, its keywords are those from before: %s",
                    self.name,
                    problem,
                )
        if self.status is not None:
            self.telescope.record(model, self.status)
        if self.essentials is not None:
            self.telescope.annotate(model, self.essentials)


def changes_of(
    exposures: ReadExposures, result: RunResult, telescope: Telescope, parameters: Parameters
) -> dict[int, Change]:
    """The changes to each exposure, by its index in the library.

    Parameters
    ----------
    exposures
        The exposures, with their correctors after the alignment.
    result
        The result of the run.
    telescope
        The mission.
    parameters
        The parameters of the run.
    """
    changes = {}
    for number, (index, corrector) in enumerate(
        zip(exposures.indices, exposures.correctors, strict=True)
    ):
        outcome, wcs = result.outcomes[number], None
        if outcome.moved or _is_reset(outcome, parameters):
            wcs = corrector.wcs
            wcs.name = _wcs_name(wcs.name, outcome, corrector.meta.get("abs_refcat", ""))
        changes[index] = Change(
            name=corrector.meta["name"],
            status=outcome.status,
            wcs=wcs,
            essentials=tuple(essentials_of(result, number)),
            catalog=exposures.kept[number],
            telescope=telescope,
            sip=parameters.sip,
        )
    unusable = [refusal for refusal in exposures.refusals if refusal.code == UNUSABLE]
    for index, refusal in zip(exposures.unusable, unusable, strict=True):
        facts = essentials_left_out(refusal.code, VERSION)
        changes[index] = Change(
            refusal.name, Status.FAILED, None, facts, None, telescope, parameters.sip
        )
    return changes


def update_exposures(library: Any, changes: Mapping[int, Change]) -> None:
    """Make the changes to the exposures of a library.

    Parameters
    ----------
    library
        The exposures; changed.
    changes
        The changes, by the exposure's index in the library.
    """
    with library:
        for index in tqdm(sorted(changes), "writing WCS", unit="image", disable=None):
            model = library.borrow(index)
            try:
                changes[index](model)
            finally:
                library.shelve(model, index)
            del model


def _is_reset(outcome: Outcome, parameters: Parameters) -> bool:
    """Whether an image without a new correction loses that of an earlier alignment."""
    return parameters.safety.reset_wcs and outcome.status is Status.ALIGNED


def _wcs_name(present: str, outcome: Outcome, refcat: str) -> str:
    """Name of a corrected WCS: that of the reference catalog it was aligned to, if any.

    After a relative alignment, the name of an earlier absolute one is dropped.
    """
    if outcome.absolute:
        return f"{ABSOLUTE_FIT}{refcat}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present
