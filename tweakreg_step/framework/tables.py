"""Tables that are given as parameters, which stpipe knows as texts alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from astropy.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GivenTable", "without_tables"]


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table, and the text that stands for it among the parameters."""

    table: Table
    stands_for: str


def without_tables(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, GivenTable]]:
    """Values by name with a text for each table, its name, and the tables."""
    tables = {
        name: GivenTable(value, str(value.meta.get("name") or "table"))
        for name, value in values.items()
        if isinstance(value, Table)
    }
    return dict(values) | {name: one.stands_for for name, one in tables.items()}, tables
