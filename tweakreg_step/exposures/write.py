"""One exposure from its file, changed, to the file of its result: work for any process."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.files import drafts, write_whole
from tweakreg_step.exposures.parallel import Lost, released

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tweakreg_step.exposures.parallel import Alone, Workers
    from tweakreg_step.telescopes.jwst import Place

__all__ = ["WriteOrder", "problem_of", "unwritten", "write_exposure", "write_exposures"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """The writing of one result.

    Attributes
    ----------
    place
        Where the exposure is.
    change
        What is to be done to it, None for nothing.
    target
        Where its result shall be.
    within
        Folder for what is half written.
    """

    place: Place
    change: Callable[[Any], None] | None
    target: Path
    within: Path


def write_exposure(delivery: WriteOrder) -> str:
    """Write one result, whole or not at all; what went wrong, or an empty text."""
    try:
        with released():
            _deliver(delivery)
    except Exception as error:  # noqa: BLE001 - of any kind: it must keep no other result back
        return problem_of(delivery.target.name, error)
    return ""


def _deliver(delivery: WriteOrder) -> None:
    with delivery.place.open() as model:
        if delivery.change is not None:
            delivery.change(model)
        write_whole(delivery.target, model.save, within=delivery.within)


def problem_of(name: str, error: Exception) -> str:
    """What to say of a result that could not be written."""
    if isinstance(error, InputError | OutputError):
        return str(error)
    log.debug("%s", name, exc_info=error)
    if isinstance(error, MemoryError):
        return f"'{name}': not enough memory. Lower 'n_workers', or set in_memory=False."
    return f"'{name}': {type(error).__name__}: {str(error).rstrip('.')}."


def write_exposures(
    workers: Workers | Alone,
    library: Any,
    targets: Mapping[int, Path],
    folder: Path,
) -> dict[int, str]:
    """Write results.

    Parameters
    ----------
    workers
        Who does it.
    library
        Its exposures that are as their files and deferred changes have them are written.
    targets
        Where to, by their index.
    folder
        In which all targets are.

    Returns
    -------
    dict
        What went wrong, by index; empty texts where nothing did.
    """
    with drafts(folder) as within:
        orders = [
            WriteOrder(library.origin(index), library.change_of(index), target, within)
            for index, target in targets.items()
        ]
        indices, problems = list(targets), {}
        work = workers.results(write_exposure, orders)
        for number, problem in tqdm(
            work, "writing results", total=len(orders), unit="image", disable=None
        ):
            index = indices[number]
            lost = isinstance(problem, Lost)
            problems[index] = f"'{targets[index]}': {problem.reason}" if lost else problem
    return problems


def unwritten(problems: Sequence[str], count: int) -> OutputError:
    """The error for results that could not be written, of ``count``; all others were."""
    others = ", all others were" if len(problems) < count else ""
    more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""
    return OutputError(
        f"{len(problems)} of {count} results could not be written{others}. "
        f"{' '.join(problems[:3])}{more}"
    )
