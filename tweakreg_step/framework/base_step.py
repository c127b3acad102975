"""Base class of an stpipe step: parameters with their sources, workers, files written whole."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, ClassVar

from stpipe import Step
from stpipe.exceptions import ValidationError
from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.files import check_folder, remove_hidden_folders
from tweakreg_step.exposures import problem_of, unwritten, write_exposures
from tweakreg_step.exposures.parallel import (
    Cluster,
    InProcess,
    Workers,
    collection_limited,
    connected,
    ended_by_terminate,
    worker_count,
)
from tweakreg_step.parameters import (
    PIPELINE,
    Parameters,
    is_default,
    is_optional,
    is_text,
    refusal,
)
from tweakreg_step.telescopes.choose_mission import (
    open_exposure,
    suffixes,
    telescope_of,
    telescope_of_file,
    telescope_or_none,
)
from tweakreg_step.telescopes.inputs import first_file
from tweakreg_step.telescopes.library import ExposureLibrary, discard, entry_of, file_names

from .command_line import (
    EndedError,
    is_terse,
    one_sentence,
    refuse_unknown_options,
    saves_parameters_only,
)
from .old_names import OLD_NAMES, renamed
from .origins import FROM_CRDS, origins_of
from .outputs import Naming, SavedWhole, paths_or_problems, warn_of_output_file
from .unknown_names import complete_attributes, refused_names

__all__ = ["BaseStep"]

log = logging.getLogger(__name__)

CRDS_VARIABLES = ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT")


class BaseStep(Step):
    """An stpipe step that works with and without CRDS and writes files whole or not at all."""

    spec = """
    output_ext = string(default='.fits') # Type of the output files
    """

    _sources: ClassVar[dict[str, str]] = {}
    _workers: Workers | None = None
    _opened: AbstractModelLibrary | None = None
    """The library that this run has opened or copied itself."""
    _unwritten: dict[str, str] | None = None
    """Why results of this run could not be written, by the name of the image's file."""
    _written: int | None = None
    """How many results were written; None where none were to be."""

    # ---- opening

    @classmethod
    def _datamodels_open(cls, init: Any, **_options: Any) -> Any:
        return open_exposure(init)

    @staticmethod
    def get_stpipe_loggers() -> tuple[str, ...]:
        """The loggers whose messages users see; of others, as stpipe's own, warnings alone."""
        return ("tweakreg_step", "py.warnings")

    # ---- parameters

    @classmethod
    def get_config_from_reference(
        cls, dataset: Any, disable: bool | None = None, crds_observatory: str | None = None
    ) -> Any:
        """Parameters from CRDS, where it is configured.

        Parameters that come from there are remembered, to be named in the log.
        """
        config = super().get_config_from_reference(
            dataset, disable=disable, crds_observatory=crds_observatory
        )
        vars(config)[FROM_CRDS] = dict(config)
        return config

    @classmethod
    def _get_config_from_parameters(cls, crds_parameters: Any, crds_observatory: str) -> Any:
        """As in stpipe, which calls it for a step and for each step of a pipeline.

        Without CRDS, or when it fails, the built-in parameters are used and a line says so: a
        service that is not there must not keep anyone from aligning images.
        """
        if not _crds_is_configured():
            log.info("CRDS is not configured: built-in parameters are used.")
            return cls._empty_config()
        try:
            return super()._get_config_from_parameters(crds_parameters, crds_observatory)
        # CRDS raises whatever its transport raises, and exits where it finds no server
        except (Exception, SystemExit) as error:  # noqa: BLE001
            log.warning("CRDS failed, built-in parameters are used: %s", error)
            return cls._empty_config()

    @classmethod
    def _get_crds_parameters(cls, dataset: Any) -> tuple[Any, str]:
        if not _crds_is_configured():
            return {}, ""  # CRDS will not be asked
        try:
            path = first_file(dataset)
            if path is not None:
                with open_exposure(path) as model:
                    return _crds_parameters(model)
            first = dataset[0] if isinstance(dataset, Sequence) else dataset
            return _crds_parameters(first)
        except InputError as error:
            # The run itself reports what is wrong with the input; CRDS can't select parameters.
            raise ValueError(str(error)) from error

    @classmethod
    def merge_config(cls, config: Any, config_file: Any) -> Any:
        """Translate names and values of parameters into those that stpipe accepts.

        Names of earlier releases are translated, with a warning each; paths become strings; the
        string 'None' becomes None where that is allowed.
        """
        config = super().merge_config(config, config_file)
        # in a pipeline, all current names are present with their defaults
        translated, sentences = renamed({k: v for k, v in config.items() if not is_default(k, v)})
        for old, sentence in sentences.items():
            warnings.warn(sentence, DeprecationWarning, stacklevel=2)
            log.warning(sentence)
            del config[old]
        config.merge(translated)
        for name, value in config.items():
            if isinstance(value, Path) or (type(value) is int and is_text(name)):
                config[name] = str(value)
            elif value == "None" and is_optional(name):
                config[name] = None
        return config

    @classmethod
    def load_spec_file(cls, **options: Any) -> Any:
        """The parameter specification, with the names of earlier releases added."""
        spec = super().load_spec_file(**options)
        for old, (today, kind) in OLD_NAMES.items():
            spec[old] = f"{kind}(default=None)"
            spec.inline_comments[old] = f"# Of an earlier release: now {today}"
        refuse_unknown_options(cls.__name__, spec)
        return spec

    @classmethod
    def from_config_section(
        cls, config: Any, parent: Any = None, name: Any = None, config_file: Any = None
    ) -> Any:
        """Make a step from parameters, remembering where each came from."""
        config = cls.merge_config(config, config_file)
        sources = origins_of(config, config_file, "keyword" if parent is None else PIPELINE)
        given = dict(config)  # validation changes it
        try:
            step = super().from_config_section(
                config, parent=parent, name=name, config_file=config_file
            )
        except ValidationError as error:
            spec = cls.load_spec_file()
            sentence = refusal(given) or refused_names(given, spec) or str(error)
            if is_terse():
                log.error("%s", sentence)  # noqa: TRY400 - the sentence says all
                raise EndedError(sentence) from error
            raise ValidationError(sentence) from error
        step._sources = sources  # noqa: SLF001 - its own class
        return step

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._as_made = frozenset(vars(self))

    # ---- output

    @staticmethod
    def remove_suffix(name: str) -> tuple[str, str]:
        """A file name without the suffix of an earlier step, and the separator.

        (Of ``a_cal.fits.gz`` only the last ending is cut by who asks.)
        """
        name = name.removesuffix(".fits").removesuffix(".asdf")
        root, separator, suffix = name.rpartition("_")
        return (root, "_") if separator and suffix in suffixes() else (name, "_")

    def default_suffix(self) -> str:
        """The suffix of output files, whatever the step is called in a parameter file."""
        return "tweakreg"

    def run(self, *args: Any) -> Any:
        """Run the step, after making sure that parameters make sense and results can be written."""
        if saves_parameters_only(args):
            log.info("There is no input to align: parameters are saved, and that is all.")
            return None
        with nullcontext() if self.parent is not None else one_sentence():
            return self._run(*args)

    def _run(self, *args: Any) -> Any:
        complete_attributes(self, self.load_spec_file(), self._as_made)
        Parameters.of(self)
        if self.update_inputs:
            self.save_results = True
        warn_of_output_file(self.output_file, used=not self.output_use_model)
        wanted = (self.writes_results, self.search_attr("output_dir"), self.save_catalogs)
        if any(wanted) or self.resume or self.save_abs_catalog or self.save_plots:
            check_folder(self.output_folder)
        count = worker_count(self.n_workers)
        with (
            ended_by_terminate(),
            collection_limited(),
            Workers(count) if count > 1 else nullcontext() as self._workers,
            self._without_remains(),
        ):
            self._unwritten, self._written = {}, None
            try:
                result = super().run(*args)
            except OutputError:  # the others are written
                self.finish()
                raise
            self.finish()
            return result

    def finish(self) -> None:
        """What is to be done when the results are written, or could not all be written."""

    @contextmanager
    def _without_remains(self) -> Iterator[None]:
        """After an error or a signal, remove temporary folders.

        That of the library that was opened is one: a reference to the error would keep the library,
        and so its folder, alive.
        """
        try:
            yield
        except BaseException:
            if self._opened is not None:
                discard(self._opened)
            remove_hidden_folders()
            raise
        finally:
            self._opened = None

    def worker_pool(self) -> AbstractContextManager[Cluster | Workers | InProcess | None]:
        """Context of the workers for exposures in files; None: read here and kept in memory."""
        if self.scheduler:
            return connected(self.scheduler)
        return nullcontext(self._workers or (None if self.in_memory else InProcess()))

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
    def output_folder(self) -> Path:
        """Where results are written."""
        folder = self.search_attr("output_dir") or "."
        return Path(os.path.expandvars(folder)).expanduser()


def _crds_is_configured() -> bool:
    return any(os.environ.get(variable) for variable in CRDS_VARIABLES)


def _crds_parameters(given: Any) -> tuple[Any, str]:
    """Parameters for CRDS of a model or a library, and the name of its mission in CRDS."""
    if isinstance(given, AbstractModelLibrary):
        return given.get_crds_parameters(), given.crds_observatory
    return given.get_crds_parameters(), telescope_of(given).crds_observatory
