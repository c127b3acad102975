"""Errors of a user on stpipe's command line: one sentence and status 1, no traceback, no help."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stpipe.exceptions import StpipeExitException

from tweakreg_step.core.exceptions import TweakregError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EndedError", "is_terse", "one_sentence", "saves_parameters_only"]

PROGRAM = "strun"


class EndedError(StpipeExitException):
    """The end of a program with status 1, after its message was shown."""

    def __init__(self, message: str) -> None:
        super().__init__(1, message)
        self.message = message

    def __str__(self) -> str:
        """The message, which stpipe prints."""
        return self.message


def _is_program() -> bool:
    return Path(sys.argv[0]).stem == PROGRAM


def is_terse() -> bool:
    """Whether errors are shown without tracebacks: by strun without --debug, and a usual log."""
    debugged = logging.getLogger("tweakreg_step").isEnabledFor(logging.DEBUG)
    return _is_program() and "--debug" not in sys.argv and not debugged


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the program with the sentence of an error on purpose, where errors are shown so."""
    try:
        yield
    except TweakregError as error:
        if is_terse():
            raise EndedError(str(error)) from error
        raise


def saves_parameters_only(inputs: tuple[object, ...]) -> bool:
    """Whether the program was to save parameters, which it did, and got nothing to align."""
    wanted = any(word.startswith("--save-parameters") for word in sys.argv)
    return _is_program() and wanted and not inputs
