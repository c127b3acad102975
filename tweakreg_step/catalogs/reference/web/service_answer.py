"""The text that the catalog web service sends -> a table of stars."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from tweakreg_step.core.wording import printable

__all__ = ["AnswerError", "parsed"]

UNKNOWN = [(text, "nan") for text in ("", "null", "NULL", "NaN", "nan")]
NO_RECORDS = "no data records"

MOST_COLUMNS = 1000
"""Gaia DR3 has 153."""


class AnswerError(Exception):
    """What is wrong with an answer, as the end of a sentence that begins with "The service"."""


def parsed(text: str) -> Table:
    """The table in an answer: lines of comment, a line of names, a line for each star.

    Returns
    -------
    Table
        RA, DEC [deg], those that are not finite left out, and the other columns; perhaps of no
        rows.

    Raises
    ------
    AnswerError
        If it is none, whatever is wrong with it.
    """
    try:
        return _parsed(text)
    except AnswerError:
        raise
    except Exception as error:  # readers raise whatever they like on a broken table
        lines = str(error).splitlines() or [""]
        known = f"{type(error).__name__}: {printable(lines[0][:200])}"
        raise AnswerError(f"sent a table that can't be read ({known})") from error


def _parsed(text: str) -> Table:
    if not text.strip():
        raise AnswerError("sent an answer without any text")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0].strip().lower().startswith(NO_RECORDS):
        return _empty()
    header = next((i for i, line in enumerate(lines[:5]) if _is_header(line)), None)
    if header is None:
        raise AnswerError(f"sent no table but '{printable(lines[0].strip()[:80])}'")
    rows = lines[header:]
    _check_names(_names(rows[0]))
    _check_rows(rows)
    if len(rows) == 1:
        return _empty()
    table = Table.read(rows, format="ascii.csv", guess=False, fill_values=UNKNOWN)
    names = {name.lower(): name for name in table.colnames}
    table.rename_columns([names["ra"], names["dec"]], ["RA", "DEC"])
    for name in table.colnames:
        if np.ma.getmaskarray(np.ma.asarray(table[name])).all():
            table[name] = np.full(len(table), np.nan)  # of no type so far
    return _with_positions(table)


def _with_positions(table: Table) -> Table:
    columns = [np.ma.asarray(table[name]) for name in ("RA", "DEC")]
    if any(column.dtype.kind not in "fi" for column in columns):
        raise AnswerError("sent positions that are no numbers")
    ra, dec = (np.ma.filled(column.astype(np.float64), np.nan) for column in columns)
    if np.any(np.abs(dec) > 90.0) or np.any(ra > 360.0) or np.any(ra < -180.0):
        raise AnswerError("sent positions that are out of range")
    table["RA"], table["DEC"] = ra, dec
    known = np.isfinite(ra) & np.isfinite(dec)
    if not known.any():
        raise AnswerError("sent positions that are no numbers")
    return table if known.all() else table[known]


def _empty() -> Table:
    return Table({"RA": np.empty(0), "DEC": np.empty(0)})


def _names(line: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in line.split(",")]


def _is_header(line: str) -> bool:
    return {"ra", "dec"} <= set(_names(line))


def _check_names(names: list[str]) -> None:
    twice = [name for name in ("ra", "dec") if names.count(name) > 1]
    if twice:
        raise AnswerError(f"sent a table with two columns '{twice[0]}' (letter case is ignored)")
    if len(names) > MOST_COLUMNS:
        raise AnswerError(f"sent a table of {len(names)} columns, but none has more than 1000")


def _check_rows(rows: list[str]) -> None:
    """A line that is shorter than the first one was cut off, as one that ends in a quotation."""
    open_ended = next((row for row in rows if row.count('"') % 2), None)
    if open_ended is not None:
        raise AnswerError(f"sent a line with an open quote: '{printable(open_ended[:60])}'")
    wanted = rows[0].count(",")
    short = next((row for row in rows if row.count(",") < wanted), None)
    if short is not None:
        raise AnswerError(
            f"sent a truncated answer: the line '{printable(short[:60])}' has "
            f"{short.count(',') + 1} fields instead of {wanted + 1}"
        )
