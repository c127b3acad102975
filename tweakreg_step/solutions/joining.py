"""Exposures that join a solution: which may, and what becomes of the files of the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.wording import listed
from tweakreg_step.files.names import file_of
from tweakreg_step.telescopes.choose_mission import root_of

from .apply import plan_of
from .targets import carry_out, planned, targets_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .record import SavedSolution
    from .targets import Target

__all__ = ["old_targets", "put_in_place_of", "refuse_known"]


def refuse_known(solution: SavedSolution, names: Sequence[str]) -> None:
    """Refuse exposures that a solution has already, before anything is done.

    Raises
    ------
    InputError
        If one of the names of files is that of an exposure of the solution, at any level of
        processing.
    """
    known = {root_of(file_of(name)) for name in solution.images.names}
    twice = [name for name in names if root_of(name) in known]
    if twice:
        raise InputError(
            f"{listed(twice)}: already in the solution '{solution.product}', but only new "
            "exposures can join it. Leave them out."
        )


def old_targets(solution: SavedSolution, exposures: Any) -> list[Target]:
    """The exposures of a solution that are given to get a new one, checked before it is made.

    Raises
    ------
    InputError
        If one is not of the solution, or has another WCS than before it and after it.
    """
    targets = targets_of(exposures)
    planned(targets, lambda one, model: plan_of(solution, one, model, since=solution))
    return targets


def put_in_place_of(
    old: SavedSolution, new: SavedSolution, targets: Sequence[Target], folder: Path
) -> None:
    """Put a new solution on exposures that may have the old one, and write them to a folder.

    Raises
    ------
    InputError
        If one has another WCS than before both and after the old one.
    OutputError
        If a file can't be written; the others are.
    """
    plans = planned(targets, lambda one, model: plan_of(new, one, model, since=old))
    carry_out(plans, folder)
