"""The changes that an alignment makes to one exposure."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tweakreg_step.telescopes.wcs import PackedCorrector

if TYPE_CHECKING:
    from tweakreg_step.core.outcome import Essential, Status
    from tweakreg_step.parameters import SipParameters

    from .telescope import Telescope

__all__ = ["Change"]

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
        Corrected WCS of each of its images, or the packed corrector that makes it when the change
        is made; empty to leave all as they are.
    reference
        Name of the reference catalog that it was aligned to, None for none.
    essentials
        Results for its metadata; None leaves those of an earlier run.
    catalogs
        File name of each image's source catalog, None where none was written; may be empty.
    telescope
        The mission.
    sip
        Parameters of the FITS approximation of the WCS.
    wcs_name
        Name of the corrected WCS, '' for one that is made.
    """

    name: str
    status: Status | None
    wcs: tuple[Any, ...]
    reference: str | None
    essentials: tuple[Essential, ...] | None
    catalogs: tuple[str | None, ...]
    telescope: Telescope
    sip: SipParameters
    wcs_name: str = ""

    def __call__(self, model: Any) -> None:
        """Make the changes to an open model."""
        wcs = (one.wcs if isinstance(one, PackedCorrector) else one for one in self.wcs)
        for problem in self.telescope.apply(model, replace(self, wcs=tuple(wcs))):
            log.warning("%s: %s", self.name, problem)
