"""Sources that take no part in the alignment, by what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.sources.flags import Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tweakreg_step.core.sources import Sources

__all__ = ["idle_by_reason"]

_REASONS = (
    (Flag.EDGE, "at the edge"),
    (Flag.NEAR_BAD, "beside bad pixels"),
    (Flag.SHARP, "cosmic rays or hot pixels"),
)
"""All are sharper than stars; at the edge and beside bad pixels a star that is cut may be, too."""


def idle_by_reason(left_out: Sequence[Sources]) -> dict[str, int]:
    """How many sources are of each kind, the most first.

    Parameters
    ----------
    left_out
        The sources of each image that can't be used.
    """
    flags = [np.asarray(one.flags, np.int64) for one in left_out if one.flags is not None]
    rest = np.concatenate(flags) if flags else np.zeros(0, np.int64)
    counts = {}
    for flag, what in _REASONS:
        own = (rest & int(flag)) != 0
        counts[what] = int(own.sum())
        rest = rest[~own]
    some = [(count, what) for what, count in counts.items() if count]
    return {what: count for count, what in sorted(some, reverse=True)}
