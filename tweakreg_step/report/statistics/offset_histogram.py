"""All differences of two catalogs' positions, where they pile up, and whether that is chance.

Through the input WCS, as the search for offsets sees them: the "2-D histogram".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching import Reach, catalog_of, make_pairs, search, window_of
from tweakreg_step.core.correction import move
from tweakreg_step.core.options import Options
from tweakreg_step.core.sphere import angular_distance, directions, frames_of, ra_dec, to_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tweakreg_step.alignment.matching import Catalog
    from tweakreg_step.core.arrays import FloatArray
    from tweakreg_step.core.detections import Detections, Reference
    from tweakreg_step.report.result import RunResult


__all__ = ["REFERENCE", "Differences", "differences_of", "option"]

REFERENCE = -1
"""Stands for the reference catalog where a group's number is expected."""

MARGIN = 1.5
"""The histogram reaches so much farther than the search, to show what the search can't see."""

_MOST = 3000
"""Positions of a catalog that take part; of more, the brightest or else an even sample."""

_DOUBLE = 0.1
"""Positions closer than this [arcsec] are one star, counted once."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences first - second of two catalogs.

    Attributes
    ----------
    first, second
        Numbers of the groups, or `REFERENCE`.
    radius, reach
        Largest offset that the run looked for, and that is shown [arcsec].
    offsets
        (K, 2) differences east and north [arcsec].
    peak
        (2,) where most of them pile up [arcsec], NaN where there is none.
    count, chance
        Stars in the peak, and how many chance would put there.
    log10_chance
        Logarithm of the probability that chance does as well anywhere.
    expected
        (2,) where the corrections that were found say that the peak is, NaN where there are none.
    size
        Positions of each catalog that took part, of how many.
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
        """Whether chance is excluded, as the search understands it (1 in 10,000)."""
        return self.log10_chance < -4.0

    @property
    def beyond(self) -> bool:
        """Whether the peak lies where the search did not look."""
        return bool(np.hypot(*self.peak) > self.radius)


@dataclass(frozen=True, slots=True)
class _Positions:
    """A catalog's share: directions (K, 3), covariances, image numbers, and how many there were."""

    vectors: FloatArray
    covariance: FloatArray
    image: NDArray[np.int64]
    total: int

    def catalog(self, separation: float) -> Catalog:
        """As the search takes it."""
        return catalog_of(self.vectors, self.covariance, self.image, separation, _DOUBLE)


def option(result: RunResult, name: str, otherwise: float) -> float:
    """The value of a parameter of the run that is a number."""
    for known, value, _ in result.parameters:
        if known == name and isinstance(value, (int, float)):
            return float(value)
    return otherwise


def differences_of(result: RunResult, first: int, second: int) -> Differences | None:
    """The differences of a group (or of the reference) and a group; None without any positions.

    Parameters
    ----------
    result
        Of the run.
    first, second
        Numbers of groups; `first` may be `REFERENCE`.
    """
    if result.detections is None:
        return None
    usual, prefix = Options(), "abs_" if first == REFERENCE else ""
    radius = option(result, f"{prefix}searchrad", getattr(usual, f"{prefix}searchrad"))
    tolerance = option(result, f"{prefix}tolerance", getattr(usual, f"{prefix}tolerance"))
    reach = Reach(MARGIN * radius, 0.0, tolerance)
    own = _of_group(result.detections, second)
    if first == REFERENCE:
        other = _of_reference(result.reference, second, own.vectors, reach.radius)
    else:
        other = _of_group(result.detections, first)
    if not (len(own.vectors) and len(other.vectors)) or radius <= 0.0:
        return None
    return _compared(result, (first, second), (other, own), reach)


def _compared(
    result: RunResult,
    numbers: tuple[int, int],
    positions: tuple[_Positions, _Positions],
    reach: Reach,
) -> Differences:
    separation = option(result, "separation", Options().separation)
    other, own = positions
    catalogs = (
        other.catalog(0.0 if numbers[0] == REFERENCE else separation),
        own.catalog(separation),
    )
    pairs = make_pairs([(catalogs[0].tree, catalogs[1].tree)], reach.radius)
    window = window_of(reach, catalogs[0].variance + catalogs[1].variance)
    peaks = search(pairs, reach.radius, window, np.zeros(1))
    none = len(pairs.edge) == 0
    middle = pairs.frames[0]
    expected = _motion(result, numbers[1], middle) - _motion(result, numbers[0], middle)
    return Differences(
        first=numbers[0],
        second=numbers[1],
        radius=reach.radius / MARGIN,
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
    """Which to keep (K <= 3000): the brightest, where nothing is known of it an even sample."""
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
    ra, dec = reference.ra, reference.dec
    if reference.epoch_ra is not None and reference.epoch_dec is not None:
        ra, dec = reference.epoch_ra[group], reference.epoch_dec[group]
    vectors = directions(ra, dec)
    middle = around.mean(axis=0)
    radius = angular_distance(around, middle).max() + margin
    near = np.isfinite(ra) & np.isfinite(dec) & (angular_distance(vectors, middle) <= radius)
    index = np.flatnonzero(near)
    total = len(index)
    index = index[_brightest(np.full(total, np.nan))]
    image = np.zeros(len(index), np.int64)
    return _Positions(vectors[index], reference.covariance[index], image, total)


def _motion(result: RunResult, group: int, frame: FloatArray) -> FloatArray:
    """By how much a group's correction moves (2,) [arcsec] the middle of a frame (3, 3)."""
    if group == REFERENCE:
        return np.zeros(2)
    solution = result.solution
    if solution is None or not np.isfinite(solution.groups.parameters[group]).all():
        return np.full(2, np.nan)
    ra, dec = ra_dec(frame[2])
    centre = float(solution.groups.ra[group]), float(solution.groups.dec[group])
    moved = move(ra, dec, centre, solution.groups.matrix[group], solution.groups.shift[group])
    return np.asarray(to_plane(directions(*moved)[None], frames_of(frame[2]))[0])
