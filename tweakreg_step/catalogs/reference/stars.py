"""Astrometric parameters of reference stars: positions, proper motions, parallaxes, errors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .columns import CORRELATED, column_named, correlation, quantity
from .years import EARLIEST, LATEST

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.core.arrays import BoolArray, FloatArray


__all__ = [
    "REFERENCE_SIGMA",
    "Stars",
    "bad_errors",
    "bounded_covariance",
    "independent_errors",
    "motion_dispersion",
    "motion_is_known",
    "position_errors",
    "stars_of",
    "unbelieved_errors",
    "unstated_errors",
]

REFERENCE_SIGMA = 0.005
"""Error of a reference position whose catalog gives none, per axis [arcsec]."""

BEST, WORST = 1e-6, 3600.0
"""No position of a star on the sky is known better than a microarcsecond, and one that is known to
no degree is not known at all [arcsec]: errors outside of these are not believed."""

BELIEVED = {
    "parallax": 1e3,
    "parallax_error": 1e3,
    "pmra": 1e5,
    "pmdec": 1e5,
    "pmra_error": 1e5,
    "pmdec_error": 1e5,
}
"""What is larger than this [mas, mas/yr] was not measured: the nearest star has a parallax of 768
mas, the fastest moves by 10,400 mas/yr."""

DISPERSION_MAG = (13.0, 15.0)
DISPERSION = (11.0, 7.0)
"""Rms proper motion per axis [mas/yr] at these magnitudes, constant beyond: measured on Gaia stars
by benchmarks/proper_motions.py."""

PARALLAX_PER_MOTION = 0.1
"""Dispersion of parallaxes [mas] over that of proper motions [mas/yr] (Michalik et al. 2015,
A&A 583, A68, assume proper motions of 10 parallaxes per year)."""


@dataclass(frozen=True, slots=True)
class Stars:
    """Astrometric parameters of M stars.

    Attributes
    ----------
    ra, dec
        (M,) barycentric positions at ``epoch`` [deg ICRS].
    epoch
        (M,) reference epoch [Julian year, TDB].
    parallax
        (M,) [mas].
    pmra, pmdec
        (M,) [mas/yr], pmra includes cos(dec).
    covariance
        (M, 5, 5) of ra cos(dec), dec, parallax, pmra, pmdec [mas, mas/yr].
    """

    ra: FloatArray
    dec: FloatArray
    epoch: FloatArray
    parallax: FloatArray
    pmra: FloatArray
    pmdec: FloatArray
    covariance: FloatArray

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, field.name)) for field in fields(self)}
        if len(lengths) > 1 or self.covariance.shape[1:] != (5, 5):
            raise ValueError(f"Columns of stars have the lengths {sorted(lengths)}, not one.")

    def __len__(self) -> int:
        return len(self.ra)


def motion_dispersion(mag: FloatArray) -> FloatArray:
    """Rms proper motion per axis (M,) [mas/yr] of stars of a magnitude (M,).

    It is the error of an unknown motion that is assumed to be zero. Where the magnitude is unknown
    the value for faint stars is used.
    """
    return np.interp(np.nan_to_num(mag, nan=DISPERSION_MAG[-1]), DISPERSION_MAG, DISPERSION)


def position_errors(table: Table) -> FloatArray:
    """Errors (M, 2) of positions along RA and DEC [arcsec].

    From the columns ra_error, dec_error (or ra_err, dec_err), in their unit, or mas as in Gaia
    where they have none; if there are none, or they are not positive, from ``weight`` ~ 1 /
    variance; else `REFERENCE_SIGMA`. They are at least `BEST` and at most `WORST`.
    """
    return np.clip(_stated_errors(table), BEST, WORST)


def unstated_errors(table: Table) -> FloatArray:
    """The part (M,) of the errors of positions that no column states [arcsec], 0 where one does."""
    stated = np.stack([quantity(table, f"{axis}_error") for axis in ("ra", "dec")], axis=-1)
    given = (np.isfinite(stated) & (stated > 0)).any(axis=1)
    return np.where(given, 0.0, position_errors(table).max(axis=1))


def unbelieved_errors(table: Table) -> int:
    """How many rows have an error of their position that is too small or too large to be one."""
    errors = _stated_errors(table)
    return int(np.any((errors < BEST) | (errors > WORST), axis=1).sum())


def _stated_errors(table: Table) -> FloatArray:
    """Errors (M, 2) [arcsec] as the catalog has them."""
    errors = np.stack([quantity(table, f"{axis}_error") for axis in ("ra", "dec")], axis=-1) / 1e3
    usual = np.full(len(table), REFERENCE_SIGMA)
    if "weight" in table.colnames:
        weight: FloatArray = np.ma.filled(np.ma.asarray(table["weight"], dtype=float), np.nan)
        if np.isfinite(weight).any():
            with np.errstate(over="ignore"):
                usual = REFERENCE_SIGMA * np.sqrt(np.nanmedian(weight) / weight)
    return np.where(np.isfinite(errors) & (errors > 0), errors, usual[:, None])


def bounded_covariance(covariance: FloatArray) -> FloatArray:
    """Covariances (M, 2, 2) [arcsec^2] of which no error is below `BEST` or above `WORST`.

    Those that are not, by errors or correlations that contradict each other, are changed.
    """
    result = covariance.copy()
    for axis in (0, 1):
        result[:, axis, axis] = np.clip(result[:, axis, axis], BEST**2, WORST**2)
    most = 0.999 * np.sqrt(result[:, 0, 0] * result[:, 1, 1])
    result[:, 0, 1] = result[:, 1, 0] = np.clip(result[:, 0, 1], -most, most)
    return result


def bad_errors(table: Table) -> int:
    """Number of rows with a position error that is zero, negative or not a number.

    0 if the catalog has no columns of errors.
    """
    bad = np.zeros(len(table), bool)
    for axis in ("ra", "dec"):
        if column_named(table, f"{axis}_error") is not None:
            error = quantity(table, f"{axis}_error")
            bad |= ~(np.isfinite(error) & (error > 0))
    return int(bad.sum())


def stars_of(table: Table) -> Stars | None:
    """Astrometric parameters of a catalog's stars; None if it has no proper motions or no epoch.

    Unknown motions and parallaxes are zero, with the dispersion of those of other stars as error.

    Parameters
    ----------
    table
        RA, DEC [deg ICRS], columns as `tweakreg_step.catalogs.reference.columns` names them.
    """
    if None in {column_named(table, meant) for meant in ("pmra", "pmdec", "epoch")}:
        return None
    values = {meant: _believed(table, meant) for meant in CORRELATED[2:]}
    epoch = quantity(table, "epoch")
    epoch = np.where((epoch >= EARLIEST) & (epoch <= LATEST), epoch, np.nan)
    if not np.isfinite(epoch).any():
        return None
    dispersion = motion_dispersion(quantity(table, "mag"))
    still = ~(np.isfinite(values["pmra"]) & np.isfinite(values["pmdec"]))
    values["pmra"][still] = values["pmdec"][still] = np.nan  # both or none
    priors = {"parallax": PARALLAX_PER_MOTION * dispersion}
    sigma = [*(1e3 * position_errors(table).T)]
    for meant in CORRELATED[2:]:
        error = np.nan_to_num(_believed(table, f"{meant}_error"), nan=0.0)
        prior = priors.get(meant, dispersion)
        sigma.append(np.where(np.isfinite(values[meant]), error, prior))
    return Stars(
        ra=np.asarray(table["RA"], float),
        dec=np.asarray(table["DEC"], float),
        epoch=np.where(np.isfinite(epoch), epoch, np.nanmedian(epoch)),
        covariance=_covariance(table, np.stack(sigma, axis=-1)),
        **{meant: np.nan_to_num(column, nan=0.0) for meant, column in values.items()},
    )


def motion_is_known(table: Table) -> BoolArray:
    """Mask (M,) of the stars of a catalog whose proper motion it gives."""
    motion = [_believed(table, meant) for meant in ("pmra", "pmdec")]
    return np.asarray(np.isfinite(motion).all(axis=0))


def independent_errors(stars: Stars, known: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Errors of positions and of motions at the epoch at which they are independent of each other.

    Parameters
    ----------
    stars
        M stars.
    known
        (M,) whether the motion is known.

    Returns
    -------
    origin
        (M,) that epoch [Julian year].
    position, motion
        (M, 2, 2) covariances, east and north [arcsec^2], [arcsec^2 / yr^2]; the latter is NaN where
        the motion is unknown.
    """
    both = stars.covariance[:, 0, 3] + stars.covariance[:, 1, 4]
    own = stars.covariance[:, 3, 3] + stars.covariance[:, 4, 4]
    years = -np.divide(both, own, out=np.zeros_like(own), where=own > 0.0)
    derivative = np.zeros((len(stars), 2, 5))
    derivative[:, 0, 0] = derivative[:, 1, 1] = 1.0
    derivative[:, 0, 3] = derivative[:, 1, 4] = years
    position = np.einsum("nij,njk,nlk->nil", derivative, stars.covariance, derivative) / 1e6
    motion = bounded_covariance(stars.covariance[:, 3:, 3:] / 1e6)
    return (
        stars.epoch + years,
        bounded_covariance(position),
        np.where(known[:, None, None], motion, np.nan),
    )


def _believed(table: Table, meant: str) -> FloatArray:
    """A column (M,), NaN where it is larger than anything that can be."""
    values = quantity(table, meant)
    return np.where(np.abs(values) < BELIEVED[meant], values, np.nan)


def _covariance(table: Table, sigma: FloatArray) -> FloatArray:
    """Covariances (M, 5, 5) from errors (M, 5) and the correlations that the catalog gives."""
    matrix = np.broadcast_to(np.eye(5), (len(sigma), 5, 5)).copy()
    known = np.stack([_is_known(table, meant) for meant in CORRELATED], axis=-1)
    for i, j in combinations(range(5), 2):
        both = known[:, i] & known[:, j]
        given = np.clip(correlation(table, CORRELATED[i], CORRELATED[j]), -1.0, 1.0)
        matrix[both, i, j] = given[both]
        matrix[:, j, i] = matrix[:, i, j]
    return np.asarray(matrix * sigma[:, :, None] * sigma[:, None, :])


def _is_known(table: Table, meant: str) -> BoolArray:
    """Mask (M,) of stars for which the catalog gives a parameter's error."""
    return np.asarray(np.isfinite(quantity(table, f"{meant}_error")))
