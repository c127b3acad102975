"""Read a reference catalog from a file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.utils.iers import conf as earth_rotation

from tweakreg_step.catalogs.tables import differ, numbers, read_table
from tweakreg_step.core.exceptions import CatalogError

from .chosen_columns import sexagesimal, with_positions_of_list
from .columns import check_once
from .origin import with_source
from .years import with_years

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.arrays import BoolArray, FloatArray


__all__ = ["read_reference", "sky_table"]

log = logging.getLogger(__name__)


def read_reference(path: Path) -> Table:
    """Read a reference catalog.

    Parameters
    ----------
    path
        A table with RA and DEC [deg, or with a unit, or sexagesimal] in any letter case, or a
        column ``sky_centroid`` of sky coordinates, and perhaps ``weight``; or a list without
        names whose first two columns they are.

    Returns
    -------
    Table
        Columns RA, DEC [deg ICRS], all others unchanged; ``meta['name']`` is the file's name. Rows
        without a finite position, or with a weight that is not positive, are dropped, with a line
        in the log.

    Raises
    ------
    CatalogError
        If the file can't be read, or its columns or values do not fit.
    """
    table = with_positions_of_list(read_table(path, "reference catalog"), f"'{path}'")
    table = sky_table(table, f"'{path}'")
    table = with_years(table, f"'{path}'")
    table.meta["name"] = path.name
    return with_source(table, path)


def sky_table(table: Table, name: str) -> Table:
    """A copy of a table with positions in the columns RA and DEC [deg]; see `read_reference`.

    Raises
    ------
    CatalogError
        If there are no position columns, ambiguous ones, values out of range, or no usable row.
    """
    if isinstance(table, QTable):  # its columns are quantities, which are no columns
        table = Table(table)
    ra_column, dec_column, centroid = (
        _only(table, wanted, name) for wanted in ("ra", "dec", "sky_centroid")
    )
    check_once(table, name)
    if not (ra_column and dec_column):
        centroid = centroid or _coordinates(table, name)
    result = table.copy()
    if ra_column and dec_column:
        ra = _degrees(table[ra_column], name, hours=True)
        dec = _degrees(table[dec_column], name)
        result.remove_columns([c for c in table.colnames if c.lower() in {"ra", "dec"}])
    elif centroid:
        sky = _icrs(table[centroid], name)
        ra, dec = np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)
        result.remove_column(centroid)
        result = _with_motions(result, sky)
    else:
        raise CatalogError(
            f"The reference catalog {name} has the columns {table.colnames}, but it needs 'RA' and "
            "'DEC' (in any letter case, degrees), or 'sky_centroid'. Rename its columns."
        )
    result.add_columns([ra, dec], names=["RA", "DEC"], indexes=[0, 0])
    _check_range(ra, dec, name)
    bad = {"without a finite position": ~(np.isfinite(ra) & np.isfinite(dec))}
    if "weight" in table.colnames:
        weight = numbers(table, "weight", f"reference {name}")
        bad["without a positive weight"] = ~(np.isfinite(weight) & (weight > 0))
    return _without(result, bad, name)


def _coordinates(table: Table, name: str) -> str | None:
    """Name of the column of sky coordinates, None where there is none."""
    found = [column for column in table.colnames if isinstance(table[column], SkyCoord)]
    if len(found) > 1:
        raise CatalogError(
            f"The reference catalog {name} has the columns of coordinates {found}, but only one "
            "may be meant. Remove the others, or call the right one 'sky_centroid'."
        )
    return found[0] if found else None


def _icrs(column: object, name: str) -> SkyCoord:
    """Coordinates in ICRS; those that turn with the Earth need no table from the network."""
    try:
        with earth_rotation.set_temp("auto_download", value=False):
            return SkyCoord(column).icrs
    except Exception as error:  # of whatever frame, with whatever is missing
        raise CatalogError(
            f"'sky_centroid' of the reference catalog {name} can't be turned into ICRS: {error}. "
            "It must hold coordinates on the sky. Give 'RA' and 'DEC' in degrees."
        ) from error


def _with_motions(table: Table, sky: SkyCoord) -> Table:
    """The table with the proper motions and the epoch that its coordinates have."""
    if "s" not in sky.data.differentials:
        return table
    known = {name.lower() for name in table.colnames}
    motions = {"pmra": sky.pm_ra_cosdec.to("mas/yr"), "pmdec": sky.pm_dec.to("mas/yr")}
    for column, values in motions.items():
        if column not in known:
            table[column] = np.asarray(values.value)
    if sky.obstime is not None and "ref_epoch" not in known:
        table["ref_epoch"] = np.broadcast_to(sky.obstime.jyear, len(table)).copy()
    return table


def _without(table: Table, bad: dict[str, BoolArray], name: str) -> Table:
    """The usable rows (M,); logs how many are dropped, and why."""
    dropped = np.any(list(bad.values()), axis=0)
    reasons = ", ".join(f"{rows.sum()} {why}" for why, rows in bad.items() if rows.any())
    if dropped.all():
        fact = f"has {len(table)} rows" + (f", all of no use ({reasons})" if len(table) else "")
        raise CatalogError(
            f"The reference catalog {name} {fact}, but at least one with a position is needed. "
            "Check how it was made, or give another."
        )
    if reasons:
        log.warning(
            "Reference catalog %s: %d of %d rows are not used: %s.",
            name,
            dropped.sum(),
            len(table),
            reasons,
        )
    result = table[~dropped]
    result.meta["rows_read"] = len(table)
    return result


def _only(table: Table, wanted: str, name: str) -> str | None:
    found = [column for column in table.colnames if column.lower() == wanted]
    if any(differ(table[found[0]], table[other]) for other in found[1:]):
        raise CatalogError(
            f"The reference catalog {name} has the columns {found}, which differ, but only one may "
            f"be meant by '{wanted}' (letter case is ignored). Remove or rename the others."
        )
    return found[0] if found else None


def _degrees(column: object, name: str, *, hours: bool = False) -> FloatArray:
    unit = getattr(column, "unit", None)
    if np.asarray(column).dtype.kind == "U" and unit is None:
        return sexagesimal(column, hours=hours, name=name)
    try:
        values: FloatArray = np.ma.filled(
            np.ma.asarray(getattr(column, "value", column), dtype=float), np.nan
        )
        return np.asarray(values if unit is None else (values * unit).to_value(units.deg))
    except (TypeError, ValueError, units.UnitConversionError) as error:
        raise CatalogError(
            f"A position column of the reference catalog {name} can't be turned into degrees: "
            f"{error}. Positions must be numbers in degrees, or carry their unit."
        ) from error


def _check_range(ra: FloatArray, dec: FloatArray, name: str) -> None:
    wrong = np.count_nonzero((np.abs(dec) > 90.0) | (ra < -180.0) | (ra > 360.0))
    if wrong:
        raise CatalogError(
            f"{wrong} of {len(ra)} positions of the reference catalog {name} are out of range: "
            "RA must be within -180 to 360 and DEC within -90 to 90 degrees. Are the columns "
            "swapped, or in other units? Give them in degrees, or with their unit."
        )
