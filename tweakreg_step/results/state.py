"""The state of a run as a file: its result, and what later exposures need that join it.

From the result the page is made. With the images as they were before, with their sources, and the
pairs of groups that were matched, no old file is opened where all shall move; with the combined
catalog, none where the old ones stay. Classes are written as mappings with the name of the class,
of those alone that these are made of.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_step.alignment import KnownPairs
from tweakreg_step.core import (
    detections,
    evidence,
    exceptions,
    image_errors,
    level_fits,
    options,
    outcome,
    solution,
)
from tweakreg_step.core.exceptions import InputError, OutputError, TweakregError
from tweakreg_step.core.sources import Sources
from tweakreg_step.core.wording import first_line
from tweakreg_step.exposures import KnownImage, KnownRun
from tweakreg_step.files.asdf_trees import tree_in, writer_of
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.parameters import Setting
from tweakreg_step.report import RunResult, result_classes
from tweakreg_step.telescopes import View
from tweakreg_step.telescopes.external_references import refuse_external

from .source_catalog import joined_sources, table_of

if TYPE_CHECKING:
    from types import ModuleType

    from astropy.table import Table

__all__ = ["RunState", "joined_state", "read_state", "save_state", "state_path", "write_state"]

log = logging.getLogger(__name__)

KEY = "tweakreg_state"
SCHEMA = "tweakreg-state/2"
_CLASS = "class"
_ENDING = "_tweakreg_state.asdf"


@dataclass(frozen=True, slots=True)
class RunState:
    """What is kept of a run, and of those before it that it was added to.

    Attributes
    ----------
    result
        Its result.
    known
        The images of all of them, as they were before, and the pairs that were matched.
    sources
        The combined catalog of all of them.
    """

    result: RunResult
    known: KnownRun
    sources: Table


def state_path(folder: Path, product: str) -> Path:
    """Path of the state of a product."""
    return folder / f"{product}{_ENDING}"


def write_state(state: RunState, path: Path) -> Path:
    """Write a state, whole or not at all.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    tree = {
        "schema": SCHEMA,
        "result": _plain(state.result),
        "images": _plain(state.known.images),
        "pairs": state.known.pairs.columns(),
        "sources": {name: np.asarray(state.sources[name]) for name in state.sources.colnames},
        "sources_of": {str(name): str(value) for name, value in state.sources.meta.items()},
    }
    write_whole(path, writer_of({KEY: tree}))
    return path


def save_state(state: RunState, folder: Path) -> Path | None:
    """Write a state under its name into a folder; a failure is logged and stops nothing."""
    try:
        return write_state(state, state_path(folder, state.result.run.product))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
        return None


def read_state(path: str | Path, created: str = "") -> RunState:
    """Read what `write_state` has written.

    Parameters
    ----------
    path
        Of the file.
    created
        When the run started of which it must be; '' for any.

    Raises
    ------
    InputError
        If there is none, or it is damaged, of another version or of another run.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(
            f"There is no state '{path}', but one is needed. Runs write it beside their results "
            f"(*{_ENDING}) with save_state=True: run it again so."
        )
    try:
        refuse_external(path)
        tree = dict(tree_in(path)[KEY])
        found = str(tree["schema"])
        state = _state(tree) if found == SCHEMA else None
    except Exception as error:  # readers raise whatever they like on a broken file
        raise InputError(
            f"The state '{path}' can't be read: {first_line(error, 200)}. It must be a whole "
            "file of this version of tweakreg_step. Run the alignment again with save_state=True."
        ) from error
    if state is None:
        raise InputError(
            f"The state '{path}' has the schema '{found}', but '{SCHEMA}' is needed. Run the "
            "alignment again with save_state=True."
        )
    if created and state.result.run.start != created:
        raise InputError(
            f"The state '{path}' is of a run that started at {state.result.run.start}, but the "
            f"solution beside it is of {created}: they must be of the same run. Run the alignment "
            "again with save_state=True."
        )
    return state


def joined_state(old: RunState, new: RunState) -> RunState:
    """The state of exposures that were aligned to the sources of old ones, and of these.

    Parameters
    ----------
    old
        The state of the old ones.
    new
        Of the run that was aligned to their catalog.
    """
    images = (*old.known.images, *new.known.images)
    known = KnownRun(images, old.known.pairs.joined(new.known.pairs))
    product = old.result.run.product
    result = replace(new.result, run=replace(new.result.run, product=product))
    return RunState(result, known, joined_sources(old.sources, new.result))


def _state(tree: dict[str, Any]) -> RunState:
    """The state of its tree."""
    result, images = _rebuilt(tree["result"]), _rebuilt(tree["images"])
    if not isinstance(result, RunResult) or not all(isinstance(i, KnownImage) for i in images):
        raise TypeError("Its result or its images are something else")
    pairs = {name: _rebuilt(column) for name, column in dict(tree["pairs"]).items()}
    columns = {name: _rebuilt(column) for name, column in dict(tree["sources"]).items()}
    known = KnownRun(images, KnownPairs.of_columns(pairs))
    return RunState(result, known, table_of(columns, dict(tree["sources_of"])))


def _plain(value: Any) -> Any:
    """A value as mappings, lists, arrays, texts and numbers."""
    content = _content(value)
    if content is not None:
        return {_CLASS: type(value).__name__} | content
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def _content(value: Any) -> dict[str, Any] | None:
    """What is in a value that is written with the name of its class, None for others."""
    if isinstance(value, Enum):
        return {"value": value.value}
    if isinstance(value, TweakregError):
        return {"value": str(value)}
    if isinstance(value, Setting):
        return {"items": [_plain(item) for item in value]}
    if isinstance(value, dict):
        return {"items": [[_plain(k), _plain(v)] for k, v in value.items()]}
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return None


def _rebuilt(tree: Any) -> Any:
    """What `_plain` has made of a value; lists become tuples."""
    if isinstance(tree, list):
        return tuple(_rebuilt(item) for item in tree)
    if hasattr(tree, "dtype"):
        array = np.asarray(tree)
        return array.astype(array.dtype.newbyteorder("="))
    return _object(dict(tree)) if isinstance(tree, dict) else tree


def _object(content: dict[str, Any]) -> Any:
    name = content.pop(_CLASS)
    if name == "dict":
        return {_rebuilt(key): _rebuilt(value) for key, value in content["items"]}
    kind = _KNOWN[name]
    if kind is Setting:
        return Setting(*map(_rebuilt, content["items"]))
    if issubclass(kind, Enum | TweakregError):
        return kind(content["value"])
    return kind(**{key: _rebuilt(value) for key, value in content.items()})


def _classes(module: ModuleType) -> dict[str, type]:
    own = vars(module).values()
    return {one.__name__: one for one in own if isinstance(one, type)}


_KNOWN: dict[str, type] = (
    {
        name: kind
        for module in (
            detections,
            evidence,
            exceptions,
            image_errors,
            level_fits,
            options,
            outcome,
            solution,
        )
        for name, kind in _classes(module).items()
        if kind.__module__ == module.__name__
    }
    | {one.__name__: one for one in (KnownImage, Setting, Sources, View)}
    | result_classes()
)
"""The classes that a state is made of, by name."""
