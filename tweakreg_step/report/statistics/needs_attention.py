"""Problems of a run that need attention, as sentences, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Code, Standing
from tweakreg_step.report.group_outcome import reasons, standings

from .worst_first import groups_by_need, shared_matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult

__all__ = ["Hint", "hints"]

_NAMED = 5
"""Largest number of groups named one by one; the table has all of them."""

_MISFIT = 2.0
"""chi2 / dof above which errors or model are wrong."""

_LEAST_DOF = 10.0
"""Degrees of freedom below which chi2 / dof scatters too much to show a problem."""

_WASTE = 1.5
"""Achieved over achievable error above which the precision is worth attention."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One problem that needs attention.

    Attributes
    ----------
    text
        Sentence for users.
    group
        Index of the group with the problem, None for none or several.
    """

    text: str
    group: int | None = None


def hints(result: RunResult) -> list[Hint]:
    """Problems that need attention, the gravest first; empty if there are none."""
    out = [*_groups(result), *_images(result)]
    if result.solution is not None:
        out += _structure(result, result.solution)
        out += _fit(result, result.solution)
    out += _precision(result)
    return out


def _groups(result: RunResult) -> Iterator[Hint]:
    places = standings(result)
    bad = [group for group in groups_by_need(result) if places[group] is not Standing.ALIGNED]
    for group in bad[:_NAMED]:
        name = result.groups.names[group]
        yield Hint(f"{name}: {places[group].value}. {reasons(result, group)}", group)
    if len(bad) > _NAMED:
        yield Hint(f"{len(bad) - _NAMED} more groups need a look: the table begins with them.")


def _images(result: RunResult) -> Iterator[Hint]:
    images = result.images
    apart = [i for i, outcome in enumerate(images.outcomes) if outcome.code is Code.IMAGE_APART]
    for image in apart[:_NAMED]:
        yield Hint(
            f"{images.names[image]}: {images.outcomes[image].reason}", int(images.group[image])
        )
    if len(apart) > _NAMED:
        yield Hint(f"{len(apart) - _NAMED} more images do not move with their groups.")


def _structure(result: RunResult, solution: Solution) -> Iterator[Hint]:
    parts = len(np.unique(solution.groups.component[solution.groups.component >= 0]))
    if parts > 1:
        yield Hint(f"The aligned groups fall into {parts} sets that are not tied to each other.")
    matches = shared_matches(result)
    bridges = sorted(solution.pairs.bridges, key=lambda pair: (matches.get(pair, 0), pair))
    if bridges:
        first, second = (result.groups.names[g] for g in bridges[0])
        more = f", and {len(bridges) - 1} more such ties" if len(bridges) > 1 else ""
        yield Hint(
            f"Nothing checks the tie between {first} and {second} "
            f"({matches.get(bridges[0], 0)} matches){more}: see the overlap graph."
        )


def _fit(result: RunResult, solution: Solution) -> Iterator[Hint]:
    ratio = solution.groups.chi2 / np.maximum(solution.groups.dof, 1.0)
    bad = np.flatnonzero((ratio > _MISFIT) & (solution.groups.dof >= _LEAST_DOF))
    if len(bad):
        worst = int(bad[np.argmax(ratio[bad])])
        yield Hint(
            f"The residuals of {len(bad)} groups are larger than their errors allow: chi2/dof is "
            f"{ratio[worst]:.1f} for {result.groups.names[worst]}.",
            worst,
        )
    if solution.modes and np.isfinite(solution.modes[0].sigma_mas):
        mode = solution.modes[0]
        groups = ", ".join(result.groups.names[g] for g in mode.groups[:3])
        yield Hint(
            f"The least certain common motion has an error of {mode.sigma_mas:.2f} mas, most of "
            f"it in {groups}."
        )


def _precision(result: RunResult) -> Iterator[Hint]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = result.groups.achieved_mas / result.groups.bound_mas
    bad = np.flatnonzero(np.isfinite(ratio) & (ratio > _WASTE))
    if len(bad):
        worst = int(bad[np.argmax(ratio[bad])])
        yield Hint(
            f"{len(bad)} groups are less precise than their stars allow: "
            f"{result.groups.names[worst]} has {result.groups.achieved_mas[worst]:.2f} mas, "
            f"{result.groups.bound_mas[worst]:.2f} mas would be achievable.",
            worst,
        )
