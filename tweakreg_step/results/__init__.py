"""Results that show themselves: tables with units, as text and as HTML."""

from __future__ import annotations

from .alignment_result import AlignmentResult
from .files_result import FilesResult, files_result
from .region_files import save_catfile, save_regions
from .solution_text import shown_solution
from .source_catalog import save_sources, sources_of
from .state import RunState, joined_state, read_state, save_state, state_path, write_state

__all__ = [
    "AlignmentResult",
    "FilesResult",
    "RunState",
    "files_result",
    "joined_state",
    "read_state",
    "save_catfile",
    "save_regions",
    "save_sources",
    "save_state",
    "shown_solution",
    "sources_of",
    "state_path",
    "write_state",
]
