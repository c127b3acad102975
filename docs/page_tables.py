"""Tables of pages that are made from the code: a line for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]], widths: str) -> Iterator[str]:
    """The lines of a table; what is in its cells may use all of reStructuredText but bars."""
    yield ".. csv-table::"
    yield "   :delim: |"
    yield f"   :header: {' | '.join(header)}"
    yield f"   :widths: {widths}"
    yield ""
    for row in rows:
        if any("|" in cell or cell.startswith('"') for cell in row):
            message = f"a cell of {row} has a bar in it or begins with a quotation mark"
            raise ValueError(message)
        yield f"   {' | '.join(row)}".rstrip()
    yield ""
