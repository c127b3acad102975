"""An image of an earlier run: what an alignment needs of it, without its file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from tweakreg_step.alignment import KnownPairs
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.images import Image
from tweakreg_step.core.sources import Sources
from tweakreg_step.core.wording import first_line
from tweakreg_step.telescopes.choose_mission import telescope_named
from tweakreg_step.telescopes.visits import visit_of_group
from tweakreg_step.telescopes.wcs import PackedWcs, box_of, packed_corrector, plane_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tweakreg_step.core.outcome import Verdict
    from tweakreg_step.telescopes import Telescope, View
    from tweakreg_step.telescopes.wcs import PackedCorrector

__all__ = ["KnownImage", "KnownRun", "bare_image", "image_of", "known_image", "with_sources"]


@dataclass(frozen=True, slots=True)
class KnownImage:
    """What an alignment needs of an image, in a form that can be written.

    Attributes
    ----------
    name, group
        Names of the image and of its group.
    mission
        Name of its mission.
    view
        Its WCS before the alignment, as an array of bytes, pointing angles and epoch.
    sources
        Its sources that can take part.
    unused
        Number of further sources, which can't.
    refused
        Verdict on an image that must not be changed, None for others.
    """

    name: str
    group: Hashable
    mission: str
    view: View
    sources: Sources
    unused: int
    refused: Verdict | None


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What a run knows that a later one needs not find again.

    Attributes
    ----------
    images
        Its images, as they were before they were aligned.
    pairs
        The motions of its pairs of groups.
    """

    images: tuple[KnownImage, ...] = ()
    pairs: KnownPairs = field(default_factory=KnownPairs)


def known_image(image: Image, view: View, telescope: Telescope) -> KnownImage:
    """An image that was read, with the view that it was read with."""
    wcs = view.wcs.unpacked() if isinstance(view.wcs, PackedWcs) else view.wcs
    packed = np.frombuffer(telescope.packed_wcs(wcs), np.uint8)
    return KnownImage(
        image.name,
        image.group,
        telescope.name,
        replace(view, wcs=packed),
        replace(image.sources, peak=None, flags=None),
        image.unused,
        image.refused,
    )


def image_of(known: KnownImage, *, packed: bool = True) -> Image:
    """The image as it was before it was aligned, with a packed corrector where that is possible.

    Raises
    ------
    InputError
        If its WCS can't be read, or be corrected.
    """
    telescope = telescope_named(known.mission)
    try:
        wcs = telescope.unpacked_wcs(np.asarray(known.view.wcs, np.uint8).tobytes())
    except MemoryError:
        raise
    except Exception as error:  # readers raise whatever they like on broken bytes
        raise InputError(
            f"The state's WCS of '{known.name}' can't be read: {first_line(error, 200)}. It "
            "must be as a run wrote it. Run the alignment again with save_state=True."
        ) from error
    view = replace(known.view, wcs=wcs)
    corrector = packed_corrector(view, telescope, known.name) if packed else None
    image = bare_image(known.name, view, known.group, telescope, corrector)
    return replace(with_sources(image, known.sources, known.unused), refused=known.refused)


def bare_image(
    name: str,
    view: View,
    group: Any,
    telescope: Telescope,
    packed: PackedCorrector | None = None,
) -> Image:
    """An image with its WCS, still without its sources; without a packed corrector, with its own.

    Raises
    ------
    InputError
        If its WCS can't be corrected.
    """
    corrector = packed or telescope.corrector(view, Table(), name, group)
    none = np.zeros(0)
    return Image(
        name=name,
        group=group,
        detector=view.detector,
        epoch=view.epoch,
        observatory=telescope.observatory,
        sources=Sources.at(none, none),
        plane=plane_of(corrector, None),
        visit=visit_of_group(group),
        band=view.band,
        guide_star=view.guide_star,
        corrected=view.corrected,
        members=view.members,
        detector_shift=telescope.detector_shift,
    )


def with_sources(image: Image, sources: Sources, unused: int) -> Image:
    """The image with its sources, and the number of those that can't be used."""
    corrector = image.plane.corrector
    plane = plane_of(corrector, box_of(corrector, sources.x, sources.y))
    return replace(image, sources=sources, plane=plane, unused=unused)
