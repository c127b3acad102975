"""Where an alignment of correctors started from, kept in their ``meta``.

``relative_align`` and then ``absolute_align`` must give what one solution gives. The second call
therefore starts where the first one did, with what the first one was asked for, as long as nobody
has changed the correctors in between.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.wording import listed
from tweakreg_step.telescopes.wcs import StoredWcs

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.images import Image
    from tweakreg_step.core.sources import BoundingBox, Sources
    from tweakreg_step.parameters import MethodParameters, RelativeParameters

__all__ = ["Asked", "KeptStart", "common_start", "keep_start"]

log = logging.getLogger(__name__)

KEY = "tweakreg_start"
"""Of the start in the ``meta`` of a corrector."""

_PIXELS = np.meshgrid([0.0, 1000.0, 2000.0], [0.0, 1000.0, 2000.0])
"""Where a WCS is compared with what it was."""

_SAME = 1e-11
"""Positions that differ by less are the same [deg]: 4e-5 mas, more than rounding."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a relative alignment was asked for.

    Attributes
    ----------
    relative
        Its parameters.
    method
        Its method: the motions that were allowed, and the image that stays fixed.
    """

    relative: RelativeParameters
    method: MethodParameters


@dataclass(frozen=True, slots=True)
class KeptStart:
    """Where the alignment of one image started from, and what it left.

    Attributes
    ----------
    wcs
        The WCS before the alignment.
    asked
        What the relative alignment was asked for; None if there was none.
    sky, box
        Positions (2, K) [deg] by the WCS after the alignment, and its bounding box.
    group, sources
        Name of the group, and a checksum of the sources.
    absolute
        Whether the alignment was one to a reference.
    """

    wcs: StoredWcs
    asked: Asked | None
    sky: FloatArray
    box: BoundingBox | None
    group: Hashable
    sources: str
    absolute: bool

    @classmethod
    def of(
        cls, image: Image, wcs: StoredWcs, asked: Asked | None, *, absolute: bool = False
    ) -> KeptStart:
        """The start of an image that is now aligned, from its WCS before."""
        box = image.plane.bounding_box
        group = image.plane.corrector.meta.get("group_id")
        return cls(wcs, asked, _sky(image), box, group, _checksum(image.sources), absolute)

    def led_to(self, image: Image) -> bool:
        """Whether an image is as the alignment has left it: WCS, sources and group."""
        left = KeptStart.of(image, self.wcs, self.asked)
        named = (left.group, left.box, left.sources) == (self.group, self.box, self.sources)
        return named and np.allclose(left.sky, self.sky, rtol=0.0, atol=_SAME, equal_nan=True)


def _sky(image: Image) -> FloatArray:
    return np.stack(image.plane.sky(*(axis.ravel() for axis in _PIXELS)))


def _checksum(sources: Sources) -> str:
    columns = (sources.x, sources.y, sources.x_err, sources.y_err, sources.flux, sources.weight)
    digest = hashlib.sha256()
    for column in columns:
        digest.update(b"" if column is None else np.asarray(column, float).tobytes() + b";")
    return digest.hexdigest()


def keep_start(
    images: Sequence[Image],
    before: Sequence[StoredWcs],
    asked: Asked | None,
    *,
    absolute: bool = False,
) -> None:
    """Keep in the correctors' ``meta`` where their alignment started from.

    Parameters
    ----------
    images
        The images after the alignment.
    before
        (I,) their WCS before it.
    asked
        What the relative alignment was asked for; None if there was none.
    absolute
        Whether the alignment was one to a reference.
    """
    for image, wcs in zip(images, before, strict=True):
        image.plane.corrector.meta[KEY] = KeptStart.of(image, wcs, asked, absolute=absolute)


def common_start(images: Sequence[Image]) -> tuple[list[StoredWcs], Asked | None, bool] | None:
    """Where the alignment of some images started from, what it was asked for, whether absolutely.

    The images that were never aligned start from where they are. None if no image was aligned, if
    WCS, sources or group of one were changed since then, or if several alignments were asked for
    different things.
    """
    starts: list[KeptStart | None] = [image.plane.corrector.meta.get(KEY) for image in images]
    known = [(image, start) for image, start in zip(images, starts, strict=True) if start]
    if not known:
        return None
    changed = [image.name for image, start in known if not start.led_to(image)]
    if changed:
        log.info(
            "WCS, catalog or group of %s changed since the alignment before: this one starts anew.",
            listed(changed),
        )
        return None
    asked = [start.asked for _, start in known]
    if any(other != asked[0] for other in asked):
        log.info("The images are of several relative alignments: this one starts anew.")
        return None
    wcs = [
        start.wcs if start else StoredWcs.of(image.plane.corrector)
        for image, start in zip(images, starts, strict=True)
    ]
    return wcs, asked[0], any(start.absolute for _, start in known)
