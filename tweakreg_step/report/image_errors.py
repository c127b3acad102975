"""The errors of images: of all levels of motion together, at the centre and the worst corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment import image_covariance_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.image_errors import ImageErrors

    from .result import RunResult

__all__ = ["image_sigmas"]


def image_sigmas(
    result: RunResult, images: Sequence[int] | None = None, *, relative: bool = False
) -> FloatArray:
    """Errors (K, 2) per axis of images at their centres and worst corners [mas].

    Where an image is on the sky, if it is tied to a reference; if not, or if asked for, where it
    is among the images that are tied together, after their common motion. NaN where unknown.

    Parameters
    ----------
    result
        Result of a run.
    images
        (K,) indices of images; None: of all.
    relative
        Whether errors are to be those among the images.
    """
    chosen = range(len(result.images)) if images is None else images
    sigmas = np.full((len(chosen), 2), np.nan)
    if result.solution is None:
        return sigmas
    errors = result.solution.images
    for row, image in enumerate(chosen):
        if image < len(errors):
            sigmas[row] = _sigmas(errors, image, result.images.corners_before[image], relative)
    return sigmas


def _sigmas(errors: ImageErrors, image: int, corners: FloatArray, relative: bool) -> FloatArray:
    """Errors (2,) of an image at its centre and the worst of its corners (4, 2) [mas]."""
    one = errors.take(np.array([image]))
    covariance = one.relative if relative else one.claimed
    if not np.isfinite(covariance).all():
        return np.full(2, np.nan)
    corners = corners[np.isfinite(corners).all(axis=1)]
    ra = np.concatenate([one.ra, corners[:, 0]])
    dec = np.concatenate([one.dec, corners[:, 1]])
    there = image_covariance_at(one, covariance, 0, ra, dec)
    variance = np.maximum(0.5 * np.trace(there, axis1=1, axis2=2), 0.0)
    return np.asarray(1e3 * np.sqrt([variance[0], variance.max()]))
