"""A catalog of the user's, whose positions are compared with the pixels of its image."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from tweakreg_step.catalogs import read_named
from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.sources import Origin, pixel_origin

if TYPE_CHECKING:
    from pathlib import Path

    from tweakreg_step.core.sources import Sources
    from tweakreg_step.parameters import Parameters
    from tweakreg_step.telescopes import OpenImage

__all__ = ["read_given"]

log = logging.getLogger(__name__)

_COUNTED = {
    Origin.FROM_ONE: (
        "count pixels from 1, but were taken to count from 0",
        "xyorigin=1, where the names of its columns do not say it",
    ),
    Origin.FROM_ZERO: (
        "count pixels from 0, but were taken to count from 1",
        "xyorigin=0, or give its columns the names 'x' and 'y'",
    ),
}
"""What is wrong with positions, and what sets it right."""


def read_given(path: Path, image: OpenImage, name: str, parameters: Parameters) -> Sources:
    """The sources of a catalog of the user's, the centre of the first pixel at (0, 0).

    If its positions lie a pixel beside the sources of the image, as of lists that count from 1,
    they are corrected, unless the user gave 'xyorigin'.

    Raises
    ------
    CatalogError
        If it can't be read, or part of its positions lie a pixel beside the sources.
    """
    columns, selection = parameters.columns, parameters.selection
    sources, nameless = read_named(path, name, columns, selection, image.to_pixels)
    if columns.xyunits == "degrees" or len(sources) == 0:
        return sources
    chosen = "xyorigin" in parameters.given
    found = pixel_origin(sources, image.pixels())
    if found.origin is Origin.UNKNOWN and nameless and not chosen:
        log.warning(
            "The catalog '%s' has no names of columns, and the pixels of '%s' do not tell whether "
            "it counts them from 0 or from 1, as IRAF and SExtractor do: 0 is taken. Give "
            "'xyorigin'.",
            *(path, name),
        )
    if found.origin not in _COUNTED:
        return sources
    fact, remedy = _COUNTED[found.origin]
    told = (
        f"The positions of the catalog '{path}' seem to {fact}: those of {found.agreeing} of "
        f"{found.looked_at} sources lie (1, 1) pixel beside the light in '{name}'."
    )
    if chosen:
        log.warning("%s They are used as they are, since 'xyorigin' is given.", told)
        return sources
    if not found.clear:
        raise CatalogError(
            f"{told} Too few agree to correct it, and too many to use it as it is. Set {remedy}, "
            f"or xyorigin={columns.xyorigin} if it is right."
        )
    log.warning("%s They are corrected by it. Set %s.", told, remedy)
    shift = found.origin.shift
    return replace(sources, x=sources.x + shift, y=sources.y + shift)
