"""The corrector of an image as bytes and a few numbers, of which tweakwcs's is made when needed.

A corrector of tweakwcs holds several copies of the WCS, 0.6 MB, and 1.2 MB once it has a
correction; making it takes longer than all positions that an alignment asks for. These follow from
the WCS as bytes, 11 kB, two rotations, and the correction: between the detector's distortion and
the sky a GWCS with the frame ``v2v3`` has rotations alone.
"""

from __future__ import annotations

import logging
import pickle
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.modeling.models import Identity, RotationSequence3D
from astropy.table import Table
from gwcs import WCS

from tweakreg_step.core.sphere import directions, from_plane, to_plane

from .delivered import CORRECTED, delivered, present_correction

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox
    from tweakreg_step.telescopes.image import View
    from tweakreg_step.telescopes.telescope import Telescope

__all__ = ["PackedCorrector", "PackedWcs", "packed_corrector"]

log = logging.getLogger(__name__)

DEGREE = 3600.0  # arcsec

_FRAMES = ("v2v3",), ("v2v3", "v2v3vacorr")
"""Frames between the first and the last one of a WCS as delivered."""

_SAME = 1e-12
"""Directions that differ by less are the same: 2e-4 mas."""

_GRID = 5
"""Pixels along each axis, corners and middle among them, whose places are kept: all but those of
sources that an alignment asks for, and several times."""


@dataclass(frozen=True, slots=True)
class PackedWcs:
    """A GWCS as bytes, for this process and its workers alone."""

    content: bytes

    @classmethod
    def of(cls, wcs: Any) -> PackedWcs:
        """Pack it."""
        return cls(zlib.compress(pickle.dumps(wcs, pickle.HIGHEST_PROTOCOL), 1))

    def unpacked(self) -> Any:
        """A WCS of one's own, the same to the bit."""
        return pickle.loads(zlib.decompress(self.content))  # noqa: S301 - bytes of our own


