"""The account of a run -> JSON, the table of matches, the end of the log, facts for each image."""

from __future__ import annotations

from .headers import essentials_left_out, essentials_of
from .json_report import SCHEMA, report_of, write_report
from .log import summary_table

__all__ = [
    "SCHEMA",
    "essentials_left_out",
    "essentials_of",
    "report_of",
    "summary_table",
    "write_report",
]
