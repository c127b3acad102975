"""The page as one HTML document: templates, style, scripts and data in one file."""

from __future__ import annotations

import json
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from bokeh.embed import json_item
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .canvas import Plot

__all__ = ["document"]


def document(content: Mapping[str, Any]) -> str:
    """The whole page.

    Parameters
    ----------
    content
        What the template ``page.html`` asks for.
    """
    numbers = count(1)
    environment = _environment()
    # plots are numbered in the order in which the template asks for them
    environment.filters["place"] = lambda plot: (f"plot-{next(numbers)}", _data(plot))
    template = environment.get_template("page.html")
    return template.render(**content, bokeh=_bokeh())


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tweakreg_step.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _bokeh() -> str:
    """BokehJS, to be put into the page: nothing is fetched when it is opened."""
    return str(Resources(mode="inline", components=["bokeh"]).js_raw[0])


def _data(plot: Plot) -> str:
    """A plot as JSON that can stand in a script of the page."""
    item = json_item(plot.model)
    # a browser would end the script at '</script>', wherever it stands
    return json.dumps(_renamed(item, {}), separators=(",", ":")).replace("<", "\\u003c")


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Models called by their order, so that the same run gives the same page to the byte.

    Bokeh counts models on from whatever was drawn before.
    """
    if isinstance(value, dict):
        return {
            key: names.setdefault(one, f"m{len(names)}")
            if key in _NAMES and isinstance(one, str)
            else _renamed(one, names)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    return value


_NAMES = {"id", "root_id"}
"""Keys whose values are the names of models."""
