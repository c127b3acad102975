"""Tables of the documentation: each script here writes its own, a page of ``docs`` includes it.

``docs/tables/<name>.rst`` starts with a comment that names the script and the commit of the package
with which it was last run. Nobody changes these files by hand.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "docs" / "tables"
Row = tuple[str, ...]


def rst_table(header: Row, rows: list[Row]) -> str:
    """A simple table of reStructuredText, a line for each row; the first cells are not empty."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = "  ".join("=" * max(width, 2) for width in widths)
    lines = [
        "  ".join(cell.ljust(max(w, 2)) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n"


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a table in ``docs/tables``, by the names of its columns."""
    lines = (TABLES / f"{name}.rst").read_text().splitlines()
    rules = [number for number, line in enumerate(lines) if re.fullmatch(r"=+(  =+)+", line)]
    starts = [found.start() for found in re.finditer(r"=+", lines[rules[0]])]
    ends = [*starts[1:], None]

    def cells(line: str) -> list[str]:
        return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]

    header = cells(lines[rules[0] + 1])
    body = lines[rules[1] + 1 : rules[2]]
    return [dict(zip(header, cells(line), strict=True)) for line in body]


def commit() -> str:
    """The last commit that changed the package; "changed" if something is not in it yet."""
    code = ("tweakreg_step", "benchmarks")
    last = ("rev-list", "-1", "--abbrev-commit", "--abbrev=7", "HEAD", "--", "tweakreg_step")
    found, changes = (
        subprocess.run(  # noqa: S603 - our own command
            ["git", *words],  # noqa: S607 - whichever git the user has
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for words in (last, ("status", "--porcelain", "--", *code))
    )
    return f"{found}, changed" if changes else found


def publish(
    script: str, name: str, table: tuple[Row, list[Row]], note: str = "", *, write: bool = True
) -> None:
    """Print a table, header and rows, and write it to ``docs/tables``.

    Parameters
    ----------
    script
        ``__file__`` of the script.
    name
        Of the file in ``docs/tables``, without suffix.
    table
        Header and rows.
    note
        A paragraph below the table.
    write
        False for a run that is not the one of the documentation, such as one with fewer scenes.
    """
    text = rst_table(*table) + (f"\n{note}\n" if note else "")
    print(text, flush=True)
    if write:
        TABLES.mkdir(exist_ok=True)
        head = f".. Written by benchmarks/{Path(script).name}, last run with commit {commit()}."
        (TABLES / f"{name}.rst").write_text(f"{head}\n\n{text}")
