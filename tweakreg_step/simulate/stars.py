"""Star fields and reference catalogs with known truth, reproducible from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable
from astropy.units import deg, mag, mas

from tweakreg_step.simulate.directions import (
    MAS_PER_RADIAN,
    angular_axes,
    direction,
    longitude_latitude,
    rotation,
)

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray

SLOPE = 1.625
"""Index of the flux distribution dN/dF ~ F^-SLOPE: counts that grow by 10^(0.25 m)."""

ZERO_POINT = 25.0
"""Magnitude of a star of unit flux in the catalogs written here."""


@dataclass(frozen=True, slots=True)
class Stars:
    """Point sources on the sky.

    Parameters
    ----------
    ra, dec : ndarray, shape (n,)
        True positions, degrees ICRS.
    flux : ndarray, shape (n,)
        Total count rate, DN/s.
    """

    ra: FloatArray
    dec: FloatArray
    flux: FloatArray

    def __post_init__(self) -> None:
        if not self.ra.shape == self.dec.shape == self.flux.shape == (self.ra.size,):
            raise ValueError(
                f"Stars have {self.ra.shape}, {self.dec.shape} and {self.flux.shape} values of "
                "ra, dec and flux; vectors of one length are needed."
            )

    def __len__(self) -> int:
        return int(self.ra.size)

    def select(self, which: np.ndarray[tuple[int], np.dtype[np.bool_ | np.intp]]) -> Stars:
        """Return the stars that a mask or an index array of shape (m,) picks, in its order."""
        return Stars(self.ra[which], self.dec[which], self.flux[which])


def fluxes(
    n: int,
    rng: np.random.Generator,
    limits: tuple[float, float] = (3.0, 3000.0),
    slope: float = SLOPE,
) -> FloatArray:
    """Draw ``n`` fluxes from dN/dF ~ F^-slope between ``limits``, by inverting the integral."""
    power = 1.0 - slope
    low, high = (limit**power for limit in limits)
    drawn: FloatArray = (low + (high - low) * rng.random(n)) ** (1.0 / power)
    return drawn


def star_field(
    centre: tuple[float, float],
    radius: float,
    n: int,
    *,
    seed: int,
    flux_limits: tuple[float, float] = (3.0, 3000.0),
) -> Stars:
    """Scatter stars uniformly over a circle on the sky.

    Parameters
    ----------
    centre : (float, float)
        ra, dec of the circle's centre, degrees.
    radius : float
        Angular radius, arcsec.
    n : int
        Number of stars.
    seed : int
        The same seed gives the same stars, bit for bit.
    flux_limits : (float, float)
        Faintest and brightest flux, DN/s.

    Returns
    -------
    Stars
        In no particular order; exact on the sphere at any declination.
    """
    rng = np.random.default_rng((seed, 1))
    # Uniform on a cap: 1 - cos(distance) = 2 sin^2(distance / 2) is uniform, so is the azimuth.
    half = np.sin(np.radians(radius / 7200.0)) * np.sqrt(rng.random(n))
    distance, azimuth = 2.0 * np.arcsin(half), 2.0 * np.pi * rng.random(n)
    around_x = np.stack(
        [
            1.0 - 2.0 * half**2,
            np.sin(distance) * np.cos(azimuth),
            np.sin(distance) * np.sin(azimuth),
        ],
        axis=-1,
    )
    matrix = rotation("z", centre[0]) @ rotation("y", -centre[1])
    ra, dec = longitude_latitude(around_x @ matrix.T)
    return Stars(ra, dec, fluxes(n, rng, flux_limits))


def scattered(stars: Stars, sigma: float, *, seed: int) -> Stars:
    """Move every star by a Gaussian error of ``sigma`` mas per axis in its tangent plane."""
    rng = np.random.default_rng((seed, 2))
    east, north = angular_axes(stars.ra, stars.dec)
    xi, eta = rng.standard_normal((2, len(stars))) * (sigma / MAS_PER_RADIAN)
    moved = direction(stars.ra, stars.dec) + xi[:, None] * east + eta[:, None] * north
    return Stars(*longitude_latitude(moved), stars.flux)


def reference_catalog(
    stars: Stars, *, fraction: float = 0.5, sigma: float = 1.0, seed: int = 0
) -> QTable:
    """Make the absolute catalog: a random part of the stars with the error of a survey.

    Parameters
    ----------
    stars : Stars
        The truth.
    fraction : float
        Part of the stars that the catalog lists.
    sigma : float
        Error per axis, mas; also the catalog's columns RA_ERROR and DEC_ERROR.
    seed : int
        The same seed gives the same catalog.

    Returns
    -------
    astropy.table.QTable
        RA, DEC [deg], RA_ERROR (of ra cos dec), DEC_ERROR [mas], MAG [mag].
    """
    listed = np.random.default_rng((seed, 3)).random(len(stars)) < fraction
    chosen = scattered(stars.select(listed), sigma, seed=seed)
    errors = np.full(len(chosen), sigma) * mas
    return QTable(
        {
            "RA": chosen.ra * deg,
            "DEC": chosen.dec * deg,
            "RA_ERROR": errors,
            "DEC_ERROR": errors,
            "MAG": (ZERO_POINT - 2.5 * np.log10(chosen.flux)) * mag,
        }
    )
