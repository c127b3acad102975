"""Reports of a run's result: JSON, table of matches, log, header keywords of each image."""

from __future__ import annotations

from .group_outcome import group_outcome, headline
from .headers import essentials_from, essentials_left_out, essentials_of
from .json_report import SCHEMA, report_of, write_report
from .key_figures import figures_of
from .log import log_alignment, log_catalogs, log_end, log_parameters, summary_table
from .match_table import matches_of, write_rows
from .page import page_of, write_page
from .remedies import MORE_SOURCES
from .result import (
    AlignedCatalogs,
    Cutout,
    GroupFit,
    GroupResults,
    ImageResults,
    ReferenceNote,
    RunFacts,
    RunResult,
    result_classes,
)
from .sentences import apart_reason, verdicts_of
from .shortages import shortage_named
from .write import write_result

__all__ = [
    "MORE_SOURCES",
    "SCHEMA",
    "AlignedCatalogs",
    "Cutout",
    "GroupFit",
    "GroupResults",
    "ImageResults",
    "ReferenceNote",
    "RunFacts",
    "RunResult",
    "apart_reason",
    "essentials_from",
    "essentials_left_out",
    "essentials_of",
    "figures_of",
    "group_outcome",
    "headline",
    "log_alignment",
    "log_catalogs",
    "log_end",
    "log_parameters",
    "matches_of",
    "page_of",
    "report_of",
    "result_classes",
    "shortage_named",
    "summary_table",
    "verdicts_of",
    "write_page",
    "write_report",
    "write_result",
    "write_rows",
]
