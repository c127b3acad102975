"""Selection of the stars of a reference catalog."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.exceptions import CatalogError

from .columns import column_named, in_unit, quantity

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.parameters import ReferenceParameters

__all__ = ["select"]

log = logging.getLogger(__name__)

MAX_RUWE = 1.4
"""RUWE above which Gaia's data do not fit a single star (Lindegren 2018, GAIA-C3-TN-LU-LL-124)."""

FAINTEST = 40.0
"""Largest magnitude that counts as measured; catalogs write 99 for missing ones."""


def select(table: Table, parameters: ReferenceParameters, inside: BoolArray) -> Table:
    """Select stars of good quality, within the limits of brightness.

    Parameters
    ----------
    table
        Catalog with RA, DEC [deg ICRS].
    parameters
        Limits of brightness.
    inside
        (M,) mask of stars in the field, among which the brightest are counted.

    Raises
    ------
    CatalogError
        If brightness limits are set, and the catalog has no such column.
    """
    cuts = {"are doubtful (ruwe, duplicated_source)": is_good(table), "are repeated": first(table)}
    if parameters.rfluxmin is not None or parameters.rfluxmax is not None:
        value = brightness(table, parameters)
        cuts["are outside rfluxmin to rfluxmax"] = within_limits(value, parameters)
    keep = np.ones(len(table), bool)
    for meaning, good in cuts.items():
        if dropped := np.count_nonzero(keep & ~good):
            log.info("%d of %d reference stars %s: not used.", dropped, len(table), meaning)
        keep &= good
    if parameters.refnbright is not None:
        keep &= _brightest(table, parameters, keep & inside)
    return table if keep.all() else table[keep]


def is_good(table: Table) -> BoolArray:
    """Mask (M,) of stars that are not doubtful by the columns ruwe and duplicated_source."""
    good = ~(quantity(table, "ruwe") > MAX_RUWE)  # an unknown one is no reason
    flag = column_named(table, "duplicated_source")
    if flag is not None:
        text = np.char.lower(np.ma.filled(np.ma.asarray(table[flag]).astype(str), "false"))
        good &= ~np.isin(text, ("true", "1", "1.0", "t"))
    return np.asarray(good)


def first(table: Table) -> BoolArray:
    """Mask (M,) of rows that do not repeat the position of an earlier row."""
    positions = np.stack([np.asarray(table["RA"]), np.asarray(table["DEC"])], axis=1)
    result = np.zeros(len(table), bool)
    result[np.unique(positions, axis=0, return_index=True)[1]] = True
    return result


def brightness(table: Table, parameters: ReferenceParameters) -> FloatArray:
    """Magnitudes or fluxes (M,), depending on 'rfluxunits'; NaN where not measured.

    Raises
    ------
    CatalogError
        If there is no such column, or its values contradict 'rfluxunits'.
    """
    magnitudes = parameters.rfluxunits == "mag"
    column = parameters.rfluxcol or column_named(table, "mag" if magnitudes else "flux")
    if column is None or column not in table.colnames:
        raise CatalogError(
            f"The reference catalog has the columns {table.colnames}, but 'rfluxmin', 'rfluxmax' "
            f"and 'refnbright' with rfluxunits='{parameters.rfluxunits}' need "
            f"{repr(column) if column else 'magnitudes' if magnitudes else 'fluxes'} among them. "
            "Name the column as 'rfluxcol', change 'rfluxunits', or leave these parameters out."
        )
    values = in_unit(table, column, "")
    if not magnitudes:
        return values
    if np.nanmedian(values) > 99.0 if np.isfinite(values).any() else False:
        raise CatalogError(
            f"Half of the values of '{column}' in the reference catalog are above "
            f"{np.nanmedian(values):g}, but no star is fainter than magnitude {FAINTEST:g}. Are "
            "they fluxes? Set rfluxunits='cps', or name another column as 'rfluxcol'."
        )
    return np.where(np.abs(values) < FAINTEST, values, np.nan)


def within_limits(values: FloatArray, parameters: ReferenceParameters) -> BoolArray:
    """Mask (M,) of values from 'rfluxmin' to 'rfluxmax', both inclusive.

    Two limits in magnitudes may be given in either order.
    """
    low = -np.inf if parameters.rfluxmin is None else parameters.rfluxmin
    high = np.inf if parameters.rfluxmax is None else parameters.rfluxmax
    if low > high and parameters.rfluxunits == "mag":
        low, high = high, low
    return np.asarray((values >= low) & (values <= high))


def _brightest(table: Table, parameters: ReferenceParameters, candidates: BoolArray) -> BoolArray:
    values = brightness(table, parameters)
    rank = values if parameters.rfluxunits == "mag" else -values
    rank = np.where(candidates & np.isfinite(rank), rank, np.inf)
    result = np.zeros(len(table), bool)
    result[np.argsort(rank, kind="stable")[: parameters.refnbright]] = True
    return result & np.isfinite(rank)
