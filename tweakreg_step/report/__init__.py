"""Reports of a run's result: JSON, table of matches, log, header keywords of each image."""

from __future__ import annotations

from .headers import essentials_left_out, essentials_of
from .json_report import SCHEMA, report_of, write_report
from .log import log_alignment, log_catalogs, log_end, log_parameters, summary_table
from .result import GroupFit, ReferenceNote, RunResult
from .write import write_result

__all__ = [
    "SCHEMA",
    "GroupFit",
    "ReferenceNote",
    "RunResult",
    "essentials_left_out",
    "essentials_of",
    "log_alignment",
    "log_catalogs",
    "log_end",
    "log_parameters",
    "report_of",
    "summary_table",
    "write_report",
    "write_result",
]
