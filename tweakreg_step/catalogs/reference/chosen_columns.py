"""A reference catalog whose columns the user has chosen, in degrees or in pixels of an image."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy import units
from astropy.coordinates import Angle
from astropy.table import Table

from tweakreg_step.catalogs.tables import is_table_file, numbers, read_table
from tweakreg_step.core.exceptions import CatalogError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.parameters import ReferenceParameters

    ToSky = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

__all__ = ["sexagesimal", "with_chosen_columns", "with_positions_of_list"]

log = logging.getLogger(__name__)


def with_chosen_columns(
    abs_refcat: str | Path | Table,
    parameters: ReferenceParameters,
    to_sky: Callable[[], ToSky] | None = None,
) -> str | Path | Table:
    """The catalog with RA and DEC [deg] from the columns that the user has chosen.

    Parameters
    ----------
    abs_refcat
        A table or a file with one; anything else, as the name of a service, is given back.
    parameters
        ``refxcol``, ``refycol``, ``refxyunits`` and ``rfluxcol``, columns by name or number.
    to_sky
        Gives the function from pixels, which count from 0, to RA and DEC [deg].

    Raises
    ------
    CatalogError
        If it can't be read, or has no such columns.
    ParameterError
        If it is in pixels, and there is no image whose they are.
    """
    columns = parameters.refxcol, parameters.refycol
    pixels = parameters.refxyunits == "pixels"
    if not (any(columns) or pixels or parameters.rfluxcol.isdecimal()):
        return abs_refcat
    if isinstance(abs_refcat, Table):
        name, table = str(abs_refcat.meta.get("name") or "table"), abs_refcat
    else:
        path = Path(abs_refcat).expanduser()
        if not is_table_file(path):
            log.warning(
                "'refxcol', 'refycol' and 'refxyunits' have no effect: '%s' is no file.", abs_refcat
            )
            return abs_refcat
        name, table = path.name, read_table(path, "reference catalog")
    table = Table(table, copy=True)
    table.meta["name"] = name
    if any(columns) or pixels:
        ra, dec = _positions(table, parameters, f"'{name}'")
        if pixels:
            ra, dec = _to_sky(to_sky)(ra - 1.0, dec - 1.0)
        if parameters.rfluxcol.isdecimal():
            table = _with_flux(table, parameters.rfluxcol, f"'{name}'")
        return _placed(table, ra, dec)
    return _with_flux(table, parameters.rfluxcol, f"'{name}'")


def with_positions_of_list(table: Table, name: str) -> Table:
    """The table with RA and DEC [deg] from its first two columns, if none of them has a name."""
    if not table.meta.get("nameless") or len(table.colnames) < 2:
        return table
    if {"ra", "dec"} <= {column.lower() for column in table.colnames}:
        return table
    log.info("The reference catalog %s has no names: RA and Dec are its columns 1 and 2.", name)
    one, two = table.colnames[:2]
    ra, dec = _angles(table, [one], name, hours=True), _angles(table, [two], name, hours=False)
    return _placed(table, ra, dec)


def _placed(table: Table, ra: FloatArray, dec: FloatArray) -> Table:
    """A copy of the table with other positions."""
    rest = [column for column in table.colnames if column.lower() not in {"ra", "dec"}]
    result = table[rest] if rest else Table(meta=table.meta)
    result.add_columns([ra, dec], names=["RA", "DEC"], indexes=[0, 0] if rest else None)
    return result


def _with_flux(table: Table, number: str, name: str) -> Table:
    """The table with a column of the name of its number."""
    result = table.copy()
    result[number] = table[_column(table, number, "rfluxcol", name)]
    return result


def _to_sky(to_sky: Callable[[], ToSky] | None) -> ToSky:
    if to_sky is None:
        raise ParameterError(
            "refxyunits='pixels', but there is no image whose pixels they are. Give 'refimage', "
            "or a reference catalog in degrees."
        )
    return to_sky()


def _positions(
    table: Table, parameters: ReferenceParameters, name: str
) -> tuple[FloatArray, FloatArray]:
    """RA and DEC [deg], or pixels."""
    x = _columns(table, parameters.refxcol or "1", "refxcol", name)
    y = _columns(table, parameters.refycol or "2", "refycol", name)
    if parameters.refxyunits == "pixels":
        return numbers(table, x[0], name), numbers(table, y[0], name)
    return _angles(table, x, name, hours=True), _angles(table, y, name, hours=False)


def _columns(table: Table, given: str, parameter: str, name: str) -> list[str]:
    """Names of one column, or of the three of a sexagesimal angle."""
    parts = [given] if given in table.colnames else [part for part in given.split(",") if part]
    if len(parts) not in {1, 3}:
        raise ParameterError(
            f"Parameter '{parameter}' is '{given}', which are {len(parts)} columns, but one, or "
            "the three of a sexagesimal angle are needed. Name them."
        )
    return [_column(table, part.strip(), parameter, name) for part in parts]


def _column(table: Table, given: str, parameter: str, name: str) -> str:
    """Name of a column given by name, in any letter case, or by number from 1."""
    found = next((c for c in table.colnames if c.lower() == given.lower()), "")
    if found:
        return str(found)
    if given.isdecimal() and 1 <= int(given) <= len(table.colnames):
        return str(table.colnames[int(given) - 1])
    raise CatalogError(
        f"Parameter '{parameter}' is '{given}', but the reference catalog {name} has "
        f"{len(table.colnames)} columns: {table.colnames}. Give one of these names, or a number "
        f"from 1 to {len(table.colnames)}."
    )


def _angles(table: Table, columns: list[str], name: str, *, hours: bool) -> FloatArray:
    """Angles [deg] of one column, or of three: hours or degrees, minutes, seconds."""
    if len(columns) == 3:
        first, *rest = (numbers(table, column, name) for column in columns)
        sign = np.where(np.signbit(first), -1.0, 1.0)  # also of -0
        size = np.abs(first) + rest[0] / 60.0 + rest[1] / 3600.0
        return np.asarray(sign * size * (15.0 if hours else 1.0))
    values = table[columns[0]]
    if np.asarray(values).dtype.kind in "USO":
        return sexagesimal(values, hours=hours, name=name)
    unit = getattr(values, "unit", None)
    found = numbers(table, columns[0], name)
    return found if unit is None else np.asarray((found * unit).to_value(units.deg))


def sexagesimal(values: object, *, hours: bool, name: str) -> FloatArray:
    """Angles [deg] of texts such as 10:00:36.1 or 2h12m3s.

    Raises
    ------
    CatalogError
        If they are none.
    """
    texts = [str(value).strip() for value in np.asarray(values)]
    try:
        angle = Angle(texts, unit=units.hourangle if hours else units.deg)
    except Exception as error:  # of whatever the parser of astropy raises
        raise CatalogError(
            f"Positions of the reference catalog {name} can't be turned into degrees: {error}. "
            "They must be numbers in degrees, or sexagesimal: hours for RA, degrees for Dec. Mend "
            "the column, or choose others with 'refxcol' and 'refycol'."
        ) from error
    return np.asarray(angle.to_value(units.deg))
