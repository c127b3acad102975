"""Cells, rows and tables of the page; its templates write them as HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cell", "Row", "Table", "number"]


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


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, and the groups that a click on it selects."""

    cells: Sequence[Cell]
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table that sorts by a click on a head.

    Attributes
    ----------
    label
        Description.
    heads
        Text of each head with the unit, and its explanation.
    rows
        The rows.
    note
        What is to be said below it, '' for nothing.
    """

    label: str
    heads: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    note: str = field(default="")


def number(value: float, form: str = ".2f") -> Cell:
    """A number in a cell; an unknown one is a dash and is sorted last."""
    if not np.isfinite(value):
        return Cell("-", "n", "")
    digits = int(form.strip("+.f"))
    # a shift of -0.0 is one of 0.0
    return Cell(f"{round(value, digits) + 0.0:{form}}", "n", f"{value:.9g}")
