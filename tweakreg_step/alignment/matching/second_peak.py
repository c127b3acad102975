"""Whether a second population of sources agrees with an offset of its own.

The sources that the first peak explains are set aside, in both catalogs, and the rest is searched
once more. So companions, spikes and crowding, which pair sources of the first peak with each other,
make no second peak, but sources that move in another way do: artefacts of the detector among stars,
or stars among artefacts. What a pattern leaves, such as spikes of which each image shows other
pieces, has a peak on either side of the first; only what one side has more than the other counts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from .offset_histogram import apart_from, mutual_count, search, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .offset_histogram import Pairs, Peaks


__all__ = ["OffsetAmbiguity", "no_ambiguity", "second_peaks"]

_SIGNIFICANT = float(np.log(1e-4))
"""Logarithm of the probability of chance of a second peak anywhere."""

_SHARE = 0.15
"""Excess of a second peak over that of the first from which on it is told: pairs of fragments and
companions that the first does not explain reach some per cent (see the page of verdicts)."""


@dataclass(frozen=True, slots=True)
class OffsetAmbiguity:
    """What speaks against the offsets of E edges, or of the groups that hang on them.

    Attributes
    ----------
    second
        (E,) sources that agree with another offset; 0: none.
    distance
        (E,) of that offset from the one that is believed [arcsec]; NaN: none.
    pinned
        (E,) sources of the believed offset that are at the same pixels of the detector although
        the WCS says that the telescope moved; 0 where they are not most of them.
    """

    second: IntArray
    distance: FloatArray
    pinned: IntArray

    def take(self, keep: IntArray | BoolArray) -> OffsetAmbiguity:
        """Those of an index or a mask."""
        return OffsetAmbiguity(*(getattr(self, item.name)[keep] for item in fields(self)))

    def only(self, mask: BoolArray) -> OffsetAmbiguity:
        """Those of a mask (E,), none for the others."""
        second, pinned = np.where(mask, self.second, 0), np.where(mask, self.pinned, 0)
        return OffsetAmbiguity(second, np.where(mask, self.distance, np.nan), pinned)

    @classmethod
    def joined(cls, parts: Sequence[OffsetAmbiguity]) -> OffsetAmbiguity:
        """Several in one."""
        columns = [[getattr(part, item.name) for part in parts] for item in fields(cls)]
        return cls(*(np.concatenate(column) for column in columns))

    @property
    def any(self) -> BoolArray:
        """(E,) whether there is one."""
        return (self.second > 0) | (self.pinned > 0)


def no_ambiguity(count: int) -> OffsetAmbiguity:
    """Nothing speaks against any of them."""
    return OffsetAmbiguity(
        np.zeros(count, np.int64), np.full(count, np.nan), np.zeros(count, np.int64)
    )


def second_peaks(
    pairs: Pairs, peaks: Peaks, radius: float, window: float, believed: BoolArray
) -> OffsetAmbiguity:
    """The second peaks of some of E edges, at the roll of the first.

    Parameters
    ----------
    pairs, peaks
        As searched and found.
    radius, window
        Of the search [arcsec].
    believed
        (E,) the edges of which the first peak is significant.
    """
    none = no_ambiguity(len(believed))
    second = turned(pairs.second, peaks.roll[pairs.edge])
    off = np.max(np.abs(pairs.first - second - peaks.offset[pairs.edge]), axis=1)
    rest = believed[pairs.edge] & apart_from(pairs, off <= window)
    if not rest.any():
        return none
    left = replace(pairs, second=second).take(rest)
    found = search(left, radius, window, np.zeros(1))
    # a pattern of the sky, such as spikes in pieces, has a peak on either side, alike in the mean
    mirrored = _counts(left, 2.0 * peaks.offset - found.offset, window)
    first, other = (p.count - p.density * window**2 for p in (peaks, found))
    told = believed & (found.log_chance < _SIGNIFICANT) & (other - mirrored > _SHARE * first)
    distance = np.hypot(*(found.offset - peaks.offset).T)
    return OffsetAmbiguity(
        np.where(told, found.count, 0), np.where(told, distance, np.nan), none.pinned
    )


def _counts(pairs: Pairs, offset: FloatArray, window: float) -> IntArray:
    """Detections (E,) that pair within a window around offsets (E, 2), the lesser of the two."""
    off = np.max(np.abs(pairs.first - pairs.second - offset[pairs.edge]), axis=1)
    return mutual_count(pairs, off <= 0.5 * window)
