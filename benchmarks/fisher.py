"""The smallest error that exposures can be aligned to, from Fisher's information.

Independent of the package: exposures move by a shift and a roll, and where it is asked by a scale;
what they see are stars whose places are unknown, some of which a reference catalog has with an
error. No error of any estimator without bias is smaller (Cramer and Rao).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Sightings", "catalog_errors", "errors_between", "smallest_errors"]


@dataclass(frozen=True)
class Sightings:
    """What exposures see, on one plane tangent to the sky.

    Attributes
    ----------
    places
        (N, 2) of the stars, for each sighting [arcsec].
    star, exposure
        (N,) number of the star and of the exposure.
    sigma
        (N,) error per axis [arcsec].
    """

    places: np.ndarray
    star: np.ndarray
    exposure: np.ndarray
    sigma: np.ndarray


def catalog_errors(
    listed: tuple[np.ndarray, np.ndarray], ra: np.ndarray, dec: np.ndarray, error: float
) -> np.ndarray:
    """Error of each star in a reference catalog, infinite for a star that is not in it.

    Parameters
    ----------
    listed
        RA and Dec of the catalog [deg].
    ra, dec
        (S,) of the stars [deg].
    error
        Of the catalog, per axis [mas].

    Returns
    -------
    ndarray
        (S,) per axis [arcsec].
    """
    known = np.full(len(ra), np.inf)
    for one_ra, one_dec in zip(*listed, strict=True):
        east = (ra - one_ra) * np.cos(np.radians(one_dec))
        known[np.argmin(np.hypot(east, dec - one_dec))] = 1e-3 * error
    return known


def _slopes(places: np.ndarray, centre: np.ndarray, columns: int) -> np.ndarray:
    """(N, 2, columns) slopes of places by east, north, roll and scale about a centre."""
    east, north = (places - centre).T
    one, none = np.ones_like(east), np.zeros_like(east)
    x, y = (one, none, -north, east), (none, one, east, north)
    return np.stack([np.stack(x[:columns], 1), np.stack(y[:columns], 1)], 1)


@dataclass(frozen=True)
class _Information:
    """Covariance of the motions of exposures about their centres, columns of them each."""

    centres: np.ndarray
    covariance: np.ndarray
    columns: int

    def part(self, first: int, second: int) -> np.ndarray:
        """(columns, columns) covariance between two exposures."""
        size = self.columns
        rows, across = (slice(size * k, size * (k + 1)) for k in (first, second))
        return self.covariance[rows, across]

    def slopes(self, exposure: int, places: np.ndarray) -> np.ndarray:
        """(N, 2, columns) slopes of places by the motion of an exposure."""
        return _slopes(places, self.centres[exposure], self.columns)

    def square(self, first: int, second: int, places: np.ndarray) -> float:
        """Mean product of two exposures' errors over places, of both axes together [arcsec^2]."""
        part = self.part(first, second)
        one, other = self.slopes(first, places), self.slopes(second, places)
        return float(2.0 * np.einsum("nij,jk,nik->ni", one, part, other).mean())


def _information(seen: Sightings, reference_sigma: np.ndarray, columns: int) -> _Information:
    count, stars = int(seen.exposure.max()) + 1, len(reference_sigma)
    centres = np.array([seen.places[seen.exposure == k].mean(0) for k in range(count)])
    slopes = _slopes(seen.places, centres[seen.exposure], columns)
    weight = 1.0 / seen.sigma**2
    total = np.bincount(seen.star, weight, stars) + 1.0 / reference_sigma**2
    normal = np.zeros((columns * count, columns * count))
    for star in np.unique(seen.star):
        rows = np.flatnonzero(seen.star == star)
        design = np.zeros((2 * len(rows), columns * count))
        for number, row in enumerate(rows):
            first = columns * seen.exposure[row]
            design[2 * number : 2 * number + 2, first : first + columns] = slopes[row]
        weights = np.repeat(weight[rows], 2)
        normal += design.T @ (weights[:, None] * design)
        for axis in range(2):
            pull = (weights[axis::2, None] * design[axis::2]).sum(0)
            normal -= np.outer(pull, pull) / total[star]
    return _Information(centres, np.linalg.inv(normal), columns)


def smallest_errors(
    seen: Sightings,
    reference_sigma: np.ndarray,
    where: list[tuple[int, np.ndarray]],
    *,
    scale: bool = False,
) -> np.ndarray:
    """Rms distance from the truth of images, at best.

    Parameters
    ----------
    seen
        All sightings.
    reference_sigma
        (S,) error per axis of each star in the reference catalog [arcsec], infinite if it has not.
    where
        Of each image, its exposure and (M, 2) places on it [arcsec].
    scale
        Whether the scale of each exposure is unknown, too.

    Returns
    -------
    ndarray
        (images,) rms over their places, of both axes together [arcsec].
    """
    found = _information(seen, reference_sigma, 4 if scale else 3)
    return np.sqrt([found.square(exposure, exposure, places) for exposure, places in where])


def errors_between(
    seen: Sightings,
    reference_sigma: np.ndarray,
    pairs: list[tuple[int, int, np.ndarray]],
    *,
    scale: bool = False,
) -> np.ndarray:
    """Rms distance between two exposures' places of the same star, at best.

    Parameters
    ----------
    seen, reference_sigma, scale
        As those of `smallest_errors`.
    pairs
        Two exposures and (M, 2) places on both [arcsec].

    Returns
    -------
    ndarray
        (pairs,) rms over their places, of both axes together [arcsec].
    """
    found = _information(seen, reference_sigma, 4 if scale else 3)
    squares = [
        found.square(one, one, places)
        + found.square(other, other, places)
        - 2.0 * found.square(one, other, places)
        for one, other, places in pairs
    ]
    return np.sqrt(squares)
