"""One self-contained HTML page for each run: outcome, problems, tables and plots.

The only package that imports Bokeh and Jinja2. Templates, style and script are in ``templates``.
"""

from __future__ import annotations

from .compose import page_of, write_page

__all__ = ["page_of", "write_page"]
