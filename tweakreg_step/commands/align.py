"""The commands ``tweakreg align`` and ``tweakreg add``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.api import add, align
from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.names import file_of
from tweakreg_step.parameters import STAGES, coerce, declarations
from tweakreg_step.solutions import read_solution, solution_path, targets_of
from tweakreg_step.telescopes.choose_mission import root_of

from .config import parameter_file
from .output import say
from .parser import make_parser, parameters_of

if TYPE_CHECKING:
    import argparse

    from tweakreg_step.solutions import SavedSolution

__all__ = ["run_add", "run_align"]

SOME_FAILED = 3
"""Exit status where some images could not be aligned."""


def run_align(options: argparse.Namespace) -> int:
    """Align exposures; returns the exit status."""
    if options.help_parameters:
        say(make_parser(["--help-parameters"])[1]["align"].format_help())
        return 0
    if not options.exposures:
        raise InputError(
            "There are no exposures. Give an association, files or a pattern: 'tweakreg align "
            "mosaic_asn.json'."
        )
    given = _parameters(options)
    if options.dry_run:
        given["apply_correction"] = False
    if options.config:
        given["config_file"] = parameter_file(options.config)
    first = options.exposures
    result = align(first[0] if len(first) == 1 else first, output_dir=options.output_dir, **given)
    say(result)
    solution = solution_path(Path(options.output_dir).expanduser(), result.run.run.product)
    if result.run.run.dry_run and solution.is_file():
        words = shlex.join(["tweakreg", "apply", str(solution), *first])
        say(f"Put it on the exposures with: {words}")
    return 0 if result.ok else SOME_FAILED


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    """The parameters of the step that were given, by name."""
    declared = {one.name: one for one in declarations(*STAGES.values())}
    return {name: coerce(declared[name], value) for name, value in parameters_of(options).items()}


def run_add(options: argparse.Namespace) -> int:
    """Let new exposures join a solution; returns the exit status."""
    moving = options.move_all is not None
    old = read_solution(options.solution)  # the new one may be written in its place
    result = add(
        options.solution,
        options.exposures,
        move_all=(options.move_all or True) if moving else False,
        output_dir=options.output_dir,
        **_parameters(options),
    )
    say(result)
    if moving:
        _tell_of_old(old, options)
    return 0 if result.ok else SOME_FAILED


def _tell_of_old(old: SavedSolution, options: argparse.Namespace) -> None:
    """Say how old exposures that were not named get their new WCS."""
    files = set(map(file_of, old.images.names))
    given = targets_of(options.move_all) if options.move_all else []
    named = {root_of(target.name) for target in given}
    left = [name for name in files if root_of(name) not in named]
    if left:
        path = solution_path(Path(options.output_dir).expanduser(), old.product)
        words = shlex.join(["tweakreg", "apply", str(path)])
        say(
            f"{len(left)} of {len(files)} old exposures were not named behind --move-all: their "
            f"new WCS is in the solution. Put it on their files, as delivered, with: {words} FILES"
        )
