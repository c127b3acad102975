"""Images that do not move with their groups: which these are, and where they would be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.verdict import Rest, where_it_matches
from tweakreg_step.core.solution import ApartImage
from tweakreg_step.core.sphere import ARCSEC

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections

    from .canonical_order import Canonical
    from .group_rejection import AcceptedFit


__all__ = ["apart_images", "measured"]


def apart_images(accepted: AcceptedFit) -> list[ApartImage]:
    """The images that do not move with their group, though most of it agrees."""
    images = accepted.images
    if images is None:
        return []
    return [
        ApartImage(
            image=int(image),
            offset_mas=(1e3 * float(images.offset[image, 0]), 1e3 * float(images.offset[image, 1])),
            roll_arcsec=ARCSEC * float(images.roll[image]),
            matches=int(images.partners[image]),
        )
        for image in np.flatnonzero(images.apart)
    ]


def measured(
    apart: list[ApartImage],
    ordered: tuple[Canonical, Canonical],
    moved: FloatArray,
    accepted: AcceptedFit,
) -> list[ApartImage]:
    """Where the images are that were left out, by the fit of the others.

    Parameters
    ----------
    apart
        As they were found, when the fit had them, too.
    ordered
        All detections, and those of the fit.
    moved
        (N, 3) directions of all detections in the order of the input, moved with their groups.
    accepted
        The fit without them.
    """
    associated, problem = accepted.associated, accepted.problem
    if associated is None:
        return apart
    every, used = ordered
    row = np.zeros(every.total, np.int64)
    row[every.position] = np.arange(len(every.position))
    detections = every.detections, moved[every.position], row[used.position]
    rest = Rest.of(problem, associated, detections)
    return [_measured(one, rest, accepted, every.detections) for one in apart]


def _measured(
    one: ApartImage, rest: Rest, accepted: AcceptedFit, detections: Detections
) -> ApartImage:
    group = detections.group[detections.image == one.image][0]
    if accepted.problem.component[group] < 0:
        return one
    start = np.array([1e-3 * v for v in one.offset_mas] + [one.roll_arcsec / ARCSEC])
    places = (
        rest.place_of(one.image, start),
        where_it_matches(rest, accepted.problem.options, one.image),
    )
    best = max((p for p in places if p), key=lambda place: place.matches, default=None)
    if best is None:
        return one
    return replace(
        one,
        offset_mas=(1e3 * float(best.offset[0]), 1e3 * float(best.offset[1])),
        offset_sigma_mas=1e3 * best.offset_sigma,
        roll_arcsec=ARCSEC * best.roll,
        roll_sigma_arcsec=ARCSEC * best.roll_sigma,
        matches=best.matches,
    )
