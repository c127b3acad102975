"""Errors of a user on stpipe's command line: one sentence and status 1, no traceback, no help."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stpipe.exceptions import StpipeExitException

from tweakreg_step.core.exceptions import TweakregError

from .unknown_names import refused_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = [
    "EndedError",
    "is_terse",
    "one_sentence",
    "refuse_unknown_options",
    "saves_parameters_only",
]

log = logging.getLogger(__name__)

PROGRAM = "strun"

_OPTIONS = (
    "debug", "disable-crds-steppars", "help", "log-file", "log-level", "log-stream", "logcfg",
    "save-parameters", "verbose",
)  # fmt: skip
"""Options of the program itself."""


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


def refuse_unknown_options(step: str, known: Collection[str]) -> None:
    """End the program if an option is no parameter, before argparse prints all that there are.

    Parameters
    ----------
    step
        Name of the class whose options these are, if the program was called with it.
    known
        Names of its parameters.
    """
    words = sys.argv[1:]
    called = next((word for word in words if not word.startswith("-")), "")
    if not is_terse() or called.rpartition(".")[2] != step:
        return
    names = [word[2:].partition("=")[0] for word in words if word.startswith("--") and word[2:]]
    every = {*known, *_OPTIONS}
    # argparse understands the beginning of a name as well
    sentence = refused_names([n for n in names if not any(k.startswith(n) for k in every)], known)
    if sentence:
        log.error("%s", sentence)
        raise EndedError(sentence)


def saves_parameters_only(inputs: tuple[object, ...]) -> bool:
    """Whether the program was to save parameters, which it did, and got nothing to align."""
    wanted = any(word.startswith("--save-parameters") for word in sys.argv)
    return _is_program() and wanted and not inputs
