"""Detector artefacts, such as hot pixels, that stay at the same pixels while the telescope moves.

If the telescope moved by d between two exposures of one detector, artefacts have the offset -d and
make a peak in the offset histogram as sharp as that of the stars. Stars are at the same pixels only
if the error of a WCS equals the dither to a fraction of a pixel. Without a dither, stars and
artefacts can't be distinguished, and none is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching.offset_histogram import log_chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.matching.offset_histogram import Pairs
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = ["DetectorPositions", "pinned_pairs"]

_SIGNIFICANT = float(np.log(1e-4))
"""Logarithm of the probability of as many chance pairs at the same pixel, below which the pairs
are artefacts; there is only one offset to try."""

_ERRORS = 6.0
"""Radius of 'the same pixel' in errors of a difference per axis. Hot pixels are undersampled, so
that their errors are larger than their signal gives. For stars of S/N 20 this is 0.4 pixel."""

_LEAST = 0.01
"""Smallest such radius [arcsec], a tenth to a third of a pixel of the imagers."""

_RING = 5.0
"""Chance pairs are counted in a ring from the radius to this many radii."""


@dataclass(frozen=True, slots=True)
class DetectorPositions:
    """Positions of N detections on the detectors.

    Attributes
    ----------
    unit
        (N,) index of the detector, -1 where unknown.
    place
        (N, 2) position in the detector's V2-V3 plane [arcsec].
    """

    unit: IntArray
    place: FloatArray

    def take(self, keep: BoolArray) -> DetectorPositions:
        """The detections selected by a mask."""
        return DetectorPositions(self.unit[keep], self.place[keep])


def pinned_pairs(
    pairs: Pairs,
    on_detectors: Sequence[tuple[DetectorPositions | None, DetectorPositions | None]],
    noise: FloatArray,
    window: float,
) -> BoolArray:
    """Mask (K,) of pairs at the same pixel although, by the WCS, the telescope moved.

    Only of edges that have more of them than expected by chance.

    Parameters
    ----------
    pairs, on_detectors
        Pairs of E edges, and their catalogs' positions on the detectors, None where unknown.
    noise
        (E,) variance of a difference per axis [arcsec^2].
    window
        Side of the search's window [arcsec]: smaller dithers are not resolved.
    """
    gap = np.full(len(pairs.edge), np.inf)
    ends = np.searchsorted(pairs.edge, np.arange(len(on_detectors) + 1))
    for number, (one, other) in enumerate(on_detectors):
        part = slice(ends[number], ends[number + 1])
        if one is not None and other is not None:
            gap[part] = _gaps(one, other, pairs.first_index[part], pairs.second_index[part])
    moved = np.max(np.abs(pairs.first - pairs.second), axis=1) > window
    radius = np.clip(_ERRORS * np.sqrt(noise), _LEAST, max(0.5 * window, _LEAST))[pairs.edge]
    same = moved & (gap <= radius)
    near = moved & (gap > radius) & (gap <= _RING * radius)
    count, ring = (np.bincount(pairs.edge[m], minlength=len(on_detectors)) for m in (same, near))
    expected = np.asarray((ring + 1.0) / (_RING**2 - 1.0), float)
    sure = log_chance(count.astype(float), expected) < _SIGNIFICANT
    return np.asarray(same & sure[pairs.edge])


def _gaps(
    one: DetectorPositions, other: DetectorPositions, first: IntArray, second: IntArray
) -> FloatArray:
    """Distances (K,) of pairs on the detector [arcsec], infinite if on different detectors."""
    gap = np.hypot(*(one.place[first] - other.place[second]).T)
    unit = one.unit[first]
    return np.asarray(np.where((unit >= 0) & (unit == other.unit[second]), gap, np.inf))
