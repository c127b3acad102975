"""The user's files for the chips of an exposure: whose they are, and whether each chip has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tweakreg_step.core.exceptions import CatalogError
from tweakreg_step.core.wording import listed
from tweakreg_step.files.names import file_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tweakreg_step.sources.regions import Exclusions

__all__ = ["check_chips", "keys_of", "of_image", "part_of", "regions_of"]

T = TypeVar("T")

FIRST = "[SCI,1]"
"""Label of the first chip in the user's lists, also where a file has one image alone."""


def keys_of(name: str) -> tuple[str, ...]:
    """Names under which the user's lists may have an image, the nearest first."""
    file = file_of(name)
    return (name, file) if name != file else (name, f"{name}{FIRST}")


def of_image(known: Mapping[str, T], name: str) -> T | None:
    """The entry of an image, else that of its file; None where there is none."""
    return next((known[key] for key in keys_of(name) if key in known), None)


def regions_of(known: Mapping[str, Exclusions], name: str) -> Exclusions | None:
    """The user's regions for an image.

    Of a region file that is given for a file of several chips, regions in pixels are those of the
    first chip, as in TweakReg of DrizzlePac; those on the sky hold for all.
    """
    found, file = of_image(known, name), file_of(name)
    if found is None or name == file or name.endswith(FIRST) or name in known:
        return found
    sky = found.on_the_sky
    return sky if sky.regions else None


def part_of(known: Mapping[str, T], name: str) -> dict[str, T]:
    """The entries of a file and of its images."""
    return {key: value for key, value in known.items() if name in (key, file_of(key))}


def check_chips(
    known: Mapping[str, Path | None], images: Sequence[str], *, on_the_sky: bool
) -> None:
    """Refuse catalogs of an exposure that are not those of its chips.

    Parameters
    ----------
    known
        The user's catalogs, by image or by file.
    images
        Names of the images of the exposure.
    on_the_sky
        Whether positions are on the sky, so that a catalog may serve all chips.

    Raises
    ------
    CatalogError
        If there are more catalogs than chips, or pixels of one catalog would be those of several.
    """
    file = file_of(images[0])
    own = part_of(known, file)
    accepted = {key for name in images for key in keys_of(name)}
    beyond = [key for key, path in own.items() if key not in accepted and path is not None]
    if beyond:
        raise CatalogError(
            f"The list of catalogs has {len(own)} catalogs for '{file}', but it has {len(images)} "
            f"image{'s' * (len(images) > 1)}: {listed(images)}. Remove the others."
        )
    if len(images) > 1 and own.get(file) is not None and not on_the_sky:
        raise CatalogError(
            f"'{file}' has {len(images)} chips, but the list of catalogs names one catalog for it, "
            f"'{own[file]}', whose pixels can be those of one chip alone. Name one for each chip "
            "on the line, with None for a chip without, or set xyunits='degrees'."
        )
