"""Detections of all images on the sky, with errors, from their sources."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.catalogs.reference import (
    REFERENCE_SIGMA,
)
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.memory import require_detections
from tweakreg_step.core.sphere import directions, frames_at, to_plane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tweakreg_step.core.arrays import BoolArray, FloatArray
    from tweakreg_step.core.images import Groups, Image, Plane
    from tweakreg_step.core.sources import Sources


__all__ = [
    "CENTROID_SIGMA",
    "REFERENCE_SIGMA",
    "Rows",
    "gather",
    "rows_of",
    "usable",
    "warn_of_unused",
]

log = logging.getLogger(__name__)

CENTROID_SIGMA = 0.05
"""Position error per axis where a catalog gives none [pixels]: typical for stars of S/N 20."""

CENTROID_FLOOR = 0.01
"""Usual error per axis beside that of a catalog [pixels]: the best that finders reach on real
pixels. How large it is for each detector is estimated."""

CENTROID_CEILING = 1000.0
"""Largest error of a position per axis [pixels]: beyond it the source is not known to be there."""

LARGEST = 1e5
"""No image has more pixels along an axis."""


def gather(groups: Groups) -> Detections:
    """Detections of all images on the sky, through each image's current WCS.

    Sources that are not `usable` are left out.
    """
    require_detections(sum(len(image.sources) for image in groups.images))
    names = "group", "unit", "detector", "band", "visit", "guide"
    detector, told = (groups.units, groups.detectors), (groups.bands, groups.visits, groups.guides)
    of_images = np.stack([groups.of_image, *detector, *told], axis=1).tolist()
    parts = [
        _detections(image, {"image": index} | dict(zip(names, labels, strict=True)))
        for index, (image, labels) in enumerate(zip(groups.images, of_images, strict=True))
    ]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Detections.__slots__
    }
    return Detections(**columns)


def _detections(image: Image, labels: dict[str, int]) -> Detections:
    """The detections of an image; `labels` are its fields that number images and other things."""
    sources = usable(image)
    x, y = np.asarray(sources.x, float), np.asarray(sources.y, float)
    # one pixel to the right and one up, in the same call: slopes convert pixel errors to arcsec
    steps = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    ra, dec = image.plane.sky(x + steps[0][:, None], y + steps[1][:, None])
    frames = frames_at(ra[0], dec[0])
    slopes = np.stack([to_plane(directions(ra[k], dec[k]), frames) for k in (1, 2)], axis=-1)
    errors, unknown = _pixel_errors(sources)
    covariance = np.einsum("nik,nk,njk->nij", slopes, errors**2, slopes)
    scale = np.sqrt(np.abs(np.linalg.det(slopes)))
    unit_xy, unit_to_sky = _in_unit(image.plane, ra[0], dec[0], frames)
    count = len(x)
    return Detections(
        ra=ra[0],
        dec=dec[0],
        covariance=covariance,
        unit_xy=unit_xy,
        unit_to_sky=unit_to_sky,
        flux=np.asarray(sources.flux, float),
        epoch=np.full(count, np.nan if image.epoch is None else float(image.epoch)),
        floor=scale * unknown,
        **{name: np.full(count, label) for name, label in labels.items()},
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """The N sources of an image, by what keeps them from an alignment.

    Attributes
    ----------
    numbers
        (N,) whether position and weight, if there are weights, are numbers, the weight positive.
    far
        (N,) whether the position is farther off the image than its size.
    repeated
        (N,) whether an earlier source with numbers has the same position, to the precision of
        `CENTROID_FLOOR`.
    """

    numbers: BoolArray
    far: BoolArray
    repeated: BoolArray

    @property
    def usable(self) -> BoolArray:
        """(N,) whether the source can take part."""
        return self.numbers & ~self.far & ~self.repeated


def rows_of(image: Image) -> Rows:
    """Which sources of an image can take part in an alignment, by any method."""
    sources = image.sources
    numbers: BoolArray = np.isfinite(sources.x) & np.isfinite(sources.y)
    if sources.weight is not None:
        numbers = numbers & np.isfinite(sources.weight) & (sources.weight > 0)
    return Rows(numbers, _far_off(image), _repeated(sources, numbers))


def usable(image: Image) -> Sources:
    """The sources of an image that can take part in an alignment."""
    return image.sources[rows_of(image).usable]


def _far_off(image: Image) -> BoolArray:
    """Mask (N,) of the positions farther off the image than its size: a search around them is long.

    Without limits, or with infinite ones, the image may be as large as any.
    """
    box = image.plane.bounding_box
    far: BoolArray = np.zeros(len(image.sources), bool)
    positions = (image.sources.x, image.sources.y)
    for position, limits in zip(positions, box or ((np.nan, np.nan),) * 2, strict=True):
        low, high = sorted(map(float, limits)) if np.isfinite(limits).all() else (-LARGEST, LARGEST)
        far |= (position < low - (high - low)) | (position > high + (high - low))
    return far


def _repeated(sources: Sources, numbers: BoolArray) -> BoolArray:
    """Mask (N,) of the sources whose position an earlier one has, of those with `numbers` (N,)."""
    rows = np.flatnonzero(numbers)
    cells = [np.floor(np.asarray(p)[rows] / CENTROID_FLOOR) for p in (sources.x, sources.y)]
    _, first = np.unique(cells[0] + 1j * cells[1], return_index=True)
    repeated = numbers.copy()
    repeated[rows[first]] = False
    return repeated


def warn_of_unused(images: Iterable[Image]) -> None:
    """Say of each image how many sources with numbers are not used, and why."""
    for image in images:
        rows = rows_of(image)
        far = int((rows.numbers & rows.far).sum())
        dropped = int((rows.numbers & ~rows.usable).sum())
        if dropped:
            log.warning(
                "%s: %d of %d sources are not used: %d are farther off the image than its size, "
                "%d repeat the position of another.",
                *(image.name, dropped, len(image.sources), far, dropped - far),
            )


def _pixel_errors(sources: Sources) -> tuple[FloatArray, FloatArray]:
    """Errors (N, 2) along x and y, and the part (N,) of them that nobody gave [pixels].

    They are from weights ~ 1 / variance, else the catalog's own, `CENTROID_SIGMA` where a catalog
    has neither; with `CENTROID_FLOOR` in quadrature. Of weights only the ratios are known.
    """
    given = np.stack([np.asarray(e, float) for e in (sources.x_err, sources.y_err)], axis=-1)
    usual = np.full(len(sources), CENTROID_SIGMA)
    weight = sources.weight
    if weight is not None and np.isfinite(weight).any():
        with np.errstate(over="ignore"):
            usual = CENTROID_SIGMA * np.sqrt(np.nanmedian(weight) / weight)
        given[:] = np.nan  # the user's weights say more than the finder's errors
    stated = np.isfinite(given) & (given > 0)
    errors = np.minimum(np.where(stated, given, usual[:, None]), CENTROID_CEILING)
    floored = np.hypot(errors, CENTROID_FLOOR)
    typical = np.sqrt(0.5 * np.sum(floored**2, axis=1))
    return floored, np.where(stated.any(axis=1), CENTROID_FLOOR, typical)


def _in_unit(
    image: Plane, ra: FloatArray, dec: FloatArray, frames: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Positions (N, 2) in the detector's V2-V3 plane [arcsec] and their derivatives on the sky.

    The derivatives (N, 2, 2) are of (east, north) with respect to those positions.
    """
    count = len(ra)
    if count == 0:
        return np.zeros((count, 2)), np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
    turn, centre = image.to_detector()
    plane = image.from_sky(ra, dec)
    # one arcsec along V2 and one along V3
    moved = [image.to_sky(plane + turn[axis]) for axis in (0, 1)]
    slopes = np.stack([to_plane(directions(*position), frames) for position in moved], axis=-1)
    return (plane - centre) @ turn.T, slopes
