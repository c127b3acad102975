"""The report and the page of a run, as files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tweakreg_step.core.exceptions import OutputError

from .json_report import write_report
from .page import write_page

if TYPE_CHECKING:
    from pathlib import Path

    from .result import RunResult

__all__ = ["write_result"]

log = logging.getLogger(__name__)


def write_result(result: RunResult, folder: Path, *, report: bool, plots: bool) -> None:
    """Write the requested files; a failure is logged as an error and does not stop the run.

    Parameters
    ----------
    result
        Result of the run.
    folder
        Folder to write to.
    report, plots
        Whether the report, and the page of pictures, is wanted.
    """
    written: list[Path] = []
    try:
        if report:
            written += write_report(result, folder)
        if plots:
            written.append(write_page(result, folder))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
    if written:
        log.info("Report: %s", ", ".join(map(str, written)))
