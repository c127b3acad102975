"""The report and the page of a run, as files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError

from .json_report import write_report
from .page import write_page

if TYPE_CHECKING:
    from pathlib import Path

    from .result import Account

__all__ = ["write_account"]

log = logging.getLogger(__name__)


def write_account(account: Account, folder: Path, *, report: bool, plots: bool) -> None:
    """Write what was asked for; what can't be written is an error in the log, and costs no image.

    Parameters
    ----------
    account
        Of the run.
    folder
        Where to.
    report, plots
        Whether the report, and the page of pictures, is wanted.
    """
    written: list[Path] = []
    try:
        if report:
            written += write_report(account, folder)
        if plots:
            written.append(write_page(account, folder))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
    if written:
        log.info("Report: %s", ", ".join(map(str, written)))
