"""Images, the units of alignment, and the groups of images that move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from .arrays import FloatArray, IntArray
    from .outcome import Verdict
    from .sources import BoundingBox, Sources

__all__ = ["DETECTOR_SHIFT", "Groups", "Image", "Observatory", "Plane", "indices"]


DETECTOR_SHIFT = 0.02
"""How far a detector may be from where its WCS has it, where the mission does not say [arcsec]."""


class Plane(Protocol):
    """The present WCS of an image, and the plane tangent to the sky in which it is corrected."""

    @property
    def corrector(self) -> Any:
        """The tweakwcs corrector that holds the WCS, or what makes it."""

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel in the middle of the image [arcsec], NaN where unknown."""

    @property
    def bounding_box(self) -> BoundingBox | None:
        """Limits of the image in pixels as its WCS has them, None where it has none."""

    @property
    def limits(self) -> BoundingBox:
        """Limits of the image in pixels; raises `ValueError` if they are not known."""

    def corners(self) -> FloatArray:
        """RA, DEC (4, 2) [deg] of the corners, in order around the image; (0, 2) if unknown."""

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC [deg] of pixels, beyond the bounding box as well."""

    def from_pixels(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Positions (N, 2) in the plane [arcsec] of pixels (N,)."""

    def from_sky(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Positions (N, 2) in the plane [arcsec] of positions on the sky (N,) [deg]."""

    def to_sky(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """RA and DEC (N,) [deg] of positions (N, 2) in the plane [arcsec]."""

    def to_detector(self) -> tuple[FloatArray, FloatArray]:
        """Rotation (2, 2) and centre (2,) [arcsec] of the detector's own plane in this one."""


@dataclass(frozen=True, slots=True)
class Observatory:
    """A place on the line from the Sun through the Earth.

    Attributes
    ----------
    name
        Name of the place.
    beyond_earth
        How much farther from the Sun it is than the Earth, as a part of the Earth's distance.
    """

    name: str
    beyond_earth: float


@dataclass(frozen=True, slots=True)
class Image:
    """An image, the unit of alignment; a file may hold several.

    Attributes
    ----------
    name
        Name of the image.
    group
        Name of the group that it moves with.
    detector
        Names of the detector and the filter, None where unknown.
    epoch
        Middle of the exposure [Julian year], None where unknown.
    observatory
        Where it was taken.
    sources
        Its sources that can take part.
    plane
        Its WCS.
    visit, band, guide_star
        Names of its visit, of the filter, and of the guide star, '' where unknown.
    detector_shift
        How far its detector may be from where its WCS has it, per axis [arcsec].
    unused
        Number of further sources, which can't.
    refused
        Verdict on an image that must not be changed, None for others.
    corrected
        Whether the WCS in its file has the correction of an earlier alignment.
    members
        File names of the exposures that a mosaic was made of.
    """

    name: str
    group: Hashable
    detector: str | None
    epoch: float | None
    observatory: Observatory
    sources: Sources
    plane: Plane
    visit: str = ""
    band: str = ""
    guide_star: str = ""
    detector_shift: float = DETECTOR_SHIFT
    unused: int = 0
    refused: Verdict | None = None
    corrected: bool = False
    members: tuple[str, ...] = ()

    @property
    def bare_detector(self) -> str | None:
        """Name of the detector without that of the filter, None where unknown."""
        return None if self.detector is None else self.detector.removesuffix(f" {self.band}")


@dataclass(frozen=True, slots=True)
class Groups:
    """I images in G groups; those of a group move together.

    Attributes
    ----------
    images
        (I,) in the order of the input.
    names
        (G,) names of the groups, in the order of their first image.
    of_image
        (I,) index of each image's group.
    detectors
        (I,) index of each image's detector, -1 where it is unknown.
    units
        (I,) index of each image's unit of detector motion, its detector with its filter in its
        visit, or -1.
    bands, visits, guides
        (I,) index of each image's filter, visit, and what the telescope was guided by: its guide
        star where that is known, else its visit; -1 where unknown.
    """

    images: tuple[Image, ...]
    names: tuple[Hashable, ...]
    of_image: IntArray
    detectors: IntArray
    units: IntArray
    bands: IntArray
    visits: IntArray
    guides: IntArray

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(cls, images: Iterable[Image]) -> Self:
        """The groups of images."""
        images = tuple(images)
        names = [image.group for image in images]
        units = [
            None if image.detector is None else (image.bare_detector, image.band, image.visit)
            for image in images
        ]
        return cls(
            images=images,
            names=tuple(dict.fromkeys(names)),
            of_image=indices(names),
            detectors=indices([image.bare_detector for image in images]),
            units=indices(units),
            bands=indices([image.band or None for image in images]),
            visits=indices([image.visit or None for image in images]),
            guides=indices([image.guide_star or image.visit or None for image in images]),
        )

    @property
    def members(self) -> list[list[int]]:
        """(G,) indices of the images of each group."""
        members: list[list[int]] = [[] for _ in self.names]
        for image, group in enumerate(self.of_image.tolist()):
            members[group].append(image)
        return members


def indices(names: Sequence[Hashable]) -> IntArray:
    """Index of each name among the different ones, by first appearance; -1 for None."""
    known: dict[Hashable, int] = {}
    return np.array([-1 if n is None else known.setdefault(n, len(known)) for n in names], int)
