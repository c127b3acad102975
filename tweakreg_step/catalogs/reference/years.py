"""When the positions of a reference catalog hold: its epochs as Julian years, or a refusal."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units
from astropy.time import Time

from tweakreg_step.core.exceptions import CatalogError

from .columns import column_named, quantity

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray

__all__ = ["EARLIEST", "LATEST", "catalog_years", "has_motions", "with_years", "years_of"]

log = logging.getLogger(__name__)

EARLIEST, LATEST = 1850.0, 2150.0
"""Between these positions were measured [Julian year]: photographic plates are the first."""

IN_HEADER = "ref_epoch", "refepoch", "epoch"
"""Names of an epoch in a table's header, in any letter case."""

EQUINOXES = 1950.0, 2000.0
"""What old FITS headers call an epoch and mean the equinox of the coordinates."""

_REMEDY = "Mend it, or remove it to use the positions as they are, without proper motions."
_YEAR = re.compile(r"([JjBb])\s*(\d{4}(?:\.\d*)?)")
_NONE = {"", "nan", "none", "null", "--", "masked", "indef", "nat"}


def with_years(table: Table, name: str) -> Table:
    """The table with its epochs as Julian years, where it has some, in the column it has them in.

    An epoch in its header alone becomes the column ``ref_epoch``. Says if proper motions are not
    used, since there is no epoch, or one of the two is missing.

    Parameters
    ----------
    table
        The catalog as published.
    name
        What it is called in messages.

    Raises
    ------
    CatalogError
        If an epoch is no time between `EARLIEST` and `LATEST`.
    """
    column = column_named(table, "epoch")
    what = f"The epoch of the reference catalog {name}"
    if column is not None:
        years = years_of(table[column], f"{what} (column '{column}')")
        result = table.copy(copy_data=False)
        result[column] = years
    elif (given := _in_header(table, name)) is not None:
        result = table.copy(copy_data=False)
        year = years_of([given], f"{what} (in its header)")[0]
        result["ref_epoch"] = np.full(len(table), year)
        log.info("Reference catalog %s: its header gives the epoch %.3f.", name, year)
    else:
        result = table
    _warn_of_unused_motions(result, name)
    return result


def years_of(values: Any, what: str, remedy: str = _REMEDY) -> FloatArray:
    """Times (M,) of any kind as Julian years, NaN where there are none.

    Parameters
    ----------
    values
        Numbers of years, in a unit or none; astropy Times; dates; texts such as 2016.0, J2016.0,
        B1950.0, 2016-01-01 or 2016-01-01T12:00:00.
    what
        What they are, for the message.
    remedy
        What to do about others, for the message.

    Raises
    ------
    CatalogError
        If one is no such time, or is not between `EARLIEST` and `LATEST`.
    """
    if isinstance(values, Time):
        shown: Any = values.value
        years = _filled(values.jyear)
    else:
        plain = np.ma.asarray(getattr(values, "value", values))
        shown = np.ma.getdata(plain)
        years = _years(plain, what, remedy)
        unit = getattr(values, "unit", None)
        if unit is not None and plain.dtype.kind in "iuf":
            years = _in_years(years, unit, what)
    wrong = np.isfinite(years) & ~((years >= EARLIEST) & (years <= LATEST))
    if wrong.any():
        raise CatalogError(_refusal(np.asarray(shown).ravel()[wrong], len(years), what, remedy))
    return years


def _filled(values: Any) -> FloatArray:
    return np.asarray(np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)).ravel()


def _years(values: Any, what: str, remedy: str) -> FloatArray:
    kind = values.dtype.kind
    if kind == "M":
        texts = np.ma.filled(values.astype("datetime64[ms]").astype(str), "")
    elif kind in "SUO":
        texts = np.ma.filled(values.astype(str), "")
    elif kind in "iuf":
        return _filled(values)
    else:
        raise CatalogError(_refusal(np.ma.getdata(values).ravel(), values.size, what, remedy))
    different, index = np.unique(texts.ravel(), return_inverse=True)
    return np.array([_year(str(text), what, remedy) for text in different], float)[index]


def _year(text: str, what: str, remedy: str) -> float:
    """The Julian year of a text."""
    word = text.strip()
    if word.lower() in _NONE:
        return np.nan
    try:
        return float(word)
    except ValueError:
        pass
    try:
        if match := _YEAR.fullmatch(word):
            kind = "byear" if match[1] in "Bb" else "jyear"
            return float(Time(float(match[2]), format=kind).jyear)
        return float(Time(word).jyear)
    except ValueError as error:
        raise CatalogError(_refusal(np.array([word]), 1, what, remedy)) from error


