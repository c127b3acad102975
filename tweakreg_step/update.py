"""Corrected WCS, and what became of the images -> the exposures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .data import Status
from .report import essentials_of
from .telescopes.jwst import ABSOLUTE_FIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .account import Account
    from .config import Parameters
    from .data import Outcome
    from .telescopes import Telescope

__all__ = ["update_exposures"]

log = logging.getLogger(__name__)


def update_exposures(
    library: Any,
    correctors: Sequence[Any],
    account: Account,
    telescope: Telescope,
    parameters: Parameters,
) -> None:
    """Put the corrected WCS into the exposures, and what became of them into their metadata.

    Parameters
    ----------
    library
        The exposures; changed.
    correctors
        One for each exposure.
    account
        What became of them.
    telescope
        Their mission.
    parameters
        Of the run.
    """
    with library:
        for index in tqdm(range(len(correctors)), "writing WCS", unit="image", disable=None):
            model, outcome = library.borrow(index), account.outcomes[index]
            try:
                name = correctors[index].meta["name"]
                model.meta.filename = model.meta.filename or name
                if outcome.moved or _is_reset(outcome, parameters):
                    wcs = correctors[index].wcs
                    refcat = correctors[index].meta.get("abs_refcat", "")
                    wcs.name = _wcs_name(wcs.name, outcome, refcat)
                    problem = telescope.update_wcs(model, wcs, parameters.sip)
                    if problem:
                        log.warning(
                            "%s: no FITS approximation of the WCS, its keywords are those from "
                            "before: %s",
                            name,
                            problem,
                        )
                telescope.record(model, outcome.status)
                telescope.annotate(model, essentials_of(account, index))
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
