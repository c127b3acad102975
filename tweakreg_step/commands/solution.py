"""The commands on solutions: ``tweakreg apply``, ``transfer``, ``undo`` and ``show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tweakreg_step.api import apply, transfer, undo
from tweakreg_step.results import shown_solution
from tweakreg_step.solutions import read_solution

from .headerlet import put_headerlet
from .output import say

if TYPE_CHECKING:
    import argparse

__all__ = ["run_apply", "run_show", "run_transfer", "run_undo"]


def run_apply(options: argparse.Namespace) -> int:
    """Put a solution, or a headerlet, on exposures; returns the exit status."""
    if str(options.solution).endswith(".fits"):
        return put_headerlet(options)
    say(
        apply(
            options.solution,
            options.exposures,
            rebase=options.rebase,
            output_dir=options.output_dir,
        )
    )
    return 0


def run_transfer(options: argparse.Namespace) -> int:
    """Carry motions to other exposures; returns the exit status."""
    say(transfer(options.solution, options.exposures, output_dir=options.output_dir))
    return 0


def run_undo(options: argparse.Namespace) -> int:
    """Give exposures their delivered WCS back; returns the exit status."""
    say(undo(options.exposures, output_dir=options.output_dir))
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Show a solution; returns the exit status."""
    say(shown_solution(read_solution(options.solution)))
    return 0
