"""Detections of all images on the sky, with errors, from the catalogs of the correctors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.catalogs import numbers
from tweakreg_step.catalogs.reference import (
    REFERENCE_SIGMA,
)
from tweakreg_step.core.detections import Detections
from tweakreg_step.core.groups import group_names, indices, unit_names
from tweakreg_step.core.memory import require_detections
from tweakreg_step.core.sphere import directions, frames_at, to_plane
from tweakreg_step.telescopes.visits import visit_of_group
from tweakreg_step.telescopes.wcs import from_sky, sky_of, to_detector, to_sky

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.sources import BoundingBox


__all__ = ["CENTROID_SIGMA", "REFERENCE_SIGMA", "gather", "unit_labels"]

log = logging.getLogger(__name__)

CENTROID_SIGMA = 0.05
"""Position error per axis where a catalog gives none [pixels]: typical for stars of S/N 20."""

CENTROID_FLOOR = 0.01
"""Error added in quadrature per axis [pixels]: the best that finders reach on real pixels."""

CENTROID_CEILING = 1000.0
"""Largest error of a position per axis [pixels]: beyond it the source is not known to be there."""

LARGEST = 1e5
"""No image has more pixels along an axis."""


def gather(correctors: Sequence[Any]) -> Detections:
    """Detections of all catalogs on the sky, through each corrector's current WCS.

    Sources without a finite position, or with a weight that is not positive, are left out.

    Parameters
    ----------
    correctors
        tweakwcs correctors; ``meta['catalog']`` has x, y [pixels] and perhaps x_err, y_err
        [pixels], flux and weight, ``meta['detector']`` perhaps the unit of detector motion.
    """
    require_detections(sum(len(corrector.meta["catalog"]) for corrector in correctors))
    labels = group_names(correctors), unit_labels(correctors), unit_names(correctors)
    numbers_of = np.stack([indices(names) for names in labels], axis=1).tolist()
    parts = [
        _detections(corrector, index, *numbers_of[index])
        for index, corrector in enumerate(correctors)
    ]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Detections.__slots__
    }
    return Detections(**columns)


def unit_labels(correctors: Sequence[Any]) -> list[tuple[str, str] | None]:
    """Detector and visit of each corrector: what moves as one; None where it has no detector.

    The visit is that of ``meta['visit']``, or what the group's name tells.
    """
    labels: list[tuple[str, str] | None] = []
    for detector, group, corrector in zip(
        unit_names(correctors), group_names(correctors), correctors, strict=True
    ):
        visit = corrector.meta.get("visit") or visit_of_group(group)
        labels.append(None if detector is None else (detector, str(visit)))
    return labels


def _detections(corrector: Any, image: int, group: int, unit: int, detector: int) -> Detections:
    catalog = _usable(corrector)
    x, y = (np.asarray(catalog[axis], float) for axis in ("x", "y"))
    # one pixel to the right and one up, in the same call: slopes convert pixel errors to arcsec
    steps = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    ra, dec = sky_of(corrector, x + steps[0][:, None], y + steps[1][:, None])
    frames = frames_at(ra[0], dec[0])
    slopes = np.stack([to_plane(directions(ra[k], dec[k]), frames) for k in (1, 2)], axis=-1)
    errors = _pixel_errors(catalog)
    covariance = np.einsum("nik,nk,njk->nij", slopes, errors**2, slopes)
    unit_xy, unit_to_sky = _in_unit(corrector, ra[0], dec[0], frames, unit)
    count = len(x)
    return Detections(
        ra=ra[0],
        dec=dec[0],
        covariance=covariance,
        group=np.full(count, group),
        image=np.full(count, image),
        unit=np.full(count, unit),
        unit_xy=unit_xy,
        unit_to_sky=unit_to_sky,
        flux=_column(catalog, "flux"),
        detector=np.full(count, detector),
    )


def _column(catalog: Table, name: str) -> FloatArray:
    """A column of numbers, NaN where it is masked and where there is none."""
    if name not in catalog.colnames:
        return np.full(len(catalog), np.nan)
    return numbers(catalog, name, f"'{catalog.meta.get('name', 'of an image')}'")


def usable_rows(catalog: Table, box: BoundingBox | None = None) -> NDArray[np.bool_]:
    """Mask (N,) of a catalog's rows that can take part in an alignment.

    They have finite positions, not farther off the image than its size, each position once to the
    precision of `CENTROID_FLOOR`, and a positive weight, if there are weights.

    Parameters
    ----------
    catalog
        Columns x, y [pixels] and perhaps weight.
    box
        ((xmin, xmax), (ymin, ymax)) of the image [pixels]; None if it is not known.
    """
    good = _with_numbers(catalog)
    good &= ~_far_off(catalog, box)
    return good & ~_repeated(catalog, good)


def _with_numbers(catalog: Table) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = np.isfinite(_column(catalog, "x")) & np.isfinite(
        _column(catalog, "y")
    )
    if "weight" in catalog.colnames:
        weight = _column(catalog, "weight")
        good = good & np.isfinite(weight) & (weight > 0)
    return good


def _far_off(catalog: Table, box: BoundingBox | None) -> NDArray[np.bool_]:
    """Mask (N,) of the positions farther off an image than its size: a search around them is long.

    Without a box, or with one that is infinite, the image may be as large as any.
    """
    far: NDArray[np.bool_] = np.zeros(len(catalog), bool)
    for axis, limits in zip(("x", "y"), box or ((np.nan, np.nan),) * 2, strict=True):
        low, high = sorted(map(float, limits)) if np.isfinite(limits).all() else (-LARGEST, LARGEST)
        position = _column(catalog, axis)
        far |= (position < low - (high - low)) | (position > high + (high - low))
    return far


def _repeated(catalog: Table, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask (N,) of the rows whose position an earlier good one has."""
    rows = np.flatnonzero(good)
    cells = [np.floor(_column(catalog, axis)[rows] / CENTROID_FLOOR) for axis in ("x", "y")]
    _, first = np.unique(cells[0] + 1j * cells[1], return_index=True)
    repeated: NDArray[np.bool_] = good.copy()
    repeated[rows[first]] = False
    return repeated


