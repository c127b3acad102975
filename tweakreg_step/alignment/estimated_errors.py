"""The errors that the fit has estimated, in the numbering of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.linalg import mean_variance
from tweakreg_step.core.image_errors import EstimatedError

if TYPE_CHECKING:
    from tweakreg_step.alignment.solver import AssociatedFit
    from tweakreg_step.core.arrays import FloatArray

    from .canonical_order import Canonical

__all__ = ["errors_of", "floors_of", "star_inflation_of"]


def errors_of(ordered: Canonical, associated: AssociatedFit) -> tuple[EstimatedError, ...]:
    """The errors that were estimated, in the numbering of the input."""
    parts = associated.fit.components
    detectors, groups = np.argsort(ordered.detector), np.argsort(ordered.group)
    usual = mean_variance(associated.links.covariance)
    found = []
    for number, (detector, group) in enumerate(
        zip(parts.detector.tolist(), parts.group.tolist(), strict=True)
    ):
        own = parts.label == number
        sigmas = (1e3 * float(np.sqrt(np.median(v[own]))) for v in (usual, parts.variance))
        found.append(
            EstimatedError(
                int(detectors[detector]) if detector >= 0 else -1,
                int(groups[group]) if group >= 0 else -1,
                bool(parts.given[number]),
                bool(parts.estimated[number]),
                int(parts.count[number]),
                *sigmas,
            )
        )
    return tuple(found)


def star_inflation_of(ordered: Canonical, associated: AssociatedFit) -> FloatArray:
    """Variance (M,) of each reference star, as estimated, over the usual one."""
    ratio = np.ones(ordered.star_total)
    fixed = associated.links.group < 0
    usual = mean_variance(associated.links.covariance[fixed])
    star = associated.star[associated.links.source[fixed]]
    ratio[ordered.star[star]] = associated.fit.components.variance[fixed] / usual
    return ratio


def floors_of(associated: AssociatedFit, count: int) -> FloatArray:
    """Rms (G,) of the part of the errors of a group's detections that was estimated [arcsec]."""
    own = associated.links.group >= 0
    group, added = associated.links.group[own], associated.fit.components.beside_given[own]
    size = np.maximum(np.bincount(group, minlength=count), 1)
    return np.asarray(np.sqrt(np.bincount(group, added, minlength=count) / size))
