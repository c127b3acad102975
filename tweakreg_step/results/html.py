"""A table of results as HTML, for notebooks: verdicts in colour, the sentence on top."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["html_table"]

COLOURS = {
    "aligned": "#0072B2",
    "doubtful": "#E69F00",
    "relative only": "#56B4E9",
    "left": "#D55E00",
    "applied": "#0072B2",
    "carried": "#0072B2",
    "undone": "#0072B2",
    "not written": "#D55E00",
}
"""Of the beginnings of verdicts: told apart by the colour-blind as well (Okabe & Ito 2008)."""


def html_table(sentence: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """HTML of a table of texts, below a sentence.

    Parameters
    ----------
    sentence
        Stands on top.
    titles
        Of the columns, with their units.
    rows
        Cells; those that begin with a verdict have its colour.
    """
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<p><b>{escape(sentence)}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(text: str) -> str:
    colour = next((c for word, c in COLOURS.items() if text.startswith(word)), None)
    style = "" if colour is None else f' style="border-left:0.5em solid {colour}"'
    return f"<td{style}>{escape(text)}</td>"
