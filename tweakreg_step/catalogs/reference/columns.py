"""Columns of reference catalogs: known names and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units
from astropy.time import Time

from tweakreg_step.catalogs.tables import differ
from tweakreg_step.core.exceptions import CatalogError

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray


__all__ = ["CORRELATED", "check_once", "column_named", "correlation", "quantity"]

NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "ra_error": (("ra_error", "ra_err", "e_ra", "e_ra_icrs"), "mas"),
    "dec_error": (("dec_error", "dec_err", "e_dec", "e_de_icrs"), "mas"),
    "parallax": (("parallax", "plx"), "mas"),
    "parallax_error": (("parallax_error", "parallax_err", "e_plx"), "mas"),
    "pmra": (("pmra", "pm_ra"), "mas / yr"),
    "pmdec": (("pmdec", "pm_dec", "pmde"), "mas / yr"),
    "pmra_error": (("pmra_error", "pmra_err", "e_pmra"), "mas / yr"),
    "pmdec_error": (("pmdec_error", "pmdec_err", "e_pmde", "e_pmdec"), "mas / yr"),
    "epoch": (("ref_epoch", "epoch"), "yr"),
    "mag": (("phot_g_mean_mag", "mag", "gmag", "magnitude"), ""),
    "flux": (("phot_g_mean_flux", "flux"), ""),
    "ruwe": (("ruwe",), ""),
    "duplicated_source": (("duplicated_source",), ""),
}
"""Quantity -> names of its column (letter case is ignored), and its unit where the table gives
none. The names and units are those of Gaia, of the STScI service and of VizieR."""

CORRELATED = ("ra", "dec", "parallax", "pmra", "pmdec")
"""The five astrometric parameters of a star, in the order of Gaia's covariances."""


def column_named(table: Table, meant: str) -> str | None:
    """Name of the column that holds the quantity `meant`, or None."""
    lower = {column.lower(): column for column in reversed(table.colnames)}
    return next((lower[name] for name in NAMES[meant][0] if name in lower), None)


def check_once(table: Table, name: str) -> None:
    """Refuse columns whose names differ in letter case alone, and that hold different numbers.

    Raises
    ------
    CatalogError
        If there are any among the names that have a meaning.
    """
    known = {one for names, _ in NAMES.values() for one in names}
    of_name: dict[str, list[str]] = {}
    for column in table.colnames:
        if column.lower() in known:
            of_name.setdefault(column.lower(), []).append(column)
    for same in of_name.values():
        if any(differ(table[same[0]], table[other]) for other in same[1:]):
            raise CatalogError(
                f"The reference catalog {name} has the columns {same}, which differ, but only one "
                "may have this name (letter case is ignored). Remove or rename the others."
            )


def quantity(table: Table, meant: str) -> FloatArray:
    """Values (M,) of the quantity `meant`, in the unit of `NAMES`; NaN where there are none.

    Raises
    ------
    CatalogError
        If the column holds no numbers, or is in a unit that does not fit.
    """
    column = column_named(table, meant)
    if column is None:
        return np.full(len(table), np.nan)
    return in_unit(table, column, NAMES[meant][1])


def in_unit(table: Table, column: str, wanted: str) -> FloatArray:
    values = table[column]
    if isinstance(values, Time):
        return np.asarray(np.ma.filled(np.ma.asarray(values.jyear, dtype=float), np.nan))
    unit = getattr(values, "unit", None)
    try:
        masked = np.ma.asarray(getattr(values, "value", values))
        if masked.dtype.kind in "OSU":  # of no type where all is unknown
            masked = np.ma.asarray(np.ma.filled(masked.astype(str), "nan"))
        numbers = np.asarray(np.ma.filled(masked.astype(np.float64), np.nan)).reshape(len(table))
        if unit is None or not wanted or units.Unit(unit).is_equivalent("mag"):
            return numbers
        return np.asarray((numbers * units.Unit(unit)).to_value(wanted))
    except (TypeError, ValueError, units.UnitConversionError) as error:
        raise CatalogError(
            f"Column '{column}' of the reference catalog can't be used: {error}. It must hold "
            f"numbers{' in ' + wanted if wanted else ''}, or carry their unit. Mend the column."
        ) from error


def correlation(table: Table, one: str, two: str) -> FloatArray:
    """Correlation coefficients (M,) of two of `CORRELATED`, 0 where the catalog gives none."""
    wanted = f"{one}_{two}_corr"
    column = next((c for c in table.colnames if c.lower() == wanted), None)
    if column is None:
        return np.zeros(len(table))
    return np.nan_to_num(in_unit(table, column, ""), nan=0.0)
