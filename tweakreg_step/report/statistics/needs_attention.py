"""Problems of a run that need attention, as sentences, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_step.core.outcome import Code, Standing
from tweakreg_step.core.wording import counted
from tweakreg_step.report.group_outcome import reasons, standings

from .pair_ties import shared_matches
from .worst_first import MISFIT, groups_by_need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tweakreg_step.core.solution import Solution
    from tweakreg_step.report.result import RunResult

__all__ = ["Hint", "common_motion", "hints"]

_NAMED = 5
"""Largest number of groups named one by one; the table has all of them."""

_LEAST_DOF = 10.0
"""Degrees of freedom below which chi2 / dof scatters too much to show a problem."""

_WEAK = 0.1
"""Error of a common motion in pixels above which it is worth attention."""

_FIRM = 20
"""Matches of a tie from which on chance or a wrong match can't have made it."""

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
    out = [*_left_out(result), *_groups(result), *_images(result)]
    if result.solution is not None:
        out += _structure(result, result.solution)
        out += _fit(result, result.solution)
    out += _precision(result)
    return out


def _left_out(result: RunResult) -> Iterator[Hint]:
    """What took no part."""
    for one in result.left_out[:_NAMED]:
        yield Hint(f"{one.name} took no part. {one.outcome.reason}")
    if len(result.left_out) > _NAMED:
        more = counted(len(result.left_out) - _NAMED, "more image")
        yield Hint(f"{more} took no part: the table of images begins with them.")


def _groups(result: RunResult) -> Iterator[Hint]:
    places = standings(result)
    bad = [group for group in groups_by_need(result) if places[group] is not Standing.ALIGNED]
    for group in bad[:_NAMED]:
        name = result.groups.names[group]
        yield Hint(f"{name}: {places[group].value}. {reasons(result, group)}", group)
    if len(bad) > _NAMED:
        more = len(bad) - _NAMED
        needs = "1 more group needs" if more == 1 else f"{more} more groups need"
        yield Hint(f"{needs} a look: the table begins with them.")


def _images(result: RunResult) -> Iterator[Hint]:
    images = result.images
    apart = [i for i, outcome in enumerate(images.outcomes) if outcome.code is Code.IMAGE_APART]
    for image in apart[:_NAMED]:
        yield Hint(
            f"{images.names[image]}: {images.outcomes[image].reason}", int(images.group[image])
        )
    if len(apart) > _NAMED:
        more = len(apart) - _NAMED
        do = "1 more image does" if more == 1 else f"{more} more images do"
        yield Hint(f"{do} not move with the group.")


def _structure(result: RunResult, solution: Solution) -> Iterator[Hint]:
    parts = len(np.unique(solution.groups.component[solution.groups.component >= 0]))
    if parts > 1:
        yield Hint(f"The aligned groups fall into {parts} sets that are not tied to each other.")
    matches = shared_matches(result)
    weak = [pair for pair in solution.pairs.bridges if _unchecked(result, solution, pair, matches)]
    bridges = sorted(weak, key=lambda pair: (matches.get(pair, 0), pair))
    if bridges:
        first, second = (result.groups.names[g] for g in bridges[0])
        more = f", and {counted(len(bridges) - 1, 'more such tie')}" if len(bridges) > 1 else ""
        yield Hint(
            f"Nothing checks the tie between {first} and {second} "
            f"({counted(matches.get(bridges[0], 0), 'match')}{more}): see the overlap graph."
        )


def _unchecked(
    result: RunResult,
    solution: Solution,
    pair: tuple[int, int],
    matches: dict[tuple[int, int], int],
) -> bool:
    """Whether nothing vouches for a tie: neither many matches nor the reference on both sides."""
    stars = solution.groups.reference_matches[list(pair)]
    both = bool((stars >= result.run.options.abs_minobj).all()) and (stars > 0).all()
    return matches.get(pair, 0) < _FIRM and not both


def _fit(result: RunResult, solution: Solution) -> Iterator[Hint]:
    ratio = solution.groups.chi2 / np.maximum(solution.groups.dof, 1.0)
    bad = np.flatnonzero((ratio > MISFIT) & (solution.groups.dof >= _LEAST_DOF))
    if len(bad):
        worst = int(bad[np.argmax(ratio[bad])])
        yield Hint(
            f"The residuals of {counted(len(bad), 'group')} are larger than their errors allow: "
            f"chi2/dof is {ratio[worst]:.1f} for {result.groups.names[worst]}.",
            worst,
        )
    motion = common_motion(result)
    pixel = 1000.0 * float(np.median(result.images.pixel_scale))
    if motion and solution.modes[0].sigma_mas > _WEAK * pixel:
        yield Hint(motion)


def common_motion(result: RunResult) -> str:
    """The least certain motion that groups have in common, as a sentence; '' if none is known."""
    solution = result.solution
    if solution is None or not solution.modes or not np.isfinite(solution.modes[0].sigma_mas):
        return ""
    mode = solution.modes[0]
    groups = ", ".join(result.groups.names[g] for g in mode.groups[:3])
    return (
        f"The least certain common motion has an error of {mode.sigma_mas:.2f} mas, most of it in "
        f"{groups}."
    )


def _precision(result: RunResult) -> Iterator[Hint]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = result.groups.achieved_mas / result.groups.bound_mas
    bad = np.flatnonzero(np.isfinite(ratio) & (ratio > _WASTE))
    if len(bad):
        worst = int(bad[np.argmax(ratio[bad])])
        yield Hint(
            f"{'1 group is' if len(bad) == 1 else f'{len(bad)} groups are'} less precise than "
            "their stars allow: "
            f"{result.groups.names[worst]} has {result.groups.achieved_mas[worst]:.2f} mas, "
            f"{result.groups.bound_mas[worst]:.2f} mas would be achievable.",
            worst,
        )
