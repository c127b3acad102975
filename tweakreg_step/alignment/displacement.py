"""Displacement of points on the sky by a group's correction, with its covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.correction import design
from tweakreg_step.core.image_errors import displacement_terms
from tweakreg_step.core.sphere import directions, frames_at, to_plane

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray, IntArray
    from tweakreg_step.core.image_errors import ImageErrors
    from tweakreg_step.core.solution import Solution


__all__ = ["Displacement", "displacement_of", "image_covariance_at", "worst_corner"]


@dataclass(frozen=True, slots=True)
class Displacement:
    """The displacement of K points.

    Attributes
    ----------
    shift
        (K, 2) corrected - input in the plane tangent at the group's centre, axes east and north
        there [arcsec].
    covariance
        (K, 2, 2) of it [arcsec^2]; NaN where it is not known.
    """

    shift: FloatArray
    covariance: FloatArray


def displacement_of(
    solution: Solution, group: int, ra: FloatArray, dec: FloatArray
) -> Displacement:
    """The displacement of points that move with a group.

    Parameters
    ----------
    solution
        The solution.
    group
        Index of the group.
    ra, dec
        (K,) through the input WCS [deg].
    """
    frame = frames_at(solution.groups.ra[group], solution.groups.dec[group])
    local = to_plane(directions(ra, dec), frame)
    shift = local @ solution.groups.matrix[group].T + solution.groups.shift[group] - local
    theta = np.broadcast_to(
        solution.groups.parameters[group], (len(local), solution.groups.parameters.shape[1])
    )
    slope = design(solution.geometry, theta, local)
    covariance = slope @ solution.groups.covariance[group] @ np.swapaxes(slope, 1, 2)
    return Displacement(shift, covariance)


def image_covariance_at(
    images: ImageErrors, covariance: FloatArray, image: int, ra: FloatArray, dec: FloatArray
) -> FloatArray:
    """Covariance (K, 2, 2) of the displacement of points of an image, east and north [arcsec^2].

    Parameters
    ----------
    images
        Errors of the images.
    covariance
        (I, 6, 6) of the coefficients, one of those in `images`.
    image
        Index of the image.
    ra, dec
        (K,) through the input WCS [deg].
    """
    frame = frames_at(images.ra[image], images.dec[image])
    place = to_plane(directions(ra, dec), np.broadcast_to(frame, (len(ra), 3, 3)))
    slope = displacement_terms(place)
    return np.asarray(slope @ covariance[image] @ np.swapaxes(slope, 1, 2))


def worst_corner(
    solution: Solution, group: int, corners: FloatArray, images: IntArray
) -> tuple[int, Displacement] | None:
    """The corner of a group's images with the largest error of its displacement.

    Parameters
    ----------
    solution
        The solution.
    group
        Index of the group.
    corners
        (I, 4, 2) RA, DEC [deg] of all images' corners through the input WCS; NaN where unknown.
    images
        (K,) indices of the group's images.

    Returns
    -------
    image, displacement
        Index of the corner's image, and its displacement; None where no corner is known. Of corners
        with equal errors (those of a shift) it is the one farthest from the centre.
    """
    flat = corners[images].reshape(-1, 2)
    known = np.flatnonzero(np.isfinite(flat).all(axis=1))
    if len(known) == 0:
        return None
    flat = flat[known]
    every = displacement_of(solution, group, flat[:, 0], flat[:, 1])
    frame = frames_at(solution.groups.ra[group], solution.groups.dec[group])
    distance = np.hypot(*to_plane(directions(flat[:, 0], flat[:, 1]), frame).T)
    variance = np.nan_to_num(np.trace(every.covariance, axis1=1, axis2=2))
    # relative to the largest, so that rounding does not choose between equal ones
    size = np.round(variance / max(float(variance.max()), 1e-300), 6)
    worst = int(np.lexsort((distance, size))[-1])
    part = slice(worst, worst + 1)
    image = int(images[known[worst] // corners.shape[1]])
    return image, Displacement(every.shift[part], every.covariance[part])