def _in_years(values: FloatArray, unit: Any, what: str) -> FloatArray:
    """Values with a unit in years; days are no years since the year 0, but days since another."""
    try:
        years = np.asarray((values * units.Unit(unit)).to_value(units.yr))
    except (TypeError, ValueError, units.UnitConversionError) as error:
        raise CatalogError(
            f"{what} is in '{unit}', but it must be a Julian year such as 2016.0, or a time. Mend "
            "the column, or its unit."
        ) from error
    return years


def _refusal(wrong: Any, count: int, what: str, remedy: str) -> str:
    """The message on values that are no epochs, with a guess at what they are."""
    first = wrong[0]
    some = f"{first}" if len(wrong) == 1 == count else f"{first} in {len(wrong)} of {count} rows"
    guess = _guess(first)
    return (
        f"{what} is {some}, but it must be a year from {EARLIEST:g} to {LATEST:g}, such as 2016.0 "
        f"or J2016.0, or a date such as 2016-01-01. {guess}{remedy}"
    )


def _guess(value: Any) -> str:
    """What a number that is no year may be."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return ""
    offset = 2400000.5
    for kind, mjd in (("MJD", number), ("JD", number - offset)):
        year = 2000.0 + (mjd - 51544.5) / 365.25
        if EARLIEST <= year <= LATEST and mjd > 1.0:
            return f"Is it the {kind} of the year {year:.2f}? Give that year. "
    return ""


def _in_header(table: Table, name: str) -> Any:
    """The epoch in a table's header, None for none; moved positions have that of the images."""
    if "catalog_RA" in table.colnames:
        return None
    keys = {str(key).lower(): key for key in reversed(list(table.meta))}
    found = next((keys[wanted] for wanted in IN_HEADER if wanted in keys), None)
    if found is None:
        return None
    value = table.meta[found]
    if str(found).lower() == "epoch" and str(value).strip("JjBb ") in _equinoxes():
        if _motions(table):
            log.warning(
                "Reference catalog %s: its header has %s = %s, which may be the equinox of the "
                "coordinates and is not used. Give the epoch of the positions in a column "
                "'ref_epoch', or as 'ref_epoch' in the header.",
                *(name, found, value),
            )
        return None
    return value


def _equinoxes() -> set[str]:
    return {text for year in EQUINOXES for text in (f"{year:g}", f"{year:.1f}")}


def has_motions(table: Table) -> bool:
    """Whether a catalog has columns of proper motions, also where they are empty or zero."""
    return None not in {column_named(table, meant) for meant in ("pmra", "pmdec")}


def catalog_years(table: Table) -> FloatArray:
    """Epochs (M,) of a catalog's positions [Julian year], NaN where it gives none."""
    return quantity(table, "epoch")


def _motions(table: Table) -> list[str]:
    """Names of the columns of proper motions that are not empty or zero throughout."""
    found = []
    for meant in ("pmra", "pmdec"):
        column = column_named(table, meant)
        if column is not None and np.any(np.nan_to_num(quantity(table, meant)) != 0.0):
            found.append(column)
    return found


def _warn_of_unused_motions(table: Table, name: str) -> None:
    motions = _motions(table)
    if not motions:
        return
    years = quantity(table, "epoch")
    missing = [meant for meant in ("pmra", "pmdec") if column_named(table, meant) is None]
    if missing:
        reason, remedy = f"no column '{missing[0]}'", f"Add a column '{missing[0]}'"
    elif not np.isfinite(years).any():
        reason, remedy = "no epoch of its positions", "Add a column 'ref_epoch', such as 2016.0"
    else:
        if unknown := int((~np.isfinite(years)).sum()):
            log.warning(
                "Reference catalog %s: %d of %d stars have no epoch; that of the others, %.3f, is "
                "taken for them.",
                *(name, unknown, len(years), np.nanmedian(years)),
            )
        return
    log.warning(
        "Reference catalog %s has proper motions (%s), but %s: they are not used, and stars stay "
        "where the catalog has them. %s, or remove the motions.",
        *(name, ", ".join(map(repr, motions)), reason, remedy),
    )
