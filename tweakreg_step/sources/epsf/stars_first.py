"""Among many sources of an image, those that look as its stars are taken before the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.sources.flags import excluded

from .effective_psf import holds, like_stars

if TYPE_CHECKING:
    from tweakreg_step.core.sources import Sources
    from tweakreg_step.sources.cutouts import Plane

__all__ = ["stars_first"]


def stars_first(plane: Plane, sources: Sources, fwhm: float, number: int) -> Sources:
    """The sources without those that are no stars, if there are more than wanted.

    In a single exposure most sources are cosmic rays, which are brighter than faint stars: of the
    brightest, few would be stars.

    Parameters
    ----------
    plane, sources
        An image, and the n sources that were found in it, brightest first.
    fwhm
        FWHM of its stars [pixels].
    number
        Number of usable sources wanted.
    """
    usable = np.ones(len(sources), bool)
    if sources.flags is not None:
        usable = ~excluded(sources.flags)
    if usable.sum() <= number:
        return sources
    found = like_stars(plane, sources, fwhm)
    if found is None:
        return sources
    stars = usable & holds(found)
    others = np.flatnonzero(usable & ~stars)
    kept = ~usable | stars
    kept[others[: max(number - int(stars.sum()), 0)]] = True
    return sources[kept]
