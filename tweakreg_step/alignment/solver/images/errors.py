"""Errors of images: what all levels of motion together leave uncertain, at any point of an image.

A displacement of an image is affine to a good approximation, d(x) = s + g_x x + g_y y about its
centre. Its six coefficients are linear in the parameters of the image's group and of its units of
each level, so that their covariance J C J' holds what levels have in common: the motion of an
exposure that those of its detectors can take over is no error of an image. Relative errors are
those after the best common motion of all images of a component, F K with the coefficients weighted
by the area they move, is taken off: S C S', S = 1 - F K.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tweakreg_step.alignment.matching import members
from tweakreg_step.alignment.solver.hierarchy import linearise
from tweakreg_step.alignment.solver.links import Links
from tweakreg_step.alignment.solver.motions.field_motion import FieldMotion
from tweakreg_step.core.correction import parameter_count
from tweakreg_step.core.image_errors import ImageErrors
from tweakreg_step.core.sphere import (
    ARCSEC,
    directions,
    frames_of,
    plane_jacobian,
    ra_dec,
    to_plane,
)

from .places import places_of

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver.covariance import Covariance
    from tweakreg_step.alignment.solver.hierarchy import Model, Motions
    from tweakreg_step.alignment.solver.motions.levels import Level
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray
    from tweakreg_step.core.detections import Detections

    from .places import Places

__all__ = ["FIXED", "image_errors", "projection", "rows_of", "slopes_of"]

FIXED = 1e12
"""Weight in the common motion of images that are to stay."""

_GENERATORS = np.array(
    [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]]
)
"""Scale, stretch and shear."""


def image_errors(
    detections: Detections,
    solved: tuple[Model, Motions, Covariance],
    ties: tuple[IntArray, BoolArray],
    gauge: FloatArray,
) -> ImageErrors:
    """Covariances of the images' displacements.

    Parameters
    ----------
    detections
        The detections of the images.
    solved
        The model, its solution, and the covariance of all parameters before any gauge.
    ties
        Component (G,) of each group, -1 where it is not aligned, and whether it is anchored (G,).
    gauge
        (G, p) weights of the groups in the common motion that is taken off; of these it counts
        only whether one group is to stay fixed.
    """
    model, motions, covariance = solved
    count = int(detections.image.max(initial=-1)) + 1
    places = places_of(detections, count)
    group = detections.group[places.near]
    component, anchored = ties[0][group], ties[1][group]
    slope, index, corrected = slopes_of(places, detections, model, motions)
    row = np.broadcast_to(index[:, :, None], (*index.shape, index.shape[1]))
    blocks = covariance.entries(row, np.swapaxes(row, 1, 2))
    own = slope @ blocks @ np.swapaxes(slope, 1, 2)
    relative = own.copy()
    fixed = gauge[:, 0] > 1e-6 * FIXED * np.median(gauge[:, 0])
    for member in members(component):
        # where they are after the correction: a roll known to 100 arcsec and a shift of 0.3 arcsec
        # would else leave 0.15 mas of the prior
        part = replace(places, vectors=corrected).take(member), slope[member], index[member]
        weight = np.where(fixed[group[member]], FIXED, 1.0)
        relative[member] -= _common(*part, covariance, model, weight)
    if not model.levels:
        relative[fixed[group]] = 0.0  # its correction is zero; the entries are rounding errors
    ra, dec = ra_dec(places.vectors[:, 0])
    found = ImageErrors.empty(count)
    aligned = component >= 0
    for array, values in (
        (found.ra, ra),
        (found.dec, dec),
        (found.size, places.size),
        (found.relative, np.where(aligned[:, None, None], relative, np.nan)),
        (found.absolute, np.where((aligned & anchored)[:, None, None], own, np.nan)),
    ):
        array[places.image] = values
    return found


def rows_of(slope: FloatArray, index: IntArray, size: int) -> Any:
    """Derivatives (6 M, P) of the coefficients (M, 6) of images."""
    count, width = len(slope), slope.shape[2]
    columns = np.repeat(index, 6, axis=0).ravel()
    pointer = width * np.arange(6 * count + 1)
    return sparse.csr_matrix((slope.ravel(), columns, pointer), shape=(6 * count, size))


def slopes_of(
    places: Places, detections: Detections, model: Model, motions: Motions
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Derivatives (I, 6, k) of the coefficients of displacements, and their parameters (I, k).

    With them the corrected directions (I, 5, 3) of the points.
    """
    vectors, count = places.vectors.reshape(-1, 3), len(places.image)
    near = np.repeat(places.near, 5)
    every = np.arange(5 * count)
    links = Links(
        vectors=vectors,
        covariance=np.broadcast_to(np.eye(2), (5 * count, 2, 2)),
        group=detections.group[near],
        image=np.repeat(places.image, 5),
        detection=every,
        drift=np.zeros((5 * count, 2)),
        source=every,
        source_count=5 * count,
        detector=detections.detector[near],
        floor=np.zeros(5 * count),
    )
    seen = directions(detections.ra[near], detections.dec[near])
    step = to_plane(vectors, frames_of(seen))
    levels = tuple(
        level if isinstance(level, FieldMotion) else _carried(level, near, step)
        for level in model.levels
    )
    linear = linearise(links, replace(model, levels=levels), motions)
    frames = linear.frames.reshape(count, 5, 3, 3)
    turn = np.einsum("iak,ipbk->ipab", frames[:, 0, :2], frames[:, :, :2])
    columns = turn @ linear.columns.reshape(count, 5, 2, -1)
    slope = _coefficients(columns, places.size)
    return slope, linear.index.reshape(count, 5, -1)[:, 0], frames[:, :, 2]


