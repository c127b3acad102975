"""Tables in text files: SExtractor, DAOPHOT, and lists of numbers with or without a header.

The header is read here, the numbers by astropy's C reader, as its readers for these formats are
slow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from astropy.io.ascii import InconsistentTableError
from astropy.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["is_text", "read_text"]

KNOWN_TO_ASTROPY = {
    ".asdf", ".ecsv", ".fits", ".h5", ".hdf5", ".html", ".ipac", ".jsv", ".mrt", ".parquet",
    ".rdb", ".rst", ".tex", ".vot", ".xml",
}  # fmt: skip
"""Suffixes of files that are left to astropy's readers."""

MISSING = [(word, "nan") for word in ("INDEF", "nan", "NaN", "NAN", "null", "--", "")]
"""Words for a missing number, of IRAF, numpy and others."""

_SEXTRACTOR = re.compile(r"#\s*(\d+)\s+([A-Z]\w+)\b")
_IRAF = re.compile(r"#[KNUF]\s")
_SEXAGESIMAL = re.compile(r"[+-]?\d+:\d+(:\d+(\.\d*)?)?")
_CONTINUED = re.compile(r"\\\n")


def is_text(file: Path, start: bytes) -> bool:
    """Whether `read_text` can read a file; ``start`` is the beginning of its content."""
    if file.suffix.lower() in KNOWN_TO_ASTROPY or b"\0" in start:
        return False
    return not start.lstrip().startswith((b"# %ECSV", b"<", b"\\", b"|"))


def read_text(file: Path) -> Table:
    """Read a text file.

    Parameters
    ----------
    file
        SExtractor's ASCII_HEAD, a text file of IRAF's DAOPHOT (.coo, .mag, .als ...) or of the
        stand-alone one (its three lines of header start with NL), or rows of numbers, separated
        by white space or commas, after a line of names or none.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    text = file.read_text(encoding="utf-8", errors="replace")  # comments may be in Latin-1
    lines = [line.strip() for line in text.splitlines()]
    filled = [line for line in lines if line]
    if not filled:
        raise ValueError("it is empty")
    for recognised, read in _READERS:
        if recognised(filled):
            return read(text, filled)
    return _read_list(text, filled)


def _is_sextractor(lines: list[str]) -> bool:
    match = _SEXTRACTOR.match(lines[0])
    return match is not None and match[1] == "1"  # others may begin with "# 3 Stars ..."


def _read_sextractor(_text: str, lines: list[str]) -> Table:
    headers = [line for line in lines if line.startswith("#")]
    found = [match for line in headers if (match := _SEXTRACTOR.match(line))]
    starts, names = [int(match[1]) for match in found], [match[2] for match in found]
    rows = [line for line in lines if not line.startswith("#")]
    count = len(rows[0].split()) if rows else max(starts)
    # an array such as FLUX_APER has one line of header and several columns
    ends = [*starts[1:], count + 1]
    columns = [
        name if k == 0 else f"{name}_{k}"
        for name, start, end in zip(names, starts, ends, strict=True)
        for k in range(end - start)
    ]
    return _rows(rows, columns)


def _is_iraf(lines: list[str]) -> bool:
    return _IRAF.match(lines[0]) is not None


def _read_iraf(text: str, lines: list[str]) -> Table:
    names = [word for line in lines if line.startswith("#N") for word in _names_in(line)]
    rows = "\n".join(line for line in lines if not line.startswith("#"))
    try:
        return _rows(_CONTINUED.sub(" ", rows).splitlines(), names)
    except InconsistentTableError:  # cells that touch, or a table of apertures in each row
        return Table.read(text.splitlines(), format="ascii.daophot")  # a text might be a name


def _names_in(line: str) -> list[str]:
    return [word for word in line.split() if word not in {"#N", "\\"}]


def _is_daophot(lines: list[str]) -> bool:
    return lines[0].split()[:3] == ["NL", "NX", "NY"]


def _read_daophot(_text: str, lines: list[str]) -> Table:
    """Stand-alone DAOPHOT: the first columns are the star's number, x, y and magnitude.

    Files of aperture photometry (NL = 2) have two lines a star; the second has no position.
    """
    rows = lines[2:][:: 2 if lines[1].split()[0] == "2" else 1]
    table = _rows([" ".join(row.split()[:4]) for row in rows], ["ID", "XCENTER", "YCENTER", "MAG"])
    table["MAG"] = np.where(np.abs(table["MAG"]) > 90.0, np.nan, table["MAG"])  # 99.999: none
    return table


def _read_list(_text: str, lines: list[str]) -> Table:
    """Rows of numbers; column names are in a first line without numbers, which may be a comment."""
    at = next((k for k, line in enumerate(lines) if not line.startswith("#")), len(lines))
    rows = lines[at:]
    if not rows:
        names = _words(lines[-1].lstrip("# "))
        return Table(names=names, dtype=[float] * len(names))
    first = _words(rows[0])
    if not all(_is_number(word) for word in first):
        return _rows(rows[1:], first)
    comment = _words(lines[at - 1].lstrip("# ")) if at else []
    named = len(set(comment)) == len(first) == len(comment) and not any(map(_is_number, comment))
    table = _rows(rows, comment if named else [f"col{k + 1}" for k in range(len(first))])
    table.meta["nameless"] = True  # the comment may not have been names
    return table


def _words(line: str) -> list[str]:
    """The cells of a line, without the quotes that some programs put around names."""
    parts = line.split(",") if "," in line else line.split()
    return [part.strip().strip("\"'") for part in parts]


def _is_number(word: str) -> bool:
    if word in dict(MISSING) or _SEXAGESIMAL.fullmatch(word):
        return True
    try:
        float(word)
    except ValueError:
        return False
    return True


def _rows(rows: list[str], names: list[str]) -> Table:
    """Rows of one line each, with white space or commas between the cells."""
    rows = [row.replace("\t", " ") for row in rows if not row.startswith("#")]
    if not rows:
        return Table(names=names, dtype=[float] * len(names))
    comma = "," in rows[0] and len(rows[0].split(",")) == len(names)
    return Table.read(
        rows,
        format="ascii.fast_no_header",
        names=names,
        delimiter="," if comma else " ",
        fill_values=MISSING,
        guess=False,
    )


_READERS: tuple[tuple[Callable[[list[str]], bool], Callable[[str, list[str]], Table]], ...] = (
    (_is_sextractor, _read_sextractor),
    (_is_iraf, _read_iraf),
    (_is_daophot, _read_daophot),
)