def _usable(corrector: Any) -> Table:
    """The rows of a corrector's catalog that can take part; a warning says why others can't."""
    catalog, box = corrector.meta["catalog"], corrector.bounding_box
    rows = usable_rows(catalog, box)
    with_numbers = _with_numbers(catalog)
    if dropped := int((with_numbers & ~rows).sum()):
        far = int((with_numbers & _far_off(catalog, box)).sum())
        log.warning(
            "%s: %d of %d sources are not used: %d are farther off the image than its size, %d "
            "repeat the position of another.",
            *(corrector.meta.get("name"), dropped, len(catalog), far, dropped - far),
        )
    return catalog[rows]


def _pixel_errors(catalog: Table) -> FloatArray:
    """Errors (N, 2) along x and y [pixels]: from weights ~ 1 / variance, else the catalog's own.

    `CENTROID_SIGMA` where a catalog has neither.
    """
    given = np.stack([_column(catalog, name) for name in ("x_err", "y_err")], axis=-1)
    weight = _column(catalog, "weight")
    usual = np.full(len(catalog), CENTROID_SIGMA)
    if np.isfinite(weight).any():
        with np.errstate(over="ignore"):
            usual = CENTROID_SIGMA * np.sqrt(np.nanmedian(weight) / weight)
        given[:] = np.nan  # the user's weights say more than the finder's errors
    errors = np.where(np.isfinite(given) & (given > 0), given, usual[:, None])
    return np.asarray(np.hypot(np.minimum(errors, CENTROID_CEILING), CENTROID_FLOOR))


def _in_unit(
    corrector: Any, ra: FloatArray, dec: FloatArray, frames: FloatArray, unit: int
) -> tuple[FloatArray, FloatArray]:
    """Positions (N, 2) in the detector's V2-V3 plane [arcsec] and their derivatives on the sky.

    The derivatives (N, 2, 2) are of (east, north) with respect to those positions.
    """
    count = len(ra)
    if unit < 0 or count == 0:
        return np.zeros((count, 2)), np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
    turn, centre = to_detector(corrector)
    plane = from_sky(corrector, ra, dec)
    # one arcsec along V2 and one along V3
    moved = [to_sky(corrector, plane + turn[axis]) for axis in (0, 1)]
    slopes = np.stack([to_plane(directions(*position), frames) for position in moved], axis=-1)
    return (plane - centre) @ turn.T, slopes
