"""One self-contained HTML page for each run: outcome, problems, tables and pictures."""

from __future__ import annotations

from .compose import page_of, write_page

__all__ = ["page_of", "write_page"]
