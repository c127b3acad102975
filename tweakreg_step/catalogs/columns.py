"""Positions, errors and fluxes in the columns of a table, by the conventions of several programs.

SExtractor (Bertin & Arnouts 1996, A&AS 117, 393) and DAOPHOT (Stetson 1987, PASP 99, 191) count
pixels from 1, tables with columns x and y from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord

from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.core.outcome import FITS_PREFIX

from .tables import differ, numbers

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.parameters import ColumnParameters

__all__ = [
    "Convention",
    "errors_of",
    "flux_of",
    "peak_of",
    "position_columns",
    "positions_of",
    "with_positions_on_the_sky",
]


@dataclass(frozen=True, slots=True)
class Convention:
    """Names and origin of the positions of one program.

    Attributes
    ----------
    x, y
        Names of the columns, in upper case for programs whose names may be in any letter case.
    origin
        Coordinate of the centre of the first pixel; None where the parameter ``xyorigin`` gives it.
    kind
        Part of the names of SExtractor's errors of these positions, e.g. WIN; None for other
        programs.
    """

    x: str
    y: str
    origin: float | None = None
    kind: str | None = None


HOUSE = (
    Convention("x", "y"),
    Convention("xcentroid", "ycentroid"),
    Convention("x_centroid", "y_centroid"),
    Convention("x_psf", "y_psf"),
)
PROGRAMS = (
    *(
        Convention(f"X{kind}_IMAGE", f"Y{kind}_IMAGE", origin=1.0, kind=kind)
        for kind in ("WIN", "PSF", "MODEL", "")
    ),
    Convention("XCENTER", "YCENTER", origin=1.0),
)
SKY = (
    Convention("RA", "DEC"),
    Convention("ALPHAWIN_J2000", "DELTAWIN_J2000"),
    Convention("ALPHAPSF_J2000", "DELTAPSF_J2000"),
    Convention("ALPHA_J2000", "DELTA_J2000"),
)
FLUXES = (
    "FLUX", "FLUX_AUTO", "FLUX_PSF", "FLUX_APER", "FLUX_BEST", "FLUX_ISO",
    "PSF_FLUX", "KRON_FLUX",
)  # fmt: skip
MAGNITUDES = (
    "MAG", "MAG_AUTO", "MAG_PSF", "MAG_APER", "MAG_BEST", "MAG_ISO", "MAG1", "MAGNITUDE",
)  # fmt: skip
PEAKS = ("PEAK", "FLUX_MAX", "PEAK_VALUE", "MAX_VALUE")
SAVED = f"{FITS_PREFIX}FPRNT"
"""Keyword of catalogs that this package has saved, which count pixels from 0."""

NO_MAGNITUDE = 90.0  # SExtractor and DAOPHOT write 99 for a missing magnitude


def position_columns(table: Table, options: ColumnParameters, name: str) -> tuple[str, str]:
    """Names of the position columns: those that the user chose, else the first known pair.

    Raises
    ------
    CatalogError
        If there are none, or the chosen ones are not in the table.
    """
    if options.xcol:
        return _chosen(table, "xcol", options.xcol, name), _chosen(
            table, "ycol", options.ycol, name
        )
    sky = options.xyunits == "degrees"
    for convention in SKY if sky else HOUSE + PROGRAMS:
        known = _exactly if convention in HOUSE else _in_any_case
        x, y = known(table, convention.x), known(table, convention.y)
        if x and y:
            _check_others(table, (x, y), name, any_case=convention not in HOUSE)
            return x, y
    if table.meta.get("nameless") and len(table.colnames) > 1 and not _counts_rows(table):
        return table.colnames[0], table.colnames[1]
    raise CatalogError(_no_positions(table, name, sky=sky))


def _counts_rows(table: Table) -> bool:
    """Whether the first of three or more columns is the number of the row, and no position."""
    first = np.asarray(table.columns[0])
    if len(table.colnames) == 2 or len(first) < 2 or first.dtype.kind not in "if":
        return False
    return bool(np.array_equal(first - first[0], np.arange(len(first))) and first[0] in {0, 1})


def with_positions_on_the_sky(table: Table) -> Table:
    """The table with columns RA and DEC [deg ICRS] added, if it has a column ``sky_centroid``.

    The source catalogs of stpipe's pipelines have their positions in such a column of coordinates.
    """
    if "sky_centroid" not in table.colnames or _in_any_case(table, "RA"):
        return table
    sky = SkyCoord(table["sky_centroid"]).icrs
    result = table.copy()
    result["RA"], result["DEC"] = np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)
    return result


def _no_positions(table: Table, name: str, *, sky: bool) -> str:
    known = SKY if sky else HOUSE + PROGRAMS
    accepted = ", or ".join(f"'{c.x}' and '{c.y}'" for c in known)
    meant = "in degrees" if sky else "in pixels"
    return (
        f"The catalog {name} has the columns {table.colnames}, but none with positions {meant}. It "
        f"needs {accepted}. Rename its columns, or choose with 'xcol' and 'ycol' (names, or "
        f"numbers from 1 to {len(table.colnames)}) and 'xyunits'."
    )


def _check_others(table: Table, columns: tuple[str, str], name: str, *, any_case: bool) -> None:
    """Refuse other columns of the same names in other letters that hold other numbers."""
    for column in columns if any_case else ():
        same = [c for c in table.colnames if c.upper() == column.upper()]
        if any(differ(table[column], table[other]) for other in same):
            raise CatalogError(
                f"The catalog {name} has the columns {same}, which differ, but only one may be "
                "meant (letter case is ignored). Remove the others, or choose with 'xcol' and "
                "'ycol'."
            )


def _exactly(table: Table, wanted: str) -> str:
    return wanted if wanted in table.colnames else ""


def _in_any_case(table: Table, wanted: str) -> str:
    return next((column for column in table.colnames if column.upper() == wanted), "")


def _chosen(table: Table, parameter: str, column: str, name: str) -> str:
    """Name of the column given by name, or by number counted from 1."""
    found = _exactly(table, column) or _in_any_case(table, column.upper())
    if found:
        return found
    if column.isdecimal() and 1 <= int(column) <= len(table.colnames):
        return str(table.colnames[int(column) - 1])
    raise CatalogError(
        f"Parameter '{parameter}' is '{column}', but the catalog {name} has {len(table.colnames)} "
        f"columns: {table.colnames}. Give one of these names, or a number from 1 to "
        f"{len(table.colnames)}."
    )


def _convention(column: str) -> Convention | None:
    """The convention in which a column name is that of x; None if there is none."""
    return next((c for c in PROGRAMS if c.x == column.upper()), None)


def positions_of(
    table: Table, columns: tuple[str, str], options: ColumnParameters, name: str
) -> tuple[FloatArray, FloatArray]:
    """Positions x, y (N,): pixels, the centre of the first at 0, or degrees; NaN where unknown."""
    x, y = (numbers(table, column, name) for column in columns)
    if options.xyunits == "degrees":
        return _degrees(table, columns[0], x, name), _degrees(table, columns[1], y, name)
    convention = _convention(columns[0])
    own = any(str(key).upper() == SAVED for key in table.meta)  # a catalog of an earlier run
    origin = (0 if own else options.xyorigin) if convention is None else convention.origin
    return x - float(origin or 0), y - float(origin or 0)


def _degrees(table: Table, column: str, values: FloatArray, name: str) -> FloatArray:
    unit = table[column].unit
    try:
        return values if unit is None else np.asarray((values * unit).to_value(units.deg))
    except (TypeError, units.UnitConversionError):
        raise CatalogError(
            f"Column '{column}' of the catalog {name} is in '{unit}', but xyunits='degrees' needs "
            "an angle. Mend the unit, choose other columns with 'xcol' and 'ycol', or set "
            "xyunits='pixels'."
        ) from None


def errors_of(table: Table, columns: tuple[str, str], name: str) -> tuple[FloatArray, FloatArray]:
    """Standard deviations (N,) of x and y [pixels], NaN where unknown.

    SExtractor gives the variances ERRX2 and ERRY2, or an ellipse with the half-axes a, b [one
    standard deviation] and the angle theta from x: var x = (a cos)^2 + (b sin)^2.
    """
    kind = getattr(_convention(columns[0]), "kind", None)
    unknown = np.full(len(table), np.nan)
    columns_of = {column.upper(): column for column in table.colnames}

    def values(*names: str) -> list[FloatArray]:
        found = [columns_of[n] for n in names if n in columns_of]
        return [numbers(table, c, name) for c in found] if len(found) == len(names) else []

    if kind is None:  # XERR is what IRAF's phot writes, 0 where it did not centre
        own = [column.upper() for column in columns]  # of x_psf it is x_psf_err
        x, y = (
            (values(f"{c}_ERR") or values(f"{a}_ERR") or values(f"{a}ERR") or [unknown])[0]
            for c, a in zip(own, "XY", strict=True)
        )
        return np.where(x > 0, x, np.nan), np.where(y > 0, y, np.nan)
    if variances := values(f"ERRX2{kind}_IMAGE", f"ERRY2{kind}_IMAGE"):
        return _deviation(variances[0]), _deviation(variances[1])
    if axes := values(f"ERRA{kind}_IMAGE", f"ERRB{kind}_IMAGE"):
        theta = values(f"ERRTHETA{kind}_IMAGE") or [np.full(len(table), 45.0)]  # half of each
        cosine, sine = np.cos(np.deg2rad(theta[0])), np.sin(np.deg2rad(theta[0]))
        x2 = (axes[0] * cosine) ** 2 + (axes[1] * sine) ** 2
        y2 = (axes[0] * sine) ** 2 + (axes[1] * cosine) ** 2
        return _deviation(x2), _deviation(y2)
    return unknown, unknown


def _deviation(variance: FloatArray) -> FloatArray:
    """Square root; NaN where the variance is not positive, as for sources of one pixel."""
    return np.sqrt(np.where(variance > 0, variance, np.nan))


def flux_of(table: Table, fluxcol: str, fluxunits: str, name: str) -> tuple[FloatArray, str, bool]:
    """The fluxes (N,) of a table.

    Parameters
    ----------
    table
        The catalog.
    fluxcol
        The column that the user chose; '' for the first known one.
    fluxunits
        With 'mag', magnitudes are preferred to fluxes, and a chosen column without a telling name
        or unit holds magnitudes.
    name
        Name of the catalog, for errors.

    Returns
    -------
    flux
        NaN where unknown; 10^(-0.4 magnitude) for magnitudes.
    column
        Name of the column; '' if there is none.
    magnitudes
        Whether that column holds magnitudes.
    """
    wanted = fluxunits == "mag"
    known = MAGNITUDES + FLUXES if wanted else FLUXES + MAGNITUDES
    column = next((found for name_ in known if (found := _in_any_case(table, name_))), "")
    if fluxcol:
        column = _chosen(table, "fluxcol", fluxcol, name)
    if not column:
        return np.full(len(table), np.nan), "", False
    values = _first_of_each_row(table, column, name)
    if not _is_magnitude(table, column, otherwise=wanted):
        return values, column, False
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.where(np.abs(values) < NO_MAGNITUDE, values, np.nan)
        return np.power(10.0, -0.4 * values), column, True


def _is_magnitude(table: Table, column: str, *, otherwise: bool) -> bool:
    """Whether a column holds magnitudes, by its unit or name; `otherwise` if neither shows it."""
    unit = str(getattr(table[column], "unit", None) or "").lower()
    if "mag" in unit or column.upper().startswith("MAG"):
        return True
    return otherwise and not column.upper().startswith("FLUX") and not unit


def _first_of_each_row(table: Table, column: str, name: str) -> FloatArray:
    """Numbers of a column; the first of each row's array, as in FLUX_APER."""
    if table[column].ndim > 1 and len(table):
        first = table[[column]]
        first[column] = table[column].reshape(len(table), -1)[:, 0]
        return numbers(first, column, name)
    return numbers(table, column, name)


def peak_of(table: Table, name: str) -> FloatArray | None:
    """Value (N,) of each source's brightest pixel, None if there is no such column."""
    column = next((found for wanted in PEAKS if (found := _in_any_case(table, wanted))), "")
    return numbers(table, column, name) if column else None
