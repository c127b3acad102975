"""Write results, in this process or workers: open an exposure, change it, save it whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.memory import is_shortage
from tweakreg_step.exposures.parallel import Lost, cycles_collected
from tweakreg_step.files.stamps import check_unchanged, stamp_of
from tweakreg_step.files.whole_files import drafts, write_whole
from tweakreg_step.telescopes.checksums import saved_with_checksums
from tweakreg_step.telescopes.header_words import make_representable

from .progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tweakreg_step.exposures.parallel import InProcess, Workers
    from tweakreg_step.files.stamps import Stamp
    from tweakreg_step.telescopes.exposure_file import ExposureFile

__all__ = [
    "WriteTask",
    "problem_of",
    "tell_changed_words",
    "unwritten",
    "write_exposure",
    "write_exposures",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriteTask:
    """The input of `write_exposure`.

    Attributes
    ----------
    file
        File of the exposure.
    change
        Function that changes the open model, None for no change.
    target
        Path of the result.
    within
        Folder for the incomplete file while it is written.
    stamp
        State of the file when it was read, None where that is not known.
    """

    file: ExposureFile
    change: Callable[[Any], None] | None
    target: Path
    within: Path
    stamp: Stamp | None = None


def write_exposure(task: WriteTask) -> str:
    """Write one result, whole or not at all; returns the problem, '' if there was none."""
    try:
        with cycles_collected():
            _write(task)
    except Exception as error:  # noqa: BLE001 - of any kind: it must keep no other result back
        return problem_of(task.target.name, error)
    return ""


def _write(task: WriteTask) -> None:
    stamp = task.stamp or stamp_of(task.file.path)
    check_unchanged(task.file.path, stamp)
    if not _copied(task, stamp):
        with task.file.open() as model:
            _save(task, stamp, model, model.save)


def _copied(task: WriteTask, stamp: Stamp | None) -> bool:
    """Whether the result could be written without opening more than the metadata."""
    if Path(task.file.path).suffix != task.target.suffix:  # another format
        return False
    try:
        draft = task.file.open_to_write()
        if draft is None:
            return False
        with draft.model as model:
            _save(task, stamp, model, draft.save)
    except (InputError, OutputError, MemoryError):
        raise
    except Exception as error:
        log.debug("%s is written the long way", task.target.name, exc_info=error)
        return False
    return True


def _save(task: WriteTask, stamp: Stamp | None, model: Any, save: Callable[[Path], object]) -> None:
    if task.change is not None:
        task.change(model)
    tell_changed_words(model, task.target)
    complete = saved_with_checksums(model, save)

    def saved(draft: Path) -> None:
        complete(draft)
        check_unchanged(task.file.path, stamp)  # while its pixels were read

    write_whole(task.target, saved, within=task.within)


def tell_changed_words(model: Any, target: Path) -> None:
    """Make a model's words such that its file can hold them, and say which."""
    changed = make_representable(model, target)
    if changed:
        log.warning(
            "%s: FITS headers hold ASCII alone: %s in its metadata %s written without other "
            "letters.",
            *(target.name, ", ".join(changed), "is" if len(changed) == 1 else "are"),
        )


def problem_of(name: str, error: Exception) -> str:
    """The message for a result that could not be written."""
    log.debug("%s", name, exc_info=error)
    if is_shortage(error):
        return f"'{name}': not enough memory. Lower 'n_workers', or set in_memory=False."
    if isinstance(error, InputError | OutputError):
        return str(error)
    lines = str(error).splitlines() or [""]
    return f"'{name}': {type(error).__name__}: {lines[0].rstrip('.')}."


def write_exposures(
    workers: Workers | InProcess,
    library: Any,
    targets: Mapping[int, Path],
    folder: Path,
) -> dict[int, str]:
    """Write results.

    Parameters
    ----------
    workers
        The workers.
    library
        The exposures. What is written is the file of each with its deferred changes.
    targets
        Path of each result, by the exposure's index.
    folder
        Folder of all results.

    Returns
    -------
    dict
        Problem with each result, by index; '' where there was none.
    """
    with drafts(folder) as within:
        tasks = [
            WriteTask(
                *(library.origin(index), library.change_of(index), target, within),
                library.stamp_of(index),
            )
            for index, target in targets.items()
        ]
        indices, problems = list(targets), {}
        work = workers.results(write_exposure, tasks)
        for number, problem in progress(work, "writing results", len(tasks)):
            index = indices[number]
            lost = isinstance(problem, Lost)
            problems[index] = f"'{targets[index]}': {problem.reason}" if lost else problem
    return problems


def unwritten(problems: Sequence[str], count: int) -> OutputError:
    """The error for results, out of ``count``, that could not be written."""
    others = ", all others were" if len(problems) < count else ""
    more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""
    return OutputError(
        f"{len(problems)} of {count} results could not be written{others}. "
        f"{' '.join(problems[:3])}{more}"
    )
