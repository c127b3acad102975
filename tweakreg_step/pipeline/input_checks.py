"""Checks of the input of an alignment before it starts: catalogs, the fixed group."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from astropy.table import Table

from tweakreg_step.catalogs import numbers
from tweakreg_step.core.exceptions import CatalogError, ParameterError
from tweakreg_step.core.wording import listed, nearest
from tweakreg_step.files.names import file_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from tweakreg_step.core.images import Groups

__all__ = [
    "check_catalogs",
    "check_refimage",
    "fixed_group",
    "warn_of_groups",
    "warn_of_one_group",
    "warn_of_shared_groups",
]

log = logging.getLogger(__name__)


def check_catalogs(correctors: Sequence[Any]) -> None:
    """Make sure that each corrector has a catalog with positions in pixels.

    Raises
    ------
    CatalogError
        If one has none; the message names the corrector.
    """
    for index, corrector in enumerate(correctors):
        _check(corrector.meta, str(corrector.meta.get("name") or f"number {index}"))


def _check(meta: dict[str, Any], name: str) -> None:
    remedy = (
        "Give each corrector a table with 'x' and 'y' [pixels, the centre of the first at 0] as "
        "meta['catalog']"
    )
    catalog = meta.get("catalog")
    if not isinstance(catalog, Table):
        given = "catalog" in meta
        fact = f"is a {type(catalog).__name__}" if given else f"is not among {sorted(meta)}"
        raise CatalogError(
            f"meta['catalog'] of the corrector '{name}' {fact}, but it must be an astropy Table of "
            f"its image's sources. {remedy}."
        )
    missing = [column for column in ("x", "y") if column not in catalog.colnames]
    if missing:
        on_sky = {"ra", "dec"} <= {column.lower() for column in catalog.colnames}
        aside = "; world_to_det of the corrector makes them of RA and DEC" if on_sky else ""
        raise CatalogError(
            f"The catalog of the corrector '{name}' has the columns {catalog.colnames}, but "
            f"{' and '.join(map(repr, missing))} {'is' if len(missing) == 1 else 'are'} needed. "
            f"{remedy}{aside}."
        )
    for column in ("x", "y"):
        numbers(catalog, column, f"of the corrector '{name}'")


_REMEDY = (
    "Exposures of different times need different keywords of their observation (such as PROGRAM, "
    "OBSERVTN, VISIT, VISITGRP, SEQ_ID, ACT_ID, EXPOSURE), or a 'group_id' each, in the "
    "association, in 'meta' of a model, or in the 'meta' of a corrector."
)


def warn_of_shared_groups(
    names: Sequence[str], groups: Sequence[Hashable], detectors: Sequence[Hashable | None]
) -> None:
    """Warn of groups in which a detector occurs twice: what moves as one was taken at one time.

    Parameters
    ----------
    names
        (I,) of the images.
    groups, detectors
        (I,) group and detector of each, None where unknown.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(index)
    for group, indices in members.items():
        seen = Counter(detectors[i] for i in indices if detectors[i] is not None)
        twice = [name for name, count in seen.items() if count > 1]
        if not twice:
            continue
        some = [names[i] for i in indices if detectors[i] in twice]
        whole = f"All {len(names)} images are" if len(indices) == len(names) > 1 else "Images are"
        log.warning(
            "%s in the group '%s', in which %s occurs more than once (%s); but the images of a "
            "group are of one exposure, each of another detector, and move as one. %s",
            *(whole, group, listed(map(str, twice)), listed(some), _REMEDY),
        )


def warn_of_groups(groups: Groups) -> None:
    """As `warn_of_shared_groups`, of images that are there."""
    detectors = [image.detector for image in groups.images]
    names = [image.name for image in groups.images]
    warn_of_shared_groups(names, [image.group for image in groups.images], detectors)


def warn_of_one_group(groups: Sequence[Hashable], *, reference: bool) -> None:
    """Warn if images, of the groups (I,), are of one and there is no reference to align them to."""
    if len(groups) > 1 and len(set(groups)) == 1 and groups[0] and not reference:
        log.warning(
            "All %d images are in the group '%s', and two groups are needed to align them to each "
            "other, or 'abs_refcat' to align them to a catalog. Give one, or more exposures.",
            *(len(groups), groups[0]),
        )


def fixed_group(groups: Groups, refimage: str) -> Hashable | None:
    """The group that ``refimage`` names, by the name of an image or its own; None for none.

    Raises
    ------
    ParameterError
        If there is no such image or group.
    """
    if not refimage:
        return None
    for image in groups.images:
        named = refimage in {str(image.group), image.name}
        if named or _stem(refimage) == _stem(file_of(image.name)):
            return image.group
    names = [image.name for image in groups.images]
    raise _unknown(refimage, names, map(str, groups.names))


def check_refimage(refimage: str, images: Sequence[str], groups: Iterable[str]) -> None:
    """Refuse a name that is neither that of an image nor that of a group.

    Parameters
    ----------
    refimage
        The parameter 'refimage'; '' for none.
    images
        Names of the images.
    groups
        Names of their groups, as far as known; read one by one, and only if no image has the name.

    Raises
    ------
    ParameterError
        If there is no such image or group.
    """
    if not refimage or {_stem(refimage), _stem(file_of(refimage))} & set(map(_stem, images)):
        return
    seen = []
    for group in groups:
        if group == refimage:
            return
        seen.append(group)
    raise _unknown(refimage, images, seen)


def _unknown(refimage: str, images: Sequence[str], groups: Iterable[str]) -> ParameterError:
    named = sorted(set(groups))
    return ParameterError(
        f"There is no image or group '{refimage}', but 'refimage' must name one of the input that "
        "can be used. "
        f"{nearest(refimage, [*images, *named])}Images are: {listed(sorted(set(images)))}. Groups "
        f"are: {listed(named)}."
    )


def _stem(name: Any) -> str:
    return str(name).removesuffix(".fits").removesuffix(".asdf")
