"""Files of results: written whole, and what is said of their names before the work."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import OutputError
from tweakreg_step.core.wording import listed
from tweakreg_step.exposures import tell_changed_words
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.telescopes.checksums import saved_with_checksums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tweakreg_step.telescopes import Telescope

__all__ = ["Naming", "SavedWhole", "paths_or_problems", "warn_of_output_file", "warn_overwritten"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Naming:
    """How results are named.

    Attributes
    ----------
    folder
        Where they are written.
    in_place
        Whether each takes the place of its input file.
    pattern
        Path by stpipe's pattern, of the name of an exposure's file.
    """

    folder: Path
    in_place: bool
    pattern: Callable[[str], str]

    def path(self, telescope: Telescope | None, name: str, origin: Path | None) -> Path:
        """Path of a result.

        Parameters
        ----------
        telescope
            Mission of the exposure, None where it is not known.
        name
            Name of its file.
        origin
            The file, None for an exposure without one.

        Raises
        ------
        OutputError
            If its input file must be replaced, and that can't be.
        """
        if self.in_place:
            return _replaceable(origin, name)
        own = telescope.result_name(name, beside=False) if telescope else ""
        if telescope is None or not own:
            return Path(self.pattern(name))
        path = self.folder / own
        if origin is not None and path.resolve() == origin.resolve():
            path = self.folder / telescope.result_name(name, beside=True)
        return path


def _replaceable(origin: Path | None, name: str) -> Path:
    if origin is None or not origin.is_file():
        raise OutputError(
            f"'{name}' is not in a file, but update_inputs=True replaces files by their results. "
            "Give the name of the file, or use save_results and 'output_dir'."
        )
    if not origin.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise OutputError(
            f"'{origin}' is read-only, but update_inputs=True replaces it by its result. Allow to "
            "write it, or use save_results and 'output_dir'. It is as it was."
        )
    return origin


def paths_or_problems(
    files: Mapping[int, str], path_of: Callable[[Path, int], Path]
) -> tuple[dict[int, Path], dict[int, str]]:
    """Paths of the results of files, and why some have none, by the index of the exposure."""
    paths, problems = {}, {}
    for index, file in files.items():
        try:
            paths[index] = path_of(Path(file), index)
        except OutputError as error:
            problems[index] = str(error)
    return paths, problems


class SavedWhole:
    """A model whose ``save`` writes a complete file or none."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def save(self, path: str | Path, **options: Any) -> str:
        """Save the model at ``path``."""
        target = Path(path)
        tell_changed_words(self._model, target)
        write_whole(target, saved_with_checksums(self._model, self._model.save, **options))
        return str(target)


def warn_of_output_file(output_file: str | None, *, used: bool) -> None:
    """Say that 'output_file' has no effect, where that is so."""
    if output_file and not used:
        log.warning(
            "'output_file' has no effect: with output_use_model=True results are named after the "
            "images. Set output_use_model=False to name them after '%s'.",
            output_file,
        )


def warn_overwritten(files: Sequence[str], target_of: Callable[[Path], Path]) -> None:
    """Say before the work which input files the results will replace.

    Parameters
    ----------
    files
        Paths of the input.
    target_of
        Path of the result of a file.
    """
    paths = [Path(file) for file in files]
    gone = [
        path.name
        for path in paths
        if path.is_file() and path.resolve() == target_of(path).resolve()
    ]
    if gone:
        log.warning(
            "%d of %d input files will be overwritten by their results: %s. Choose another "
            "'output_dir' to keep them.",
            *(len(gone), len(paths), listed(gone)),
        )
