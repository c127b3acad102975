"""Pieces of HTML: escaped texts, tables that sort, pictures inside the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tweakreg_step.report.plots import Picture

__all__ = ["Cell", "document", "figure", "gallery", "number", "section", "table"]

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --line: #c8c8c8;
  --band: #f3f5f7; --soft: #555555; --link: #0060a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16191d; --line: #454b52;
  --band: #20252b; --soft: #b0b5bb; --link: #8cc8f5; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; padding: 1rem 1.5rem 3rem; max-width: 1500px; }
h1 { font-size: 1.35rem; margin: .2rem 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem;
  border-bottom: 1px solid var(--line); }
a { color: var(--link); } nav a { margin-right: 1.1em; }
.headline { font-size: 1.3rem; font-weight: 600; margin: .4rem 0; }
.soft, figcaption { color: var(--soft); font-size: .88rem; }
.wide { overflow-x: auto; max-height: 36rem; overflow-y: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .55rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
td.n { text-align: right; white-space: nowrap; } td.reason { min-width: 22rem; }
td.name { white-space: nowrap; }
tr > :first-child { position: sticky; left: 0; background: var(--paper); }
thead tr > :first-child { z-index: 1; background: var(--band); }
thead th { position: sticky; top: 0; background: var(--band); }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
figure { margin: .6rem 0; background: #ffffff; color: #1a1a1a; border: 1px solid var(--line);
  border-radius: 4px; padding: .5rem; max-width: 100%; width: fit-content; box-sizing: border-box; }
figure figcaption { color: #555555; } figure img { max-width: 100%; height: auto; display: block; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; }
.tag { display: inline-block; font-weight: 600; border-left: .55em solid; padding-left: .4em; }
.aligned { border-color: #0072B2; } .doubtful { border-color: #E69F00; }
.partly { border-color: #56B4E9; } .left { border-color: #D55E00; }
@media print { body { max-width: none; font-size: 10px; } .wide { max-height: none; }
  figure, tr { break-inside: avoid; } nav { display: none; } }
"""

SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const body = table.tBodies[0];
      const key = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const order = (a, b) => {
        const x = key(a), y = key(b);
        if (x === "" || y === "") return (x === "") - (y === "");
        const d = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
        return down ? -d : d;
      };
      body.append(...[...body.rows].sort(order));
      table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    text
        Text, not yet escaped.
    kind
        CSS class: 'n' for numbers.
    key
        Sort key of the column, None for the text itself.
    tag
        CSS class of a coloured mark before the text, '' for none.
    anchor
        Name that links point to, '' for none.
    """

    text: str
    kind: str = ""
    key: str | None = None
    tag: str = ""
    anchor: str = ""

    @property
    def html(self) -> str:
        """The cell as HTML."""
        attributes = f' class="{self.kind}"' if self.kind else ""
        if self.key is not None:
            attributes += f' data-v="{escape(self.key)}"'
        if self.anchor:
            attributes += f' id="{escape(self.anchor)}"'
        inner = escape(self.text)
        if self.tag:
            inner = f'<span class="tag {self.tag}">{inner}</span>'
        return f"<td{attributes}>{inner}</td>"


def number(value: float, form: str = ".2f") -> Cell:
    """A number in a cell; an unknown one is a dash and is sorted last."""
    if not np.isfinite(value):
        return Cell("-", "n", "")
    return Cell(f"{value:{form}}", "n", f"{value:.9g}")


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]], label: str) -> str:
    """A table that sorts by a click on a head.

    Parameters
    ----------
    heads
        Text of each head with the unit, and its explanation.
    rows
        Cells of each row.
    label
        Description of the table.
    """
    head = "".join(
        f'<th scope="col" title="{escape(title)}">'
        f'<button type="button">{escape(text)}</button></th>'
        for text, title in heads
    )
    body = "\n".join(f"<tr>{''.join(cell.html for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="sortable" aria-label="{escape(label)}">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
    )


def figure(picture: Picture) -> str:
    """A picture embedded in the page."""
    data = base64.b64encode(picture.data).decode("ascii")
    return (
        f'<figure><img src="data:{picture.kind};base64,{data}" width="{picture.width}" '
        f'height="{picture.height}" alt="{escape(picture.alt)}">'
        f"<figcaption><strong>{escape(picture.title)}.</strong> {escape(picture.caption)}"
        f"</figcaption></figure>\n"
    )


def gallery(pictures: Sequence[Picture]) -> str:
    """Pictures side by side, as many as fit the width."""
    inside = "".join(
        f'<div style="max-width: {picture.width + 18}px">{figure(picture)}</div>'
        for picture in pictures
    )
    return f'<div class="gallery">{inside}</div>\n'


def section(anchor: str, title: str, *parts: str) -> str:
    """A section with its title."""
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>\n{"".join(parts)}</section>\n'


def document(title: str, head: str, sections: Sequence[str]) -> str:
    """The whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"{head}{''.join(sections)}<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
