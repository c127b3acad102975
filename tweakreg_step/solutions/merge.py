"""Two solutions as one: that of a run, and that of exposures which joined it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .file import with_checksum
from .record import SavedGroups, SavedImages, SavedLevel, SavedSolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["merged"]


def merged(old: SavedSolution, new: SavedSolution) -> SavedSolution:
    """The solution of all images of both; none is in both.

    Parameters
    ----------
    old
        The solution that is joined: its images stay as they are.
    new
        That of the exposures that join it, aligned to the sources of the old ones.
    """
    start = len(old.groups)
    images = replace(new.images, group=new.images.group + start)
    facts = {
        name: [
            *old.facts.get(name, [None] * len(old.images)),
            *new.facts.get(name, [None] * len(new.images)),
        ]
        for name in old.facts | new.facts
    }
    whole = replace(
        old,
        created=new.created,
        gauge=f"{old.gauge} {len(new.groups)} groups joined {start} that stayed as they were.",
        images=_joined(SavedImages, [old.images, images]),
        groups=_joined(SavedGroups, [_padded(old.groups), _padded(new.groups)]),
        levels=_levels(old, new),
        facts=facts,
    )
    return with_checksum(whole)


def _joined(kind: Any, parts: Sequence[Any]) -> Any:
    """Columns of the same class, one after another."""
    values: dict[str, Any] = {}
    for one in fields(kind):
        columns = [getattr(part, one.name) for part in parts]
        if isinstance(columns[0], tuple):
            values[one.name] = tuple(item for column in columns for item in column)
        else:
            values[one.name] = np.concatenate(_same_width(columns))
    return kind(**values)


def _same_width(columns: Sequence[Any]) -> list[Any]:
    """Arrays with as many columns as the widest one has; what is filled in is NaN."""
    shape = (
        tuple(np.max([column.shape[1:] for column in columns], axis=0)) if columns[0].ndim else ()
    )
    result = []
    for column in columns:
        if column.shape[1:] == shape:
            result.append(column)
            continue
        wide = np.full((len(column), *map(int, shape)), np.nan)
        wide[tuple(slice(0, size) for size in column.shape)] = column
        result.append(wide)
    return result


def _padded(groups: SavedGroups) -> SavedGroups:
    """Groups with a verdict on each phase, '' where there was none."""
    empty = ("",) * len(groups)
    return replace(
        groups,
        relative=groups.relative or empty,
        relative_reasons=groups.relative_reasons or empty,
        absolute=groups.absolute or empty,
        absolute_reasons=groups.absolute_reasons or empty,
    )


def _levels(old: SavedSolution, new: SavedSolution) -> tuple[SavedLevel, ...]:
    names = dict.fromkeys(level.name for level in (*old.levels, *new.levels))
    return tuple(_level(name, old, new) for name in names)


def _level(name: str, old: SavedSolution, new: SavedSolution) -> SavedLevel:
    """A level of both; images of the solution that lacks it have no unit."""
    first, second = old.level(name), new.level(name)
    one = first or second
    assert one is not None  # noqa: S101 - of the caller
    none = [np.full(len(solution.images), -1) for solution in (old, new)]
    start = 0 if first is None else len(first)
    of_old = none[0] if first is None else first.of_image
    of_new = none[1] if second is None else second.of_image
    of_image = np.concatenate([of_old, np.where(of_new >= 0, of_new + start, -1)])
    parts = [level for level in (first, second) if level is not None]
    return SavedLevel(
        name=name,
        geometry=max((level.geometry for level in parts), key=_ORDER.index),
        frame=one.frame,
        units=tuple(unit for level in parts for unit in level.units),
        of_image=of_image,
        centre=np.concatenate([level.centre for level in parts]),
        matrix=np.concatenate([level.matrix for level in parts]),
        shift=np.concatenate([level.shift for level in parts]),
        covariance=np.concatenate(_same_width([level.covariance for level in parts])),
        scatter=one.scatter,
    )


_ORDER = ("scale", "shift", "rshift", "rscale", "general")
"""Geometries, each with the parameters of those before it."""
