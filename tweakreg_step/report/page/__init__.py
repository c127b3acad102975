"""One self-contained HTML page for each run: how it went, what to look at first, and pictures."""

from __future__ import annotations

from .compose import page_of, write_page

__all__ = ["page_of", "write_page"]
