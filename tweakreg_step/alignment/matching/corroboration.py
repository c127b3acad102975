"""Corroboration of ambiguous edges: which groups are connected by ambiguous edges only.

An edge is ambiguous if a part of its sources agrees with another offset. It is corroborated if a
chain of unambiguous edges connects the same groups, as the connected parts of the graph without
ambiguous edges show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity, no_ambiguity

from .overlap_graph import components

if TYPE_CHECKING:
    from tweakreg_step.core.arrays import IntArray


__all__ = ["ambiguity_of_groups"]


def ambiguity_of_groups(
    pairs: IntArray, ambiguity: OffsetAmbiguity, count: int
) -> tuple[OffsetAmbiguity, OffsetAmbiguity]:
    """The ambiguity (G,) of the groups' positions relative to each other, and to the reference.

    Without the ambiguous edges, a component falls into parts. Relative positions are ambiguous for
    groups outside a part with more than half of the component's groups; absolute positions, for
    groups outside the part of the reference.

    Parameters
    ----------
    pairs
        (E, 2) nodes of the accepted edges; node G is the reference.
    ambiguity
        Ambiguity (E,) of the edges.
    count
        Number of groups G.
    """
    doubtful = ambiguity.any
    if not doubtful.any():
        return no_ambiguity(count), no_ambiguity(count)
    whole = components(pairs, count + 1)
    part = components(pairs[~doubtful], count + 1)
    members = np.bincount(whole[:count], minlength=count + 1)
    sound = np.bincount(part[:count], minlength=count + 1)
    apart = 2 * sound[part[:count]] <= members[whole[:count]]
    loose = (whole[:count] == whole[count]) & (part[:count] != part[count])
    cut = part[pairs[:, 0]] != part[pairs[:, 1]]
    worst = _worst(part[pairs[cut]], ambiguity.take(cut), count + 1).take(part[:count])
    return worst.only(apart), worst.only(loose)


def _worst(ends: IntArray, ambiguity: OffsetAmbiguity, count: int) -> OffsetAmbiguity:
    """Ambiguity (P,) of each part: of the edges with ends (D, 2) in it, that with most sources."""
    order = np.argsort(np.maximum(ambiguity.second, ambiguity.pinned), kind="stable")
    edge = np.full(count, len(order))
    for number in order:  # later ones, with more sources, replace earlier ones
        edge[ends[number]] = number
    return OffsetAmbiguity.joined([ambiguity, no_ambiguity(1)]).take(edge)
