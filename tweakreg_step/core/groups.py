"""Groups of exposures, and units of detector motion, that images belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arrays import IntArray

__all__ = ["group_names", "groups_of", "indices", "unit_names"]


def group_names(correctors: Sequence[Any]) -> list[Any]:
    """The group of each corrector; one without ``group_id`` is a group of its own."""
    return [
        index if corrector.meta.get("group_id") is None else corrector.meta["group_id"]
        for index, corrector in enumerate(correctors)
    ]


def unit_names(correctors: Sequence[Any]) -> list[str | None]:
    """The unit of detector motion of each corrector, its ``meta['detector']``; None if unknown."""
    return [corrector.meta.get("detector") for corrector in correctors]


def indices(names: Sequence[Any]) -> IntArray:
    """Index (N,) of each name among the different names in order of appearance, -1 for None."""
    known: dict[Any, int] = {}
    return np.array([-1 if n is None else known.setdefault(n, len(known)) for n in names], int)


def groups_of(correctors: Sequence[Any]) -> dict[str, list[int]]:
    """The indices of the images of each group, in the order of the input."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(group_names(correctors)):
        groups.setdefault(name, []).append(index)
    return groups
