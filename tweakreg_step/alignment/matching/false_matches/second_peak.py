"""A second peak in the offset histogram: a second population of sources with another offset.

The sources of the first peak are removed from both catalogs, and the rest is searched again.
Companions, diffraction spikes and crowding, which pair sources of the first peak with each other,
then make no second peak; sources that move differently do: detector artefacts among stars, or stars
among artefacts. A pattern on the sky, such as fragments of spikes, makes peaks on both sides of the
first, so that only the excess of one side over the other counts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching.offset_histogram import (
    disjoint_from,
    mutual_count,
    rotated,
    search,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.alignment.matching.offset_histogram import Pairs, Peaks
    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray


__all__ = ["OffsetAmbiguity", "no_ambiguity", "second_peaks"]

_SIGNIFICANT = float(np.log(1e-4))
"""Logarithm of the probability of a chance peak at any offset, below which a second one counts."""

_SHARE = 0.12
"""Excess of a second peak, in that of the first, above which it counts: pairs of fragments and
companions that the first does not explain reach some per cent (see the page of verdicts)."""


@dataclass(frozen=True, slots=True)
class OffsetAmbiguity:
    """Evidence for other offsets of E edges, or of groups that depend on those edges.

    Attributes
    ----------
    second
        (E,) number of sources that agree with another offset; 0 if there is none.
    distance
        (E,) distance of that offset from the one that is used [arcsec]; NaN if there is none.
    pinned
        (E,) number of sources of the used offset that are at the same pixels of the detector
        although, by the WCS, the telescope moved; 0 where they are less than half.
    """

    second: IntArray
    distance: FloatArray
    pinned: IntArray

    def take(self, keep: IntArray | BoolArray) -> OffsetAmbiguity:
        """The edges selected by an index or a mask."""
        return OffsetAmbiguity(*(getattr(self, item.name)[keep] for item in fields(self)))

    def only(self, mask: BoolArray) -> OffsetAmbiguity:
        """The ambiguity of the edges of a mask (E,), none for the others."""
        second, pinned = np.where(mask, self.second, 0), np.where(mask, self.pinned, 0)
        return OffsetAmbiguity(second, np.where(mask, self.distance, np.nan), pinned)

    @classmethod
    def joined(cls, parts: Sequence[OffsetAmbiguity]) -> OffsetAmbiguity:
        """Concatenation of several."""
        columns = [[getattr(part, item.name) for part in parts] for item in fields(cls)]
        return cls(*(np.concatenate(column) for column in columns))

    @property
    def any(self) -> BoolArray:
        """(E,) whether the offset is ambiguous."""
        return (self.second > 0) | (self.pinned > 0)


def no_ambiguity(count: int) -> OffsetAmbiguity:
    """No ambiguity, for `count` edges."""
    return OffsetAmbiguity(
        np.zeros(count, np.int64), np.full(count, np.nan), np.zeros(count, np.int64)
    )


def second_peaks(
    pairs: Pairs, peaks: Peaks, radius: float, window: float, significant: BoolArray
) -> OffsetAmbiguity:
    """The second peaks of some of E edges, at the roll of the first.

    Parameters
    ----------
    pairs, peaks
        Pairs of E edges, and the peaks of their offset histograms.
    radius, window
        Largest offset and side of a window of the search [arcsec].
    significant
        (E,) mask of the edges with a significant first peak.
    """
    none = no_ambiguity(len(significant))
    second = rotated(pairs.second, peaks.roll[pairs.edge])
    off = np.max(np.abs(pairs.first - second - peaks.offset[pairs.edge]), axis=1)
    rest = significant[pairs.edge] & disjoint_from(pairs, off <= window)
    if not rest.any():
        return none
    left = replace(pairs, second=second).take(rest)
    found = search(left, radius, window, np.zeros(1))
    # a pattern on the sky, such as fragments of spikes, has about equal peaks on both sides
    mirrored = _counts(left, 2.0 * peaks.offset - found.offset, window)
    first, other = (p.count - p.density * window**2 for p in (peaks, found))
    clear = significant & (found.log_chance < _SIGNIFICANT) & (other - mirrored > _SHARE * first)
    distance = np.hypot(*(found.offset - peaks.offset).T)
    return OffsetAmbiguity(
        np.where(clear, found.count, 0), np.where(clear, distance, np.nan), none.pinned
    )


def _counts(pairs: Pairs, offset: FloatArray, window: float) -> IntArray:
    """Number (E,) of detections paired within a window around offsets (E, 2), the lesser of two."""
    off = np.max(np.abs(pairs.first - pairs.second - offset[pairs.edge]), axis=1)
    return mutual_count(pairs, off <= 0.5 * window)
