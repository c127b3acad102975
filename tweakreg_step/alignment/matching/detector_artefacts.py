"""What stays on the detector while the telescope moves: hot pixels and other artefacts.

Two exposures of one detector show their artefacts at the same pixels. Where the WCS says that the
telescope moved by d between them, artefacts pile up at the offset -d, a peak as sharp as that of
the stars. Stars do so only if one of the WCS is off by the dither, to a fraction of a pixel; where
the WCS says that nothing moved, stars and artefacts can't be told apart, and nothing is said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .offset_histogram import log_chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .offset_histogram import Pairs


__all__ = ["Plate", "pinned_pairs"]

_SIGNIFICANT = float(np.log(1e-4))
"""Chance, for the one place where artefacts can be, of as many pairs at the same pixel."""

_ERRORS = 6.0
"""Radius of 'the same pixel' in errors of a difference per axis: undersampled single pixels have
larger errors than their signal tells. For stars of S/N 20 this is 0.4 pixel."""

_LEAST = 0.01
"""Least such radius [arcsec], a tenth to a third of a pixel of the imagers."""

_RING = 5.0
"""Chance is counted between the radius and this many of it."""


@dataclass(frozen=True, slots=True)
class Plate:
    """Where on which detector the N detections of a catalog are.

    Attributes
    ----------
    unit
        (N,) index of the detector, -1 where unknown.
    place
        (N, 2) in the detector's plane [arcsec].
    """

    unit: IntArray
    place: FloatArray

    def take(self, keep: BoolArray) -> Plate:
        """Those of a mask."""
        return Plate(self.unit[keep], self.place[keep])


def pinned_pairs(
    pairs: Pairs,
    plates: Sequence[tuple[Plate | None, Plate | None]],
    noise: FloatArray,
    window: float,
) -> BoolArray:
    """Which pairs (K,) are at one pixel although the WCS says that the telescope moved.

    None is, of an edge that has no more of them than chance gives.

    Parameters
    ----------
    pairs, plates
        Of E edges; None where nothing is known of a catalog's detectors.
    noise
        (E,) variance of a difference per axis [arcsec^2].
    window
        Of the search [arcsec]: peaks closer than this are not told apart.
    """
    gap = np.full(len(pairs.edge), np.inf)
    ends = np.searchsorted(pairs.edge, np.arange(len(plates) + 1))
    for number, (one, other) in enumerate(plates):
        part = slice(ends[number], ends[number + 1])
        if one is not None and other is not None:
            gap[part] = _gaps(one, other, pairs.first_index[part], pairs.second_index[part])
    moved = np.max(np.abs(pairs.first - pairs.second), axis=1) > window
    radius = np.clip(_ERRORS * np.sqrt(noise), _LEAST, max(0.5 * window, _LEAST))[pairs.edge]
    same = moved & (gap <= radius)
    near = moved & (gap > radius) & (gap <= _RING * radius)
    count, ring = (np.bincount(pairs.edge[m], minlength=len(plates)) for m in (same, near))
    expected = np.asarray((ring + 1.0) / (_RING**2 - 1.0), float)
    sure = log_chance(count.astype(float), expected) < _SIGNIFICANT
    return np.asarray(same & sure[pairs.edge])


def _gaps(one: Plate, other: Plate, first: IntArray, second: IntArray) -> FloatArray:
    """Distances (K,) on the detector [arcsec], infinite for pairs of two detectors."""
    gap = np.hypot(*(one.place[first] - other.place[second]).T)
    unit = one.unit[first]
    return np.asarray(np.where((unit >= 0) & (unit == other.unit[second]), gap, np.inf))
