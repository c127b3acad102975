"""An stpipe step that writes the members of a library whole, by workers where there are any."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from stpipe import Step
from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.exposures import problem_of, unwritten, write_exposures
from tweakreg_step.exposures.parallel import InProcess, Workers
from tweakreg_step.telescopes.choose_mission import telescope_of_file, telescope_or_none
from tweakreg_step.telescopes.library import ExposureLibrary, entry_of, file_names

from .outputs import Naming, SavedWhole, paths_or_problems

__all__ = ["SavingStep"]

log = logging.getLogger(__name__)


class SavingStep(Step):
    """A step whose results are written whole or not at all, each whatever becomes of the others."""

    _workers: Workers | None = None
    _unwritten: dict[str, str] | None = None
    """Why results of this run could not be written, by the name of the image's file."""
    _written: int | None = None
    """How many results were written; None where none were to be."""

    def save_model(self, model: Any, *args: Any, **options: Any) -> Any:
        """Save a model, or each one of a library, whole or not at all."""
        if isinstance(model, AbstractModelLibrary):
            return self._save_each(model, *args, **options)
        return super().save_model(SavedWhole(model), *args, **options)

    def _save_each(
        self,
        library: AbstractModelLibrary,
        suffix: str | None = None,
        idx: Any = None,  # noqa: ARG002 - of stpipe's signature; it counts members itself
        output_file: str | None = None,
        **options: Any,
    ) -> list[Any] | None:
        """Save the members of a library; those that can't be written do not stop the others."""
        wanted = (options.get("force"), self.writes_results, output_file)
        if not any(wanted):
            return None
        if not self.changes_images:
            log.info("Dry run: no copies of the images are written, as they would be unchanged.")
            return None
        saved, problems = self._save_away(library, {} if options else {"suffix": suffix})
        with library:
            for index in range(len(library)):
                if index in saved or index in problems:
                    continue
                model = library.borrow(index)
                try:
                    saved[index] = self._save_one(model, suffix, index, options)
                except Exception as error:  # noqa: BLE001 - the others are written all the same
                    problems[index] = problem_of(model.meta.filename or f"image {index}", error)
                finally:
                    library.shelve(model, index, modify=False)
                del model  # or two are open while the next one is read
        self._unwritten = self._by_name(library, problems)
        self._written = len(saved)
        if problems:
            raise unwritten([problems[index] for index in sorted(problems)], len(library))
        return [saved[index] for index in sorted(saved)]

    def _save_one(self, model: Any, suffix: str | None, index: int, options: dict[str, Any]) -> Any:
        """Save a model under the name that its mission gives it, else by stpipe's pattern."""
        if options or not self._named_after_images:
            return self.save_model(model, suffix=suffix, idx=index, **options)
        entry = entry_of(model)
        origin = Path(entry.path) if entry.path else None
        path = self._naming(suffix).path(telescope_or_none(model), entry.file_name, origin)
        SavedWhole(model).save(path)
        log.info("Saved model in %s", path)
        return str(path)

    def _by_name(self, library: AbstractModelLibrary, problems: dict[int, str]) -> dict[str, str]:
        """Problems by the name of the image's file, of those by its index."""
        names = file_names(library, lambda name: self.remove_suffix(name)[0]) if problems else []
        return {names[index]: problem for index, problem in problems.items()}

    def changed_later(self, library: AbstractModelLibrary) -> list[int]:
        """Indices of a library's members that are changed when they are written or opened.

        They are those that workers will write, and those that are not kept in memory, which would
        otherwise be written twice.
        """
        if not isinstance(library, ExposureLibrary):
            return []
        by_workers = self._workers is not None and self.writes_results
        if library.keeps_models and not by_workers:
            return []
        return [index for index in range(len(library)) if library.is_untouched(index)]

    def _save_away(
        self, library: AbstractModelLibrary, how: dict[str, Any]
    ) -> tuple[dict[int, Any], dict[int, str]]:
        """Save members that are not in memory, by workers: paths and problems, by index."""
        if not how or not isinstance(library, ExposureLibrary):
            return {}, {}
        if self._workers is None and library.keeps_models:
            return {}, {}
        places = {index: library.origin(index) for index in range(len(library))}
        indices = [index for index, place in places.items() if place is not None]
        if not indices:
            return {}, {}
        paths, found = paths_or_problems(
            {index: place.path for index, place in places.items() if place is not None},
            lambda path, index: self.path_of_result(path, index=index, **how),
        )
        indices = list(paths)
        found |= write_exposures(self._workers or InProcess(), library, paths, self.output_folder)
        saved = {index: str(paths[index]) for index in indices if not found[index]}
        for index in indices:
            if index in saved:
                log.info("Saved model in %s", saved[index])
        library.found_at({index: str(paths[index].absolute()) for index in saved})
        return saved, {index: problem for index, problem in found.items() if problem}

    def path_of_result(self, path: Path, suffix: str | None = None, index: int = 0) -> Path:
        """Path of the result of an exposure in a file, the same as by `Step.save_model`."""
        if not self._named_after_images:
            named = self.make_output_path(basepath=self.output_file, suffix=suffix, idx=index)
            return Path(named)
        telescope = None
        with suppress(InputError):  # of a mission that is not known
            telescope = telescope_of_file(path)
        return self._naming(suffix).path(telescope, path.name, path)

    @property
    def _named_after_images(self) -> bool:
        """Whether results are named after their images."""
        return bool(self.output_use_model or not (self.output_file or self.search_output_file))

    def _naming(self, suffix: str | None) -> Naming:
        return Naming(
            self.output_folder,
            bool(self.update_inputs),
            lambda name: str(self.make_output_path(basepath=name, suffix=suffix, idx=None)),
        )

    @property
    def writes_results(self) -> bool:
        """Whether the images are written when the step ends."""
        return bool(self.save_results or self.output_file or self.update_inputs)

    @property
    def keeps_in_memory(self) -> bool:
        """Whether the images of files stay in memory."""
        return not self.writes_results if self.in_memory is None else bool(self.in_memory)

    @property
    def changes_images(self) -> bool:
        """Whether images may be changed: in a dry run they are not."""
        return True

    @property
    def output_folder(self) -> Path:
        """Where results are written."""
        folder = self.search_attr("output_dir") or "."
        return Path(os.path.expandvars(folder)).expanduser()
