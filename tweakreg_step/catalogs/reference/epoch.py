"""Positions of stars at the epoch of an observation: proper motion and parallax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column, Table

from tweakreg_step.telescopes import USUAL

from .columns import quantity
from .observer import barycentric
from .stars import Stars, bounded_covariance, stars_of

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.telescopes import Observatory

__all__ = ["as_published", "at_epoch", "is_moved", "place", "with_known_motion"]

MAS = np.radians(1.0 / 3.6e6)
PUBLISHED = {"RA": "catalog_RA", "DEC": "catalog_DEC"}
"""Names of the columns with the published positions, where RA and DEC are at another epoch."""


def place(
    stars: Stars, epoch: float, observatory: Observatory = USUAL
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Directions to stars from an observatory at a time.

    Parameters
    ----------
    stars
        M stars.
    epoch
        Julian year, TDB.
    observatory
        Where they are seen from.

    Returns
    -------
    ra, dec
        (M,) [deg ICRS].
    covariance
        (M, 2, 2), east and north [arcsec^2].

    Notes
    -----
    With the unit vectors r to the star, p to the east and q to the north, the direction is that
    of r + t (p mu_ra + q mu_dec) - parallax b, b the observatory's barycentric position [au]
    (Lindegren et al. 2012, A&A 538, A78, eq. 4, without the radial velocity, which moves the star
    with the fastest motion known by 0.1 mas/yr^2). Errors: J C J', J the derivative.
    """
    ra, dec = np.radians(stars.ra), np.radians(stars.dec)
    zero = np.zeros_like(ra)
    r = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    p = np.stack([-np.sin(ra), np.cos(ra), zero], axis=-1)
    q = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    years = epoch - stars.epoch
    seen_from = barycentric(epoch, observatory)
    path = p * (years * stars.pmra)[:, None] + q * (years * stars.pmdec)[:, None]
    u = r + MAS * (path - stars.parallax[:, None] * seen_from)
    derivative = np.zeros((len(ra), 2, 5))
    derivative[:, 0, 0] = derivative[:, 1, 1] = 1.0
    derivative[:, 0, 2], derivative[:, 1, 2] = -p @ seen_from, -q @ seen_from
    derivative[:, 0, 3] = derivative[:, 1, 4] = years
    covariance = np.einsum("nij,njk,nlk->nil", derivative, stars.covariance, derivative) / 1e6
    new_ra = np.degrees(np.arctan2(u[:, 1], u[:, 0])) % 360.0
    new_dec = np.degrees(np.arctan2(u[:, 2], np.hypot(u[:, 0], u[:, 1])))
    return new_ra, new_dec, bounded_covariance(covariance)


def is_moved(table: Table) -> bool:
    """Whether RA and DEC of a table were moved to another epoch."""
    return set(PUBLISHED.values()) <= set(table.colnames)


def as_published(table: Table) -> Table:
    """The table with the published positions, if `at_epoch` moved them."""
    if not is_moved(table):
        return table
    result = table.copy()
    for name, kept in PUBLISHED.items():
        result[name] = np.asarray(table[kept], float)
    result.remove_columns([*PUBLISHED.values(), *ERRORS])
    result.meta.pop("epoch", None)
    return result


def with_known_motion(table: Table) -> Table:
    """The stars with known proper motions, for fits that give all stars the same weight.

    If no positions were moved, the table is returned unchanged.
    """
    if not is_moved(table):
        return table
    known = np.isfinite(quantity(table, "pmra")) & np.isfinite(quantity(table, "pmdec"))
    return table[known]


ERRORS = ("RA_error_at_epoch", "DEC_error_at_epoch")


def at_epoch(table: Table, epoch: float | None, observatory: Observatory = USUAL) -> Table:
    """A catalog with its positions at an epoch; as it is if it has no motions or none is known.

    Parameters
    ----------
    table
        The catalog as published.
    epoch
        Julian year, TDB; None if it is not known.
    observatory
        Where the stars are seen from.

    Returns
    -------
    Table
        RA, DEC at the epoch, and the errors of both [mas]; ``catalog_RA``, ``catalog_DEC`` as
        published; ``meta['epoch']``.
    """
    stars = None if epoch is None else stars_of(table)
    if epoch is None or stars is None:
        return table
    ra, dec, covariance = place(stars, epoch, observatory)
    result = table.copy()
    result.meta["epoch"] = float(epoch)
    for name, moved in zip(PUBLISHED, (ra, dec), strict=True):
        result[PUBLISHED[name]] = np.asarray(table[name], float)
        result[name] = moved
    for axis, name in enumerate(ERRORS):
        result[name] = Column(1e3 * np.sqrt(covariance[:, axis, axis]), unit="mas")
    return result
