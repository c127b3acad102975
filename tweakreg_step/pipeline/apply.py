"""Corrected WCS, and what became of the images -> the exposures."""

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
    from tweakreg_step.exposures import Found
    from tweakreg_step.parameters import Parameters, SipParameters
    from tweakreg_step.report import RunResult
    from tweakreg_step.telescopes import Telescope

__all__ = ["Change", "changes_of", "update_exposures"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one exposure; small, and it travels between processes.

    Attributes
    ----------
    name
        Of its file.
    status
        What became of it, None where that is not to be recorded.
    wcs
        The corrected WCS, None where the WCS stays as it is.
    essentials
        For its metadata; None leaves those of an earlier run.
    catalog
        Name of the file of its catalog, None where none was kept.
    telescope
        Its mission.
    sip
        How the FITS approximation is made.
    """

    name: str
    status: Status | None
    wcs: Any | None
    essentials: tuple[Essential, ...] | None
    catalog: str | None
    telescope: Telescope
    sip: SipParameters

    def __call__(self, model: Any) -> None:
        """Change a model."""
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
    found: Found, result: RunResult, telescope: Telescope, parameters: Parameters
) -> dict[int, Change]:
    """What is to be done to each exposure, by its place in the library.

    Parameters
    ----------
    found
        The exposures, their correctors after the alignment.
    result
        What became of them.
    telescope
        Their mission.
    parameters
        Of the run.
    """
    changes = {}
    for number, (index, corrector) in enumerate(zip(found.indices, found.correctors, strict=True)):
        outcome, wcs = result.outcomes[number], None
        if outcome.moved or _is_reset(outcome, parameters):
            wcs = corrector.wcs
            wcs.name = _wcs_name(wcs.name, outcome, corrector.meta.get("abs_refcat", ""))
        changes[index] = Change(
            name=corrector.meta["name"],
            status=outcome.status,
            wcs=wcs,
            essentials=tuple(essentials_of(result, number)),
            catalog=found.kept[number],
            telescope=telescope,
            sip=parameters.sip,
        )
    unusable = [refusal for refusal in found.refusals if refusal.code == UNUSABLE]
    for index, refusal in zip(found.unusable, unusable, strict=True):
        facts = essentials_left_out(refusal.code, VERSION)
        changes[index] = Change(
            refusal.name, Status.FAILED, None, facts, None, telescope, parameters.sip
        )
    return changes


def update_exposures(library: Any, changes: Mapping[int, Change]) -> None:
    """Put the corrected WCS into the exposures, and what became of them into their metadata.

    Parameters
    ----------
    library
        The exposures; changed.
    changes
        By their place in the library.
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
    """Whether an image that stays fixed has to lose the correction of an earlier alignment."""
    return parameters.safety.reset_wcs and outcome.status is Status.ALIGNED


def _wcs_name(present: str, outcome: Outcome, refcat: str) -> str:
    """What a corrected WCS is called: after the reference catalog it was aligned to, if any.

    A name of an earlier absolute alignment is no longer true after a relative one.
    """
    if outcome.absolute:
        return f"{ABSOLUTE_FIT}{refcat}"
    return "" if str(present).startswith(ABSOLUTE_FIT) else present
