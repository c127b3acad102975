"""HATS catalogs at a URL, read by a process of its own, which is ended when its time is over.

The libraries that read them have times for each silence, but none for a whole question: what drips
holds them for ever, in threads that nothing else can end.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tweakreg_step.catalogs.reference.web.service import LONGEST
from tweakreg_step.core.exceptions import ReferenceServiceError, TweakregError
from tweakreg_step.core.wording import without_secrets

if TYPE_CHECKING:
    from astropy.table import Table

    from tweakreg_step.parameters import ReferenceParameters

    from .footprint import Circle

__all__ = ["ask_apart"]

START = 120.0
"""Time for the process to start and to load its libraries [s], which takes 5 s as a rule."""

MEGABYTE = 1e6


def ask_apart(place: str, circle: Circle, parameters: ReferenceParameters) -> tuple[Table, str]:
    """The stars of a circle, as `hats.ask` gives them, and the release of the catalog.

    Raises
    ------
    ReferenceServiceError
        If they can't be read within `LONGEST` timeouts, or are more than ``refcat_max_size``.
    """
    seconds = LONGEST * parameters.refcat_timeout
    question = pickle.dumps((place, circle, parameters, seconds))
    found = _answer(question, seconds)
    if found is None:
        raise ReferenceServiceError(
            f"The HATS catalog '{without_secrets(place)}' had not answered after {seconds:g} s, "
            "but a question with all its parts must end in four times 'refcat_timeout'. Raise "
            "that if the server is slow, try again later, or give another 'abs_refcat' (several "
            "after commas)."
        )
    if isinstance(found, str):
        raise ReferenceServiceError(found)
    table, release = found
    return table, str(release)


def _answer(question: bytes, seconds: float) -> Any:
    """What the process sends back; None if it was ended, or died."""
    path = os.pathsep.join(part for part in sys.path if part)
    process = subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    )
    try:
        answer, _ = process.communicate(question, timeout=START + seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()
    return pickle.loads(answer) if process.returncode == 0 and answer else None  # noqa: S301


def main() -> None:
    """Answer the question on the standard input; the end of the time ends the process."""
    place, circle, parameters, seconds = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the parent
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print
    import hats as _library  # noqa: F401, PLC0415 - takes seconds, which are not the server's

    from . import hats  # noqa: PLC0415

    with suppress(AttributeError, ValueError):  # where there are no such signals
        signal.setitimer(signal.ITIMER_REAL, seconds)
    answer: Any
    try:
        catalog = hats.open_catalog(place, parameters)
        most = int(parameters.refcat_max_size * MEGABYTE)
        answer = hats.ask(catalog, circle, most), hats.release_of(catalog)
    except TweakregError as error:
        answer = str(error)
    pickle.dump(answer, answers)
    answers.close()
    os._exit(0)  # threads of the libraries may be left
