"""Warnings where it is not known, or not used, where stars are at the time of the images."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs.reference import (
    as_published,
    catalog_years,
    has_motions,
    is_moved,
    stars_of,
)
from tweakreg_step.core.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from tweakreg_step.core.images import Image

__all__ = ["warn_of_stale", "warn_of_undated"]

log = logging.getLogger(__name__)

_LONG = 0.5
"""Years in which faint stars move by a few mas, more than an alignment's error."""

_USUAL_MOTION = 5.0
"""Proper motion of a faint star of the Galaxy [mas/yr], of which the common part matters."""


def warn_of_undated(images: Sequence[Image], stars: Table, when: float | None) -> None:
    """Say which images have no time, if stars move.

    Parameters
    ----------
    images
        The images.
    stars
        The reference catalog, at the epoch of the images.
    when
        That epoch [Julian year], None if it is not known.
    """
    undated = [image.name for image in images if image.epoch is None]
    if when is None and stars_of(as_published(stars)) is not None:
        log.warning(
            "Reference catalog %s has proper motions, but no image has a time: they are not used, "
            "and stars stay where they are in the catalog. Give the images their time "
            "('meta.exposure.mid_time', or 'meta.observation.date').",
            stars.meta["name"],
        )
    elif when is not None and undated and is_moved(stars) and len(undated) < len(images):
        log.warning(
            "%d of %d images have no time: %s. Stars are where they were for the others of their "
            "group, or at the mean time of all, %.3f. Give 'meta.exposure.mid_time', or "
            "'meta.observation.date'.",
            *(len(undated), len(images), listed(undated), when),
        )


def warn_of_stale(images: Sequence[Image], stars: Table) -> None:
    """Say how far off stars of unknown motion may be by the time of the images.

    Parameters
    ----------
    images
        The images.
    stars
        The reference catalog.
    """
    times = np.array([image.epoch for image in images if image.epoch is not None], float)
    if has_motions(stars) or len(times) == 0:
        return
    years = catalog_years(stars)
    if np.isfinite(years).any():
        first, last = float(np.nanmin(years)), float(np.nanmax(years))
        gap = float(max(np.max(times) - first, last - np.min(times)))
        what = f"has no proper motions, and its positions are up to {gap:.1f} years from the images"
    else:
        gap = float(np.ptp(times))
        what = f"has neither epoch nor proper motions, and the images span {gap:.1f} years"
    if gap <= _LONG:
        return
    log.warning(
        "Reference catalog %s %s: its stars are taken to stand still. Stars that drift together by "
        "%g mas a year would leave images %.0f mas off, unseen by any error that is given. Add "
        "'ref_epoch', 'pmra' and 'pmdec' (0 for galaxies), or use a catalog that has them.",
        *(stars.meta["name"], what, _USUAL_MOTION, _USUAL_MOTION * gap),
    )
