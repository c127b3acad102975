"""Base class of an stpipe step: parameters with their sources, workers, files written whole."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from stpipe.exceptions import ValidationError
from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.memory import give_back_arrays
from tweakreg_step.exposures.parallel import (
    Cluster,
    InProcess,
    Workers,
    collection_limited,
    connected,
    ended_by_terminate,
    worker_count,
)
from tweakreg_step.files.whole_files import check_folder, remove_hidden_folders
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
)
from tweakreg_step.telescopes.inputs import first_file
from tweakreg_step.telescopes.library import discard

from .command_line import (
    EndedError,
    is_terse,
    one_sentence,
    refuse_unknown_options,
    saves_parameters_only,
)
from .old_names import OLD_NAMES, renamed
from .origins import FROM_CRDS, origins_of
from .outputs import warn_of_output_file
from .saving_step import SavingStep
from .tables import GivenTable, without_tables
from .unknown_names import complete_attributes, refused_names

__all__ = ["BaseStep"]

log = logging.getLogger(__name__)

CRDS_VARIABLES = ("CRDS_SERVER_URL", "CRDS_PATH", "CRDS_CONTEXT")


class BaseStep(SavingStep):
    """An stpipe step that works with and without CRDS and writes files whole or not at all."""

    spec = """
    output_ext = string(default='.fits') # Type of the output files
    """

    _sources: ClassVar[dict[str, str]] = {}
    _tables: dict[str, GivenTable]
    """Tables that were given as parameters."""
    _opened: AbstractModelLibrary | None = None
    """The library that this run has opened or copied itself."""

    # ---- opening

    @classmethod
    def _datamodels_open(cls, init: Any, **_options: Any) -> Any:
        return open_exposure(init)

    @staticmethod
    def get_stpipe_loggers() -> tuple[str, ...]:
        """The loggers whose messages users see; of others, as stpipe's own, warnings alone."""
        return ("tweakreg_step", "py.warnings")

    # ---- parameters

    def __init__(self, *args: Any, **options: Any) -> None:
        options, self._tables = without_tables(options)
        try:
            super().__init__(*args, **options)
        except ValidationError as error:
            sentence = refused_names(options, self.load_spec_file()) or str(error)
            raise ValidationError(sentence) from error
        self._as_made = frozenset(vars(self))

    def table_of(self, name: str, value: Any) -> Any:
        """The table that was given as a parameter, or its value where none was."""
        given = self._tables.get(name)
        return given.table if given is not None and given.stands_for == value else value

    def _take_tables(self) -> None:
        """Keep tables that were assigned to parameters: stpipe takes texts alone."""
        plain, tables = without_tables(vars(self))
        for name in tables:
            setattr(self, name, plain[name])
        self._tables = self._tables | tables

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
        plain, tables = without_tables(config)
        for table in tables:
            config[table] = plain[table]
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
        step._sources, step._tables = sources, tables  # noqa: SLF001 - its own class
        return step

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
        self._take_tables()
        complete_attributes(self, self.load_spec_file(), self._as_made)
        Parameters.of(self)
        if self.update_inputs:
            self.save_results = True
        warn_of_output_file(self.output_file, used=not self.output_use_model)
        wanted = (self.writes_results, self.search_attr("output_dir"), self.save_catalogs)
        if any(wanted) or self.resume or self.save_abs_catalog or self.save_plots:
            check_folder(self.output_folder)
        give_back_arrays()
        count = worker_count(self.n_workers)
        if not self.n_workers:
            log.info("n_workers=0: %d processes, one for each core that may be used.", count)
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
        return nullcontext(self._workers or (None if self.keeps_in_memory else InProcess()))


def _crds_is_configured() -> bool:
    return any(os.environ.get(variable) for variable in CRDS_VARIABLES)


def _crds_parameters(given: Any) -> tuple[Any, str]:
    """Parameters for CRDS of a model or a library, and the name of its mission in CRDS."""
    if isinstance(given, AbstractModelLibrary):
        return given.get_crds_parameters(), given.crds_observatory
    return given.get_crds_parameters(), telescope_of(given).crds_observatory