@dataclass(slots=True)
class PackedCorrector:
    """Stands for the tweakwcs corrector of an image with a GWCS.

    Attributes
    ----------
    view
        The view of the image; its WCS is packed.
    telescope
        The mission, which makes the corrector.
    meta
        The name of the image, ``name``.
    bounding_box
        Limits of the image in pixels.
    detector_frame, sky_frame
        (3, 3) of the tangent plane among directions in V2-V3, and on the sky.
    pixels, places
        (K, 2) some pixels, and their positions in the tangent plane [arcsec], without correction.
    matrix, shift
        (2, 2), (2,) the correction [arcsec], in the tangent plane.
    found
        Matrix and shift that the WCS had when it was packed.
    """

    view: View
    telescope: Telescope
    meta: dict[str, Any]
    bounding_box: BoundingBox | None
    detector_frame: FloatArray
    sky_frame: FloatArray
    pixels: FloatArray
    places: FloatArray
    matrix: FloatArray = field(default_factory=lambda: np.eye(2))
    shift: FloatArray = field(default_factory=lambda: np.zeros(2))
    found: tuple[FloatArray, FloatArray] = field(default_factory=lambda: (np.eye(2), np.zeros(2)))

    @property
    def wcs(self) -> Any:
        """The WCS with its correction, made anew each time.

        tweakwcs corrects a WCS without distortion, of which it makes four copies in less than half
        the time; the distortion is what it was.
        """
        own = self.view.wcs.unpacked()
        if np.array_equal(self.matrix, self.found[0]) and np.array_equal(self.shift, self.found[1]):
            return own
        own = _as_delivered(own)
        if np.array_equal(self.matrix, np.eye(2)) and not self.shift.any():
            return own
        steps = [(step.frame, step.transform) for step in own.pipeline]
        distorted, rest = steps[:-2], steps[-2:]
        plain = WCS([*((frame, Identity(2)) for frame, _ in distorted), *rest], name=own.name)
        view = replace(self.view, wcs=plain)
        corrector = self.telescope.corrector(view, Table(), self.meta["name"], "")
        corrector.set_correction(matrix=self.matrix, shift=self.shift)
        corrected = corrector.wcs.pipeline[len(distorted) :]
        rest = [(step.frame, step.transform) for step in corrected]
        return WCS([*distorted, *rest], name=own.name)

    @property
    def ref_angles(self) -> dict[str, float]:
        """Angles v2_ref, v3_ref [arcsec] and roll_ref [deg]."""
        return dict(self.view.angles)

    def set_correction(self, matrix: FloatArray, shift: FloatArray) -> None:
        """Compose an affine transformation [arcsec] with the correction that there is."""
        matrix = np.asarray(matrix, float)
        np.linalg.inv(matrix)  # raises what tweakwcs would raise, of an image without area
        self.shift = matrix @ self.shift + np.asarray(shift, float)
        self.matrix = matrix @ self.matrix

    def from_pixels(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Positions (N, 2) [arcsec] in the tangent plane, of pixels x, y (N,)."""
        places = self._known(x, y) if len(x) <= len(self.pixels) else None
        if places is None:
            places = _in_plane(_to_v2v3(self.view.wcs), self.detector_frame, x, y)
        return np.asarray(places @ self.matrix.T + self.shift)

    def _known(self, x: FloatArray, y: FloatArray) -> FloatArray | None:
        same = (x[:, None] == self.pixels[:, 0]) & (y[:, None] == self.pixels[:, 1])
        return self.places[same.argmax(axis=1)] if same.any(axis=1).all() else None


def packed_corrector(view: View, telescope: Telescope, name: str) -> PackedCorrector | None:
    """The packed corrector of an image.

    None where its WCS has other frames than those of one as delivered and that of a correction,
    another transform to the sky than a rotation, or another correction than tweakwcs makes.
    """
    frames = tuple(getattr(view.wcs, "available_frames", ()))
    own = tuple(frame for frame in frames[1:-1] if frame != CORRECTED)
    if own not in _FRAMES or len(set(frames)) < len(frames):
        return None
    try:
        return _packed(view, telescope, name)
    except MemoryError:
        raise
    except Exception as error:  # tweakwcs's corrector will say what is wrong with it
        log.debug("%s: not packed", name, exc_info=error)
        return None


def _packed(view: View, telescope: Telescope, name: str) -> PackedCorrector | None:
    wcs, angles = _as_delivered(view.wcs), view.angles
    *_, before, last = wcs.available_frames
    to_sky = wcs.get_transform(before, last)
    wcs.get_transform(last, "v2v3")  # tweakwcs can't correct a WCS that has no way back
    turned = directions(*to_sky(DEGREE * _AXES[0], DEGREE * _AXES[1]))  # rows: the axes on the sky
    tried = directions(*to_sky(DEGREE * _TRIED[0], DEGREE * _TRIED[1]))
    if not np.allclose(directions(*_TRIED) @ turned, tried, rtol=0.0, atol=_SAME):
        return None
    # as tweakwcs has it: the plane's axes are the second and third of the turned system
    order = (angles["v2_ref"] / DEGREE, -angles["v3_ref"] / DEGREE, angles["roll_ref"])
    rotation = np.stack(RotationSequence3D(order, "zyx")(*np.eye(3)))
    detector_frame = rotation[[1, 2, 0]]
    (x0, x1), (y0, y1) = wcs.bounding_box
    box = (float(x0), float(x1)), (float(y0), float(y1))
    pixels = _known_pixels(*box)
    to_v2v3 = wcs.get_transform(wcs.available_frames[0], before)
    matrix, shift = found = present_correction(view.wcs)
    packed = PackedCorrector(
        view=replace(view, wcs=PackedWcs.of(view.wcs)),
        telescope=telescope,
        meta={"name": name},
        bounding_box=box,
        detector_frame=detector_frame,
        sky_frame=detector_frame @ turned,
        pixels=pixels,
        places=_in_plane(to_v2v3, detector_frame, *pixels.T),
        matrix=matrix,
        shift=shift,
        found=found,
    )
    return packed if wcs is view.wcs or _agrees(packed, view.wcs) else None


def _agrees(packed: PackedCorrector, wcs: Any) -> bool:
    """Whether pixels lie where a WCS that was corrected has them."""
    places = from_plane(packed.from_pixels(*packed.pixels.T), packed.sky_frame)
    there = directions(*wcs.forward_transform(*packed.pixels.T))
    return bool(np.allclose(places, there, rtol=0.0, atol=_SAME))


def _as_delivered(wcs: Any) -> Any:
    """The WCS without its correction; the same object where it has none."""
    return delivered(wcs) if CORRECTED in wcs.available_frames else wcs


def _known_pixels(x: tuple[float, float], y: tuple[float, float]) -> FloatArray:
    """A grid over limits, and the neighbours of its middle that tell the scale (K, 2)."""
    grid = np.meshgrid(np.linspace(*x, _GRID), np.linspace(*y, _GRID))
    middle = np.array([0.5 * (x[0] + x[1]), 0.5 * (y[0] + y[1])])
    beside = middle + np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    return np.concatenate([np.stack([axis.ravel() for axis in grid], axis=1), beside])


def _in_plane(to_v2v3: Any, frame: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Positions (N, 2) [arcsec] in the tangent plane, of pixels x, y (N,)."""
    v2, v3 = to_v2v3(x, y)
    return to_plane(directions(v2 / DEGREE, v3 / DEGREE), frame)


_AXES = np.array([[0.0, 90.0, 0.0], [0.0, 0.0, 90.0]])
"""Longitudes and latitudes [deg] of the axes of a system."""

_TRIED = np.array([[0.0, 0.1, -0.1, 30.0, 200.0], [0.0, -0.1, 0.2, 40.0, -60.0]])
"""Where a transform to the sky is compared with a rotation [deg]."""


@lru_cache(maxsize=1)
def _to_v2v3(packed: PackedWcs) -> Any:
    """The transform from pixels to V2-V3 [arcsec]; the last one is kept: one asks several times."""
    wcs = _as_delivered(packed.unpacked())
    first, *_, before, _ = wcs.available_frames
    return wcs.get_transform(first, before)
