"""Results that show themselves: tables with units, as text and as HTML."""

from __future__ import annotations

from .alignment_result import AlignmentResult
from .files_result import FilesResult, files_result
from .region_files import save_catfile, save_regions
from .solution_text import shown_solution
from .source_catalog import save_sources, sources_of
from .state import read_state, save_state, state_path, write_state
from .state_catalogs import write_state_catalogs

__all__ = [
    "AlignmentResult",
    "FilesResult",
    "files_result",
    "read_state",
    "save_catfile",
    "save_regions",
    "save_sources",
    "save_state",
    "shown_solution",
    "sources_of",
    "state_path",
    "write_state",
    "write_state_catalogs",
]
