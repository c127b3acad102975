"""Relative motions of pairs of groups that were found before: the same pair is not matched again.

A pair is known by its catalogs and by what was searched for, not by its names: what has changed in
whatever way is matched anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment.matching.false_matches.second_peak import OffsetAmbiguity

from .cross_match import FoundEdges, no_edges
from .cycle_closure import Edges
from .start_offset import find_edges_around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tweakreg_step.core.arrays import FloatArray, IntArray

    from .cross_match import Catalog, Reach

__all__ = ["KnownPairs", "find_unknown_edges"]


@dataclass(slots=True)
class KnownPairs:
    """The motions of pairs of catalogs, by their keys; it grows while it is used.

    Attributes
    ----------
    edges
        The motion of each pair, an edge alone; its nodes mean nothing.
    """

    edges: dict[bytes, FoundEdges] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.edges)

    def keep(self, keys: Sequence[bytes], found: FoundEdges) -> None:
        """Keep the motions of E pairs with keys (E,)."""
        for number, key in enumerate(keys):
            self.edges[key] = found.take(np.array([number]))

    def of(self, keys: Sequence[bytes], nodes: IntArray) -> FoundEdges:
        """The motions of pairs with keys (E,), as edges between nodes (E, 2)."""
        found = FoundEdges.joined([self.edges[key] for key in keys])
        return replace(found, edges=replace(found.edges, pairs=nodes))

    def joined(self, *others: KnownPairs) -> KnownPairs:
        """A copy of these pairs, with others."""
        edges = dict(self.edges)
        for other in others:
            edges |= other.edges
        return KnownPairs(edges)

    def columns(self) -> dict[str, Any]:
        """The pairs as arrays of E rows by name, to be written."""
        found = FoundEdges.joined([no_edges(), *self.edges.values()])
        columns: dict[str, Any] = {name: getattr(found, name) for name in _OWN}
        for prefix, part in (("edge", found.edges), ("other", found.ambiguity)):
            columns |= {f"{prefix}_{one.name}": getattr(part, one.name) for one in fields(part)}
        keys = np.frombuffer(b"".join(self.edges), np.uint8)
        return columns | {"key": keys.reshape(-1, _SIZE)}

    @classmethod
    def of_columns(cls, columns: Mapping[str, Any]) -> KnownPairs:
        """The pairs that `columns` has given."""
        edges = Edges(**{one.name: columns[f"edge_{one.name}"] for one in fields(Edges)})
        other = {one.name: columns[f"other_{one.name}"] for one in fields(OffsetAmbiguity)}
        own: dict[str, Any] = {name: columns[name] for name in _OWN}
        found = FoundEdges(edges, ambiguity=OffsetAmbiguity(**other), **own)
        known = cls()
        known.keep([np.asarray(row, np.uint8).tobytes() for row in columns["key"]], found)
        return known


_SIZE = 16
"""Bytes of a key."""

_OWN = ("sigma", "significant", "rival", "matches")


def find_unknown_edges(
    nodes: IntArray,
    catalogs: Sequence[tuple[Catalog, Catalog]],
    around: tuple[Reach, tuple[float, float], FloatArray],
    known: KnownPairs | None,
) -> FoundEdges:
    """The relative motion of each edge, as by `find_edges_around`, of those alone that are new.

    Parameters
    ----------
    nodes, catalogs
        As for `find_edges_around`.
    around
        Its further arguments: range, first guess and frames.
    known
        The pairs that are known; those that are found are added. None: nothing is.
    """
    if known is None or not len(catalogs):
        return find_edges_around(nodes, catalogs, *around)
    content: dict[int, bytes] = {id(one): _content(one) for pair in catalogs for one in pair}
    reach, start, frames = around
    asked = [repr((reach, tuple(map(float, start)))).encode()] * len(nodes)
    if any(start):  # east and north are those of the first group
        asked = [
            one + frames[first].tobytes() for one, first in zip(asked, nodes[:, 0], strict=True)
        ]
    keys = [
        _key([question, content[id(one)], content[id(other)], _shared(one, other)])
        for question, (one, other) in zip(asked, catalogs, strict=True)
    ]
    new = [number for number, key in enumerate(keys) if key not in known.edges]
    if new:
        found = find_edges_around(nodes[new], [catalogs[number] for number in new], *around)
        known.keep([keys[number] for number in new], found)
    return known.of(keys, nodes)


def _key(parts: Sequence[bytes]) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=_SIZE).digest()


def _content(catalog: Catalog) -> bytes:
    """A key of what is in a catalog, but for the numbers of its detectors."""
    on_detector = catalog.on_detector
    places = b"" if on_detector is None else np.ascontiguousarray(on_detector.place).tobytes()
    numbers = np.array([catalog.variance, catalog.radius]).tobytes()
    return _key([np.ascontiguousarray(catalog.tree.data).tobytes(), b";", places, b";", numbers])


def _shared(one: Catalog, other: Catalog) -> bytes:
    """Which detections of two catalogs are of the same detector, however these are numbered."""
    if one.on_detector is None or other.on_detector is None:
        return b""
    units = np.concatenate([one.on_detector.unit, other.on_detector.unit])
    ranked = np.unique(np.append(units, -1), return_inverse=True)[1]
    return np.asarray(ranked, np.int64).tobytes()
