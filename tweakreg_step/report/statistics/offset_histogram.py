"""The offset histogram ("2-D histogram") of two catalogs through the input WCS, and its peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import Reach, catalog_of, make_pairs, search, window_of
from tweakreg_step.core.correction import move
from tweakreg_step.core.sphere import angular_distance, directions, frames_of, ra_dec, to_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.alignment.matching import Catalog
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.report.result import RunResult


__all__ = ["REFERENCE", "Differences", "differences_of"]

REFERENCE = -1
"""Number that stands for the reference catalog in place of a group's."""

MARGIN = 1.5
"""Radius of the histogram in search radii, to show peaks beyond the search."""

_MOST = 3000
"""Largest number of positions of a catalog; of more, the brightest or else an even sample."""

_DOUBLE = 0.1
"""Positions closer than this [arcsec] are counted as one star."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences first - second of two catalogs.

    Attributes
    ----------
    first, second
        Indices of the groups, or `REFERENCE`.
    radius, reach
        Largest offset of the run's search, and of the histogram [arcsec].
    offsets
        (K, 2) differences east and north [arcsec].
    peak
        (2,) offset of the peak [arcsec], NaN where there is none.
    count, chance
        Number of stars in the peak, and number expected by chance.
    log10_chance
        Logarithm of the probability of as high a chance peak at any offset.
    expected
        (2,) offset by the corrections that were applied [arcsec], NaN where the two are not tied
        to each other.
    size
        Number of positions used of each catalog, and its total number.
    """

    first: int
    second: int
    radius: float
    reach: float
    offsets: FloatArray
    peak: FloatArray
    count: int
    chance: float
    log10_chance: float
    expected: FloatArray
    size: tuple[tuple[int, int], tuple[int, int]]

    @property
    def significant(self) -> bool:
        """Whether the peak is significant by the criterion of the search (1 in 10,000)."""
        return self.log10_chance < -4.0

    @property
    def beyond(self) -> bool:
        """Whether the peak is beyond the search radius."""
        return bool(np.hypot(*self.peak) > self.radius)


@dataclass(frozen=True, slots=True)
class _Positions:
    """Positions of a catalog: directions (K, 3), covariances, images, and the total number."""

    vectors: FloatArray
    covariance: FloatArray
    image: NDArray[np.int64]
    total: int

    def catalog(self, separation: float) -> Catalog:
        """The catalog in the form that the search takes."""
        return catalog_of(self.vectors, self.covariance, self.image, separation, _DOUBLE)


def differences_of(result: RunResult, first: int, second: int) -> Differences | None:
    """The differences of a group (or of the reference) and a group; None without any positions.

    Parameters
    ----------
    result
        Result of the run.
    first, second
        Indices of groups; `first` may be `REFERENCE`.
    """
    if result.catalogs.detections is None:
        return None
    asked = result.run.options
    radius, tolerance = asked.searchrad, asked.tolerance
    if first == REFERENCE:
        radius, tolerance = asked.abs_searchrad, asked.abs_tolerance
    reach = Reach(max(MARGIN * radius, 1.2 * _advised(result, first, second)), 0.0, tolerance)
    own = _of_group(result.catalogs.detections, second)
    if first == REFERENCE:
        other = _of_reference(result.catalogs.reference, second, own.vectors, reach.radius)
    else:
        other = _of_group(result.catalogs.detections, first)
    if not (len(own.vectors) and len(other.vectors)) or radius <= 0.0:
        return None
    return _compared(result, (first, second), (other, own), (reach, radius))


def _advised(result: RunResult, first: int, second: int) -> float:
    """How far off [arcsec] the peak is that a verdict of one of the two names; 0 if none does."""
    solution = result.solution
    if solution is None:
        return 0.0
    findings = solution.absolute if first == REFERENCE else solution.relative
    own = [findings[group] for group in (first, second) if 0 <= group < len(findings)]
    peaks = [one.diagnosis.peak for one in own if one.diagnosis is not None]
    return max((peak for peak in peaks if np.isfinite(peak)), default=0.0)


