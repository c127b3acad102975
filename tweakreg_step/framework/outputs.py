"""Files of results: written whole, and what is said of their names before the work."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.files import write_whole
from tweakreg_step.core.wording import listed
from tweakreg_step.exposures import tell_changed_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SavedWhole", "warn_of_output_file", "warn_overwritten"]

log = logging.getLogger(__name__)


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
        write_whole(target, lambda draft: self._model.save(draft, **options))
        return str(target)


def warn_of_output_file(output_file: str | None, *, used: bool) -> None:
    """Say that 'output_file' has no effect, where that is so."""
    if output_file and not used:
        log.warning(
            "'output_file' has no effect: with output_use_model=True results are named after the "
            "images. Set output_use_model=False to name them after '%s'.",
            output_file,
        )


def warn_overwritten(files: Sequence[str], target_of: Callable[[str], str]) -> None:
    """Say before the work which input files the results will replace.

    Parameters
    ----------
    files
        Paths of the input.
    target_of
        Path of the result of a file name.
    """
    paths = [Path(file) for file in files]
    gone = [
        path.name
        for path in paths
        if path.is_file() and path.resolve() == Path(target_of(path.name)).resolve()
    ]
    if gone:
        log.warning(
            "%d of %d input files will be overwritten by their results: %s. Choose another "
            "'output_dir' to keep them.",
            *(len(gone), len(paths), listed(gone)),
        )