def _carried(level: Level, near: IntArray, step: FloatArray) -> Level:
    """The level for points that are `step` (K, 2) [arcsec] away from detections `near` (K,)."""
    inward = np.linalg.pinv(level.to_sky[near])
    place = level.place[near] + np.einsum("nij,nj->ni", inward, step)
    return replace(level, unit=level.unit[near], place=place, to_sky=level.to_sky[near])


def _coefficients(moved: FloatArray, size: FloatArray) -> FloatArray:
    """Coefficients (I, 6, k) of affine displacements from those (I, 5, 2, k) of the five points."""
    width = 2.0 * size[:, None, None]
    along = (moved[:, 1] - moved[:, 2]) / width, (moved[:, 3] - moved[:, 4]) / width
    return np.concatenate([moved[:, 0], *along], axis=1)


def _common(
    places: Places,
    slope: FloatArray,
    index: IntArray,
    covariance: Covariance,
    model: Model,
    weight: FloatArray,
) -> FloatArray:
    """C - S C S' (M, 6, 6) of the images of one component, with weights (M,) in the gauge."""
    count = len(weight)
    basis, projected = projection(places, model, weight)
    rows = rows_of(slope, index, covariance.size)
    product = covariance.product(np.asarray(rows.T @ projected.reshape(6 * count, -1)))
    cross = (rows @ product).reshape(count, 6, -1)
    inner = np.einsum("mik,mil->kl", projected, cross)
    both = basis @ np.swapaxes(cross, 1, 2)
    return np.asarray(both + np.swapaxes(both, 1, 2) - basis @ inner @ np.swapaxes(basis, 1, 2))


def projection(places: Places, model: Model, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F and K' (M, 6, q) of images with weights (M,): common motions, and what fits them."""
    basis = _basis(places.vectors, places.size, parameter_count(model.geometry))
    area = np.broadcast_to(weight[:, None], basis.shape[:2]).copy()
    area[:, 2:] *= (0.5 * places.size**2)[:, None]
    weighted = basis * area[:, :, None]
    normal = np.einsum("mik,mil->kl", basis, weighted)
    scale = 1.0 / np.sqrt(np.diagonal(normal))
    inverse = np.linalg.pinv(normal * scale * scale[:, None], rcond=1e-12)
    return basis, np.einsum("kl,mil->mik", inverse * scale * scale[:, None], weighted)


def _basis(vectors: FloatArray, size: FloatArray, count: int) -> FloatArray:
    """Coefficients (M, 6, q) of common motions of images at points (M, 5, 3).

    Rotations of the sphere, then scale, stretch and shear in the plane tangent at the middle.
    """
    flat = vectors.reshape(-1, 3)
    local = frames_of(flat)
    middle = frames_of(flat.sum(axis=0))
    paths = [ARCSEC * np.cross(axis / ARCSEC, flat) for axis in middle]
    steps = [np.einsum("nij,nj->ni", local[:, :2], path) for path in paths]
    if count > 3:
        frame = np.broadcast_to(middle, (len(flat), 3, 3))
        place = to_plane(flat, frame)
        outward = plane_jacobian(place, frame, local)
        steps += [
            np.einsum("nij,nj->ni", outward, place @ generator.T)
            for generator in _GENERATORS[: count - 3]
        ]
    shape = (*vectors.shape[:2], 2, len(steps))
    moved = np.stack(steps, axis=-1).reshape(shape)
    frames = local.reshape(*vectors.shape[:2], 3, 3)
    turn = np.einsum("iak,ipbk->ipab", frames[:, 0, :2], frames[:, :, :2])
    return _coefficients(turn @ moved, size)
