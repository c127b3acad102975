"""Reports of a run's result: JSON, table of matches, log, header keywords of each image."""

from __future__ import annotations

from .headers import essentials_left_out, essentials_of
from .json_report import SCHEMA, report_of, write_report
from .log import log_alignment, log_catalogs, log_end, log_parameters, summary_table
from .remedies import MORE_SOURCES
from .result import (
    AlignedCatalogs,
    GroupFit,
    GroupResults,
    ImageResults,
    ReferenceNote,
    RunFacts,
    RunResult,
)
from .sentences import apart_reason, verdicts_of
from .write import write_result

__all__ = [
    "MORE_SOURCES",
    "SCHEMA",
    "AlignedCatalogs",
    "GroupFit",
    "GroupResults",
    "ImageResults",
    "ReferenceNote",
    "RunFacts",
    "RunResult",
    "apart_reason",
    "essentials_left_out",
    "essentials_of",
    "log_alignment",
    "log_catalogs",
    "log_end",
    "log_parameters",
    "report_of",
    "summary_table",
    "verdicts_of",
    "write_report",
    "write_result",
]