def _compared(
    result: RunResult,
    numbers: tuple[int, int],
    positions: tuple[_Positions, _Positions],
    reaches: tuple[Reach, float],
) -> Differences:
    separation = result.run.options.separation
    (reach, radius), (other, own) = reaches, positions
    catalogs = (
        other.catalog(0.0 if numbers[0] == REFERENCE else separation),
        own.catalog(separation),
    )
    pairs = make_pairs([(catalogs[0].tree, catalogs[1].tree)], reach.radius)
    window = window_of(reach, catalogs[0].variance + catalogs[1].variance)
    peaks = search(pairs, reach.radius, window, np.zeros(1))
    none = len(pairs.edge) == 0
    middle = pairs.frames[0]
    expected = np.full(2, np.nan)
    if _tied(result, *numbers):
        expected = _motion(result, numbers[1], middle) - _motion(result, numbers[0], middle)
    return Differences(
        first=numbers[0],
        second=numbers[1],
        radius=radius,
        reach=reach.radius,
        offsets=pairs.first - pairs.second,
        peak=np.full(2, np.nan) if none else peaks.offset[0],
        count=0 if none else int(peaks.count[0]),
        chance=float(peaks.density[0] * window**2),
        log10_chance=float(peaks.log_chance[0] / np.log(10.0)),
        expected=expected,
        size=((catalogs[0].tree.n, other.total), (catalogs[1].tree.n, own.total)),
    )


def _of_group(detections: Detections, group: int) -> _Positions:
    good = np.isfinite(detections.ra) & np.isfinite(detections.dec)
    index = np.flatnonzero((detections.group == group) & good)
    total = len(index)
    index = index[_brightest(detections.flux[index])]
    vectors = directions(detections.ra[index], detections.dec[index])
    return _Positions(vectors, detections.covariance[index], detections.image[index], total)


def _brightest(flux: FloatArray) -> NDArray[np.int64]:
    """Indices (K <= 3000) of the brightest, or of an even sample if fluxes are unknown."""
    if len(flux) <= _MOST:
        return np.arange(len(flux))
    if np.isfinite(flux).any():
        return np.argsort(-np.nan_to_num(flux, nan=-np.inf), kind="stable")[:_MOST]
    return np.linspace(0, len(flux) - 1, _MOST).astype(np.int64)


def _of_reference(
    reference: Reference | None, group: int, around: FloatArray, margin: float
) -> _Positions:
    """Reference stars, at the epoch of a group, near its detections (N, 3)."""
    empty = _Positions(np.zeros((0, 3)), np.zeros((0, 2, 2)), np.zeros(0, np.int64), 0)
    if reference is None or len(around) == 0:
        return empty
    ra, dec = reference.seen_by(group)
    vectors = directions(ra, dec)
    middle = around.mean(axis=0)
    radius = angular_distance(around, middle).max() + margin
    near = np.isfinite(ra) & np.isfinite(dec) & (angular_distance(vectors, middle) <= radius)
    index = np.flatnonzero(near)
    total = len(index)
    index = index[_brightest(np.full(total, np.nan))]
    image = np.zeros(len(index), np.int64)
    return _Positions(vectors[index], reference.covariance[index], image, total)


def _tied(result: RunResult, first: int, second: int) -> bool:
    """Whether corrections were applied that bring the two together."""
    solution, groups = result.solution, result.groups
    if solution is None:
        return False
    if first == REFERENCE:
        return groups.absolute is None or groups.absolute[second].applied
    component = solution.groups.component
    together = component[first] >= 0 and component[first] == component[second]
    verdicts = groups.relative or groups.absolute
    return bool(together) and (
        verdicts is None or (verdicts[first].applied and verdicts[second].applied)
    )


def _motion(result: RunResult, group: int, frame: FloatArray) -> FloatArray:
    """Displacement (2,) [arcsec] by a group's correction at the centre of a frame (3, 3)."""
    if group == REFERENCE:
        return np.zeros(2)
    solution = result.solution
    if solution is None or not np.isfinite(solution.groups.parameters[group]).all():
        return np.full(2, np.nan)
    ra, dec = ra_dec(frame[2])
    centre = float(solution.groups.ra[group]), float(solution.groups.dec[group])
    moved = move(ra, dec, centre, solution.groups.matrix[group], solution.groups.shift[group])
    return np.asarray(to_plane(directions(*moved)[None], frames_of(frame[2]))[0])
