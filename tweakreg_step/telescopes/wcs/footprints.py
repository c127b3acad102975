"""Footprints, epochs and observatories of images, for the selection of reference stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Groups, Image, Observatory
    from tweakreg_step.core.sources import BoundingBox


__all__ = ["corners_of", "epoch_of", "group_epochs", "group_observatories", "region"]


def corners_of(images: Iterable[Image]) -> list[FloatArray]:
    """The corners (4, 2) of each image through its current WCS, RA and DEC [deg], in order.

    Where the WCS has no bounding box, that of the sources is used; (0, 2) if there are none.
    """
    return [image.plane.corners() for image in images]


def epoch_of(images: Iterable[Image], otherwise: float | None = None) -> float | None:
    """The mean time of all images [Julian year]; None if none is known.

    Parameters
    ----------
    images
        Images, of which some may have a time.
    otherwise
        A time for all images if none has one [Julian year].
    """
    times = sorted(float(image.epoch) for image in images if image.epoch is not None)
    return float(np.mean(times)) if times else otherwise


def group_epochs(groups: Groups) -> FloatArray:
    """The mean time (G,) of the images of each group [Julian year]; NaN where it is not known."""
    known = [image.epoch for image in groups.images]
    times = np.array([np.nan if epoch is None else float(epoch) for epoch in known])
    result = np.full(len(groups), np.nan)
    for group in range(len(result)):
        members = np.sort(times[(groups.of_image == group) & np.isfinite(times)])
        if len(members):
            result[group] = members.mean()
    return result


def group_observatories(groups: Groups) -> list[Observatory]:
    """Where the images (G,) of each group were taken: where the first of them was."""
    return [groups.images[images[0]].observatory for images in groups.members]


def region(wcs: Any, box: BoundingBox) -> str:
    """The corners of an image as an STC-S polygon [deg ICRS], '' where they are not finite.

    Parameters
    ----------
    wcs
        A GWCS.
    box
        ((xmin, xmax), (ymin, ymax)), the image [pixels].
    """
    corners = wcs.footprint(box, center=False, axis_type="spatial")
    if not np.isfinite(corners).all():
        return ""
    corners = np.column_stack([corners[:, 0] % 360.0, corners[:, 1]])
    return "POLYGON ICRS  " + " ".join(f"{angle:.9f}" for angle in corners.ravel())
