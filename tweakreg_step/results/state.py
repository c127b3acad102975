"""The whole result of a run as a file: detections, weights, solution, verdicts.

From it the page is made, and new exposures join the solution, without the pixels of the old ones.
Classes are written as mappings with the name of the class, of those that a result is made of alone.
"""

from __future__ import annotations

import logging
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import asdf
import numpy as np

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
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.parameters import Setting
from tweakreg_step.report import RunResult, result_classes

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["read_state", "save_state", "state_path", "write_state"]

log = logging.getLogger(__name__)

KEY = "tweakreg_state"
SCHEMA = "tweakreg-state/1"
_CLASS = "class"
_ENDING = "_tweakreg_state.asdf"


def state_path(folder: Path, product: str) -> Path:
    """Path of the state of a product."""
    return folder / f"{product}{_ENDING}"


def write_state(result: RunResult, path: Path) -> Path:
    """Write the result of a run, whole or not at all.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    file = asdf.AsdfFile({KEY: {"schema": SCHEMA, "result": _plain(result)}})
    write_whole(path, lambda draft: file.write_to(draft, all_array_compression="zlib"))
    return path


def save_state(result: RunResult, folder: Path) -> Path | None:
    """Write a result under its name into a folder; a failure is logged and stops nothing."""
    try:
        return write_state(result, state_path(folder, result.run.product))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
        return None


def read_state(path: str | Path) -> RunResult:
    """Read what `write_state` has written.

    Raises
    ------
    InputError
        If there is none, or it is damaged or of another version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(
            f"There is no state '{path}', but one is needed. Runs write it beside their results "
            f"(*{_ENDING}) with save_state=True: run it again so."
        )
    try:
        with asdf.open(path, lazy_load=False, memmap=False) as file:
            tree = dict(file.tree[KEY])
        found, result = str(tree["schema"]), _rebuilt(tree["result"])
    except Exception as error:  # readers raise whatever they like on a broken file
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(
            f"The state '{path}' can't be read: {lines[0][:200].rstrip('.')}. It must be a whole "
            "file of this version of tweakreg_step. Run the alignment again with save_state=True."
        ) from error
    if found != SCHEMA or not isinstance(result, RunResult):
        raise InputError(
            f"The state '{path}' has the schema '{found}', but '{SCHEMA}' is needed. Run the "
            "alignment again with save_state=True."
        )
    return result


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


_KNOWN: dict[str, type] = {
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
} | {"Setting": Setting, **result_classes()}
"""The classes that a result is made of, by name."""
