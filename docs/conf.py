"""The site of the documentation: ``make docs``; ``make docs-full`` executes all notebooks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tweakreg_step

sys.path.insert(0, str(Path(__file__).parent))

from make_figures import draw

draw()  # before images are looked for

project = "tweakreg-step"
copyright = "the authors of tweakreg-step"
version = release = tweakreg_step.__version__

extensions = ["myst_nb", "numpydoc", "page_links", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_build", "tables"]  # tables are included by pages
default_role = "py:obj"

autodoc_typehints = "none"  # numpydoc's sections say it in words
numpydoc_show_class_members = False

# The first result is always made anew; the tutorials take some minutes.
nb_execution_mode = "force"  # what they show is of this code
nb_execution_excludepatterns = [] if os.environ.get("DOCS_FULL") else ["tutorials/*.md"]
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # lines of the log
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_title = "tweakreg-step"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 9,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
