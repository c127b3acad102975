"""Selected inverse: the entries of an inverse on the sparsity pattern of the matrix's factor.

The entries of the inverse Z of A = L D L' are computed from the last column back to the first
(Takahashi, Fagan & Chin 1973; Erisman & Tinney 1975, Comm. ACM 18, 177). Columns J of L that
have the same rows R below them, a supernode, are treated at once (Lin et al. 2011, ACM Trans. Math.
Softw. 37, 40), with Y = L_RJ L_JJ^-1:

    Z_RJ = -Z_RR Y,   Z_JJ = (L_JJ D_J L_JJ')^-1 - Y' Z_RJ

All of R are among the columns and rows of the supernode's parent, whose part of Z is known by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.core.arrays import BoolArray, FloatArray, IntArray

    from .factorisation import Factor


__all__ = ["Selected", "selected_inverse"]

_CHUNK = 4_000_000
"""Largest number of elements of temporary arrays (32 MB)."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """The elimination tree of K supernodes of a factor, leaves first, with the rows of each.

    Attributes
    ----------
    first
        (K + 1,) first column of each supernode, and the number of columns.
    parent
        (K,) supernode that holds the first row below the columns, -1 at a root.
    start, rows
        (K + 1,) and (M,): the rows of supernode k, in ascending order and its own columns first,
        are rows[start[k]:start[k + 1]].
    offset
        (K + 1,) start of its panel, rows by columns, in the array of all panels' values.
    """

    first: IntArray
    parent: IntArray
    start: IntArray
    rows: IntArray
    offset: IntArray

    @property
    def owner(self) -> IntArray:
        """(P,) supernode of each column."""
        return np.repeat(np.arange(len(self.parent)), np.diff(self.first))

    @property
    def keys(self) -> IntArray:
        """(M,) ascending keys, supernode times P plus row, one for each row of each supernode."""
        node = np.repeat(np.arange(len(self.parent)), np.diff(self.start))
        return np.asarray(node * self.first[-1] + self.rows)

    @property
    def root(self) -> IntArray:
        """(K,) root of the tree that each supernode belongs to."""
        top = np.arange(len(self.parent))
        for node in range(len(top) - 1, -1, -1):
            if self.parent[node] >= 0:
                top[node] = top[self.parent[node]]
        return top


@dataclass(frozen=True, slots=True)
class Selected:
    """Entries of H^-1 on the pattern of its factor; other entries are solved for on request.

    Attributes
    ----------
    factor
        Factor of H (P, P).
    place
        (P,) position of each unknown in the order of elimination.
    owner, first, offset, start, keys
        (P,) supernode of each column, and the columns, panels and rows of these, see `_Tree`.
    values
        (V,) panels of the inverse of the scaled matrix, one after another.
    part
        (P,) label of each unknown's independent block; entries between blocks are zero.
    """

    factor: Factor
    place: IntArray
    owner: IntArray
    first: IntArray
    offset: IntArray
    start: IntArray
    keys: IntArray
    values: FloatArray
    part: IntArray

    @property
    def size(self) -> int:
        """Number P of unknowns."""
        return len(self.place)

    def product(self, right: FloatArray) -> FloatArray:
        """Product of H^-1 with (P,) or (P, K)."""
        return self.factor.solve(right)

    def entries(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries of H^-1 at indices `row` and `column`, arrays of one shape."""
        one, other = self.place[row], self.place[column]
        low, high = np.minimum(one, other), np.maximum(one, other)
        where, known = _positions(self, high.ravel(), low.ravel())
        found = self.values[where] if len(self.values) else np.zeros(len(where))
        found = found.reshape(row.shape) * (self.factor.scale[row] * self.factor.scale[column])
        lost = ~known.reshape(row.shape)
        if lost.any():
            found[lost] = self._solved(row[lost], column[lost])
        return np.asarray(found)

    def _solved(self, row: IntArray, column: IntArray) -> FloatArray:
        """Entries (K,) outside the pattern, from solutions for whole columns of the inverse."""
        found = np.zeros(len(row))
        wanted, number = np.unique(column, return_inverse=True)
        step = max(1, _CHUNK // self.size)
        for start in range(0, len(wanted), step):
            part = wanted[start : start + step]
            right = np.zeros((self.size, len(part)))
            right[part, np.arange(len(part))] = 1.0
            solved = self.factor.solve(right)
            chosen = (number >= start) & (number < start + step)
            found[chosen] = solved[row[chosen], number[chosen] - start]
        return found

    def within(self, label: IntArray, right: FloatArray) -> FloatArray:
        """Product (P, q) of H^-1 with `right`, only entries between equal labels taken.

        Parameters
        ----------
        label, right
            (P,) labels, -1 for rows left out, whose product is zero; (P, q).
        """
        out = np.zeros_like(right)
        for chosen in self._rounds(label):
            part = np.where(chosen[:, None], right, 0.0)
            out[chosen] = self.factor.solve(part)[chosen]
        return out

    def _rounds(self, label: IntArray) -> Iterator[BoolArray]:
        """Masks (P,) of labels that share no independent block, until every label was in one."""
        ties = np.unique(np.stack([label, self.part], axis=1)[label >= 0], axis=0)
        turn = np.full(int(label.max(initial=-1)) + 1, -1)
        free: dict[int, int] = {}
        for number, parts in _grouped(ties):
            turn[number] = max(free.get(part, 0) for part in parts)
            free |= dict.fromkeys(parts, int(turn[number]) + 1)
        own = np.where(label >= 0, np.append(turn, -1)[label], -1)
        for number in range(int(turn.max(initial=-1)) + 1):
            yield own == number


def _grouped(ties: IntArray) -> Iterator[tuple[int, list[int]]]:
    """Each value of the first column of sorted rows (K, 2), with its values of the second."""
    number, start = np.unique(ties[:, 0], return_index=True)
    parts = np.split(ties[:, 1], start[1:])
    for one, part in zip(number.tolist(), parts, strict=True):
        yield one, part.tolist()


def _positions(tree: Any, row: IntArray, column: IntArray) -> tuple[IntArray, BoolArray]:
    """Indices (K,) into the panels' values of entries at or below the diagonal.

    And whether (K,) they are in the pattern.
    """
    if len(tree.keys) == 0:
        return np.zeros(len(row), np.int64), np.zeros(len(row), bool)
    node = tree.owner[column]
    key = node * tree.first[-1] + row
    found = np.minimum(np.searchsorted(tree.keys, key), len(tree.keys) - 1)
    width = tree.first[node + 1] - tree.first[node]
    place = tree.offset[node] + (found - tree.start[node]) * width + column - tree.first[node]
    known = tree.keys[found] == key
    return np.where(known, place, 0), known


def _supernodes(lower: Any) -> IntArray:
    """First columns (K + 1,) of the supernodes: runs of columns with the same rows below them."""
    pointer = lower.indptr.astype(np.int64)
    size = np.diff(pointer)
    below = np.full(len(size), -1, np.int64)
    many = size > 1
    below[many] = lower.indices[pointer[:-1][many] + 1]
    next_one = np.arange(1, len(size))
    joined = (below[:-1] == next_one) & (size[:-1] == size[1:] + 1)
    return np.concatenate([[0], next_one[~joined], [len(size)]])


def _tree(lower: Any) -> _Tree:
    """The elimination tree of a lower triangular matrix with sorted indices.

    Rows of a supernode are those of its columns and those passed on by its children, so that
    entries filled by the elimination are included even where their value happens to be zero.
    """
    first = _supernodes(lower)
    count = len(first) - 1
    owner = np.repeat(np.arange(count), np.diff(first))
    pointer, indices = lower.indptr, lower.indices
    handed: list[list[IntArray]] = [[] for _ in range(count)]
    parent, every = np.full(count, -1, np.int64), []
    for node in range(count):
        low, high = first[node], first[node + 1]
        parts = [np.arange(low, high), indices[pointer[low] : pointer[high]], *handed[node]]
        rows = np.unique(np.concatenate(parts))
        every.append(rows)
        handed[node] = []
        if len(rows) > high - low:
            below = rows[high - low :]
            parent[node] = owner[below[0]]
            handed[parent[node]].append(below)
    size = np.array([len(rows) for rows in every], np.int64)
    start = np.concatenate([[0], np.cumsum(size)])
    offset = np.concatenate([[0], np.cumsum(size * np.diff(first))])
    return _Tree(first, parent, start, np.concatenate(every).astype(np.int64), offset)


@dataclass(frozen=True, slots=True)
class _Places:
    """The arrays of a `_Tree` that `_positions` needs, computed once."""

    owner: IntArray
    first: IntArray
    offset: IntArray
    start: IntArray
    keys: IntArray


def _panels(lower: Any, tree: _Tree, places: _Places) -> FloatArray:
    """Values (V,) of the factor in the panels of the supernodes, one after another."""
    values = np.zeros(tree.offset[-1])
    for start in range(0, lower.nnz, _CHUNK):
        part = slice(start, min(start + _CHUNK, lower.nnz))
        entry = np.arange(part.start, part.stop)
        column = np.searchsorted(lower.indptr, entry, side="right") - 1
        where, _ = _positions(places, lower.indices[part].astype(np.int64), column)
        values[where] = lower.data[part]
    return values


def _invert(tree: _Tree, values: FloatArray, pivots: FloatArray) -> None:
    """Panels of the factor replaced by those of the inverse, from the roots to the leaves."""
    waiting = np.bincount(tree.parent[tree.parent >= 0], minlength=len(tree.parent))
    left = waiting.copy()
    fronts: dict[int, FloatArray] = {}
    for node in range(len(tree.parent) - 1, -1, -1):
        low, high = int(tree.first[node]), int(tree.first[node + 1])
        rows = tree.rows[tree.start[node] : tree.start[node + 1]]
        panel = values[tree.offset[node] : tree.offset[node + 1]].reshape(len(rows), high - low)
        above = int(tree.parent[node])
        known = np.zeros((0, 0))
        if above >= 0:
            inside = np.searchsorted(
                tree.rows[tree.start[above] : tree.start[above + 1]], rows[high - low :]
            )
            known = fronts[above][inside[:, None], inside]
            left[above] -= 1
            if left[above] == 0:
                del fronts[above]
        panel[:] = _inverse_panel(panel, pivots[low:high], known)
        if waiting[node]:
            fronts[node] = _front(panel, known)


def _inverse_panel(panel: FloatArray, pivots: FloatArray, known: FloatArray) -> FloatArray:
    """Panel (J + R, J) of the inverse, Z_JJ above Z_RJ.

    `panel` is that of the factor, L_JJ above L_RJ; `pivots` (J,) are D_J, `known` (R, R) is Z_RR.
    """
    width = len(pivots)
    inverse, _ = linalg.lapack.dtrtri(panel[:width], lower=1, unitdiag=1)
    inverse = np.tril(inverse, -1) + np.eye(width)
    own = (inverse.T / pivots) @ inverse
    if len(known) == 0:
        return np.asarray(own)
    slope = panel[width:] @ inverse
    below = -known @ slope
    own = own - slope.T @ below
    return np.concatenate([0.5 * (own + own.T), below])


def _front(panel: FloatArray, known: FloatArray) -> FloatArray:
    """Symmetric Z (J + R, J + R) from its first columns `panel` and from Z_RR, `known`."""
    width = panel.shape[1]
    front = np.empty((len(panel), len(panel)))
    front[:, :width] = panel
    front[:width, width:] = panel[width:].T
    front[width:, width:] = known
    return front


def selected_inverse(factor: Factor) -> Selected:
    """The inverse of a sparse factored matrix, on the pattern of the factor.

    If rows were not eliminated in the order of the columns, which needs a pivot of zero and so
    never happens to a positive definite matrix, every entry is solved for: the same numbers, but
    slowly.
    """
    lu = factor.sparse
    place = np.asarray(lu.perm_c, np.int64)
    none = np.zeros(0, np.int64)
    if not np.array_equal(lu.perm_r, lu.perm_c):
        zero = np.zeros(len(place), np.int64)
        return Selected(factor, place, zero, none, none, none, none, np.zeros(0), zero)
    lower = lu.L
    lower.sort_indices()
    tree = _tree(lower)
    places = _Places(tree.owner, tree.first, tree.offset, tree.start, tree.keys)
    values = _panels(lower, tree, places)
    _invert(tree, values, lu.U.diagonal())
    part = tree.root[places.owner][place]
    return Selected(
        factor, place, places.owner, tree.first, tree.offset, tree.start, places.keys, values, part
    )
