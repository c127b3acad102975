"""Errors of images against the truth of a scene, in units of those that are claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import corrected_directions, image_covariance_at
from tweakreg_step.core.correction import affine
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.sphere import (
    ARCSEC,
    frames_at,
    frames_of,
    from_plane,
    ra_dec,
    to_plane,
)

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.solution import Solution

    from .sky import Scene, Setup

__all__ = ["image_errors_of", "without_rotation"]

_POINTS = np.array([[0, 0], [-1, -1], [1, -1], [1, 1], [-1, 1]], float)

_AREA = np.array([8.0, 1.0, 1.0, 1.0, 1.0]) / 12.0
"""Weights with which centre and corners of a square have the mean and the moments of its area."""


def image_errors_of(
    scene: Scene, setup: Setup, solution: Solution, *, relative: bool
) -> tuple[FloatArray, FloatArray]:
    """Errors and claims (I, 5, 2) [arcsec], east and north, at centre and corners of each image.

    Parameters
    ----------
    scene, setup
        The truth, and what it was drawn from.
    solution
        Of the scene.
    relative
        Whether errors are those after the best common rotation of all images.
    """
    points, true = _points(scene, setup)
    found = corrected_directions(points, solution)
    error = to_plane(found, frames_of(true))
    if relative:
        error = without_rotation(error, true)
    count = int(points.image.max()) + 1
    images = solution.images
    covariance = images.relative if relative else images.absolute
    sigma = np.full((count, len(_POINTS), 2), np.nan)
    for image in range(min(count, len(images))):
        if np.isfinite(covariance[image]).all():
            own = points.image == image
            there = image_covariance_at(images, covariance, image, points.ra[own], points.dec[own])
            sigma[image] = np.sqrt(np.diagonal(there, axis1=1, axis2=2))
    return error.reshape(sigma.shape), sigma


def without_rotation(error: FloatArray, true: FloatArray) -> FloatArray:
    """Errors (N, 2) less the rotation of the sphere that fits them best over the images' areas.

    Corners alone would give the rolls of images too much weight against where these lie.

    Parameters
    ----------
    error, true
        (N, 2) and (N, 3): errors and directions of centre and four corners of each image in turn.
    """
    local = frames_of(true)
    weight = np.sqrt(np.tile(_AREA, len(true) // len(_AREA)))[:, None]
    paths = [ARCSEC * np.cross(axis / ARCSEC, true) for axis in frames_of(true.sum(axis=0))]
    basis = np.stack([np.einsum("nij,nj->ni", local[:, :2], path) for path in paths], axis=-1)
    basis = basis / np.linalg.norm(basis, axis=(0, 1))
    column, other = np.linalg.qr((weight[:, :, None] * basis).reshape(-1, 3))
    common = np.linalg.solve(other, column.T @ (weight * error).ravel())
    return np.asarray(error - basis @ common)


def _points(scene: Scene, setup: Setup) -> tuple[Detections, FloatArray]:
    """Centre and corners of all images as they are seen, and where they are (N, 3)."""
    frames = frames_at(*scene.centre.T)
    rolls = np.zeros(scene.group_count) if setup.rolls is None else setup.rolls
    motion = np.column_stack([scene.motion_shift, scene.motion_roll, scene.motion_scale])
    own_matrix, own_shift = affine("rscale", motion)
    layers, seen, true, turns, observed = len(setup.detectors), [], [], [], []
    for group, (frame, roll) in enumerate(zip(frames, np.deg2rad(rolls), strict=True)):
        turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        for layer, centre in enumerate(setup.detectors):
            place = 0.5 * setup.side * _POINTS
            own = np.linalg.solve(own_matrix[layer], (place - own_shift[layer]).T).T
            there = (place + centre) @ turn.T
            true.append(from_plane(there, frame))
            moved = there + (own - place) @ turn.T - scene.shift[group]
            seen.append(from_plane(np.linalg.solve(scene.matrix[group], moved.T).T, frame))
            observed.append(own)
            turns.append(np.broadcast_to(turn, (len(_POINTS), 2, 2)))
    ra, dec = ra_dec(np.concatenate(seen))
    image = np.repeat(np.arange(scene.group_count * layers), len(_POINTS))
    simple = Detections.simple(ra, dec, image // layers, 1e-3, image)
    columns = {name: getattr(simple, name) for name in Detections.__slots__}
    columns |= {
        "unit": image % layers,
        "detector": image % layers,
        "unit_xy": np.concatenate(observed),
        "unit_to_sky": np.concatenate(turns),
    }
    return Detections(**columns), np.concatenate(true)
