"""The smallest error that exposures can be aligned to, from Fisher's information.

Independent of the package: exposures move by a shift and a roll, what they see are stars whose
places are unknown, some of which a reference catalog has with an error. No error of any estimator
without bias is smaller (Cramer and Rao).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Sightings", "smallest_errors"]


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


def _slopes(places: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(N, 2, 3) slopes of places by east, north and roll about a centre."""
    east, north = (places - centre).T
    one, none = np.ones_like(east), np.zeros_like(east)
    return np.stack([np.stack([one, none, -north], 1), np.stack([none, one, east], 1)], 1)


def smallest_errors(
    seen: Sightings, reference_sigma: np.ndarray, where: list[tuple[int, np.ndarray]]
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

    Returns
    -------
    ndarray
        (images,) rms over their places, of both axes together [arcsec].
    """
    count, stars = int(seen.exposure.max()) + 1, len(reference_sigma)
    centres = np.array([seen.places[seen.exposure == k].mean(0) for k in range(count)])
    slopes = _slopes(seen.places, centres[seen.exposure])
    weight = 1.0 / seen.sigma**2
    total = np.bincount(seen.star, weight, stars) + 1.0 / reference_sigma**2
    normal = np.zeros((3 * count, 3 * count))
    for star in np.unique(seen.star):
        rows = np.flatnonzero(seen.star == star)
        design = np.zeros((2 * len(rows), 3 * count))
        for number, row in enumerate(rows):
            first = 3 * seen.exposure[row]
            design[2 * number : 2 * number + 2, first : first + 3] = slopes[row]
        weights = np.repeat(weight[rows], 2)
        normal += design.T @ (weights[:, None] * design)
        for axis in range(2):
            pull = (weights[axis::2, None] * design[axis::2]).sum(0)
            normal -= np.outer(pull, pull) / total[star]
    covariance = np.linalg.inv(normal)
    errors = []
    for exposure, places in where:
        part = covariance[3 * exposure : 3 * exposure + 3, 3 * exposure : 3 * exposure + 3]
        slope = _slopes(places, centres[exposure])
        errors.append(np.sqrt(np.einsum("nij,jk,nik->n", slope, part, slope).mean()))
    return np.array(errors)
