"""Which groups hang on doubtful edges alone.

An edge of which a part of the sources wants another offset is not doubted if a chain of other edges
says the same. What is left after the doubtful edges are cut shows who is vouched for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .overlap_graph import components
from .second_peak import OffsetAmbiguity, no_ambiguity

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import IntArray


__all__ = ["ambiguity_of_groups"]


def ambiguity_of_groups(
    pairs: IntArray, doubts: OffsetAmbiguity, count: int
) -> tuple[OffsetAmbiguity, OffsetAmbiguity]:
    """The doubts (G,) about the groups' places among each other, and on the sky.

    Cut where edges are doubtful, the largest part of a component, if it has more than half of its
    groups, is right in itself, the rest is doubtful; on the sky, what is cut off the reference is.

    Parameters
    ----------
    pairs
        (E, 2) the nodes of the edges that are believed, which agree with each other; node G is the
        reference.
    doubts
        (E,).
    count
        Number of groups G.
    """
    doubtful = doubts.any
    if not doubtful.any():
        return no_ambiguity(count), no_ambiguity(count)
    whole = components(pairs, count + 1)
    part = components(pairs[~doubtful], count + 1)
    members = np.bincount(whole[:count], minlength=count + 1)
    sound = np.bincount(part[:count], minlength=count + 1)
    apart = 2 * sound[part[:count]] <= members[whole[:count]]
    loose = (whole[:count] == whole[count]) & (part[:count] != part[count])
    cut = part[pairs[:, 0]] != part[pairs[:, 1]]
    worst = _worst(part[pairs[cut]], doubts.take(cut), count + 1).take(part[:count])
    return worst.only(apart), worst.only(loose)


def _worst(ends: IntArray, doubts: OffsetAmbiguity, count: int) -> OffsetAmbiguity:
    """Of the edges that end (D, 2) at each of P parts, the doubt of most sources; (P,)."""
    order = np.argsort(np.maximum(doubts.second, doubts.pinned), kind="stable")
    edge = np.full(count, len(order))
    for number in order:  # the last is kept
        edge[ends[number]] = number
    return OffsetAmbiguity.joined([doubts, no_ambiguity(1)]).take(edge)
