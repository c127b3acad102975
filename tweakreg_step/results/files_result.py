"""What was done to files: a row for each image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from astropy import units as u
from astropy.table import Column, Table

from .html import html_table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FilesResult", "files_result"]

_COLUMNS: dict[str, tuple[Any, str, str]] = {
    "file": (None, "s", "Name of the file"),
    "image": (None, "s", "Label of the image in its file"),
    "done": (None, "s", "What was done"),
    "from": (None, "s", "What the motion was found for"),
    "shift_east": (u.mas, ".1f", "Motion of the image's middle"),
    "shift_north": (u.mas, ".1f", "Motion of the image's middle"),
    "roll": (u.arcsec, ".2f", "Roll of the motion, from east to north"),
    "error_east": (u.mas, ".2f", "One standard deviation of what was carried"),
    "error_north": (u.mas, ".2f", "One standard deviation of what was carried"),
    "error_roll": (u.arcsec, ".2f", "One standard deviation of what was carried"),
    "rebased_by": (u.mas, ".1f", "Distance of the WCS from the one that was solved for"),
    "why": (None, "s", "Why it was left as it is"),
}
"""Unit, format and meaning of each column that a result may have, in their order."""


@dataclass(frozen=True, slots=True)
class FilesResult:
    """What was done to exposures.

    Attributes
    ----------
    table
        A row for each image.
    sentence
        The same in one sentence.
    exposures
        The paths of the files as they are now, or the models.
    """

    table: Table
    sentence: str
    exposures: tuple[Any, ...]

    def __str__(self) -> str:
        """The table as text, and the sentence."""
        lines = self.table.pformat(max_lines=60, max_width=-1, show_unit=True)
        return "\n".join([*lines, self.sentence])

    def _repr_html_(self) -> str:
        columns = [_texts(self.table[name]) for name in self.table.colnames]
        rows = [list(row) for row in zip(*columns, strict=True)]
        titles = [name if c.unit is None else f"{name} [{c.unit}]" for name, c in self._columns]
        return html_table(self.sentence, titles, rows)

    @property
    def _columns(self) -> list[tuple[str, Any]]:
        return [(name.replace("_", " "), self.table[name]) for name in self.table.colnames]


def _texts(column: Any) -> list[str]:
    return [format(value, column.format or "") for value in column]


def files_result(
    rows: Sequence[dict[str, Any]], exposures: Sequence[Any], verb: str
) -> FilesResult:
    """A result of its rows.

    Parameters
    ----------
    rows
        Values by the name of their column; columns that are empty in all rows are left out.
    exposures
        The paths or models.
    verb
        What was to be done, such as "The solution 'mosaic' on".
    """
    names = [name for name in _COLUMNS if any(row.get(name) not in {None, "", 0.0} for row in rows)]
    columns = [
        Column(
            [row.get(name, 0.0 if _COLUMNS[name][0] else "") for row in rows],
            name=name,
            unit=_COLUMNS[name][0],
            format=None if _COLUMNS[name][1] == "s" else _COLUMNS[name][1],
            description=_COLUMNS[name][2],
        )
        for name in names
    ]
    counts = Counter(str(row["done"]) for row in rows)
    parts = ", ".join(f"{number} {word}" for word, number in counts.items())
    sentence = f"{verb} {len(rows)} image{'' if len(rows) == 1 else 's'}: {parts}."
    return FilesResult(Table(columns), sentence, tuple(exposures))
