"""The console command ``tweakreg``: thin above the functions of `tweakreg_step.api`."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from tweakreg_step.commands.output import logging_to_terminal, say, warn
from tweakreg_step.commands.parser import parsed
from tweakreg_step.core.exceptions import ParameterError, TweakregError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

INPUT, USAGE, INTERRUPTED = 1, 2, 130
"""Exit status for errors of the input, of usage, and after an interrupt."""

_HOMES = {
    "align": "align",
    "add": "align",
    "apply": "solution",
    "transfer": "solution",
    "undo": "solution",
    "show": "solution",
    "from-cfg": "from_cfg",
    "headerlet": "headerlet",
    "page": "page",
    "config": "config",
    "doctor": "doctor",
    "simulate": "simulate",
}
"""The module of each command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        The words behind ``tweakreg``; None for those of the process.

    Returns
    -------
    int
        The exit status: 0, or 1 for errors of the input, 2 for errors of usage, 3 if some images
        could not be aligned.
    """
    options = parsed(arguments)
    if options.version:
        say(version("tweakreg-step"))
        return 0
    level = logging.DEBUG if options.debug else logging.WARNING if options.quiet else logging.INFO
    with logging_to_terminal(level):
        return _status(options)


def _status(options: argparse.Namespace) -> int:
    """The exit status of a command; errors are said in one sentence."""
    name = f"tweakreg {options.command}"
    try:
        module = import_module(f"tweakreg_step.commands.{_HOMES[options.command]}")
        return int(getattr(module, f"run_{options.command.replace('-', '_')}")(options))
    except KeyboardInterrupt:
        warn(f"{name}: interrupted; the files that were written are whole.")
        return INTERRUPTED
    except TweakregError as error:
        if options.debug:
            raise
        warn(f"{name}: {error}")
        return USAGE if isinstance(error, ParameterError) else INPUT
    except Exception as error:
        if options.debug:
            raise
        first = (str(error).splitlines() or [""])[0]
        warn(
            f"{name}: {type(error).__name__}: {first}. This should not happen: run it again with "
            "--debug, and send what it shows to the authors."
        )
        return INPUT
