"""Tables for the documentation."""

from __future__ import annotations


def rst_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A list table."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for cells in (header, *rows):
        lines += [f"   {'* -' if n == 0 else '  -'} {cell}" for n, cell in enumerate(cells)]
    return "\n".join(lines) + "\n"
