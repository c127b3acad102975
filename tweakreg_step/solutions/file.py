"""The solution as a file: ASDF with a schema, of lists and arrays that any reader of ASDF opens."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import asdf
import numpy as np

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.wording import first_line
from tweakreg_step.files.asdf_trees import tree_in, writer_of
from tweakreg_step.files.whole_files import write_whole
from tweakreg_step.parameters import Setting
from tweakreg_step.telescopes.external_references import refuse_external

from .record import SavedGroups, SavedImages, SavedLevel, SavedSolution

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "KEY",
    "SCHEMA",
    "read_solution",
    "save_solution",
    "solution_path",
    "with_checksum",
    "write_solution",
]

log = logging.getLogger(__name__)

KEY = "tweakreg_solution"
"""Where the solution is in the tree of its file."""

SCHEMA = "tweakreg-solution/1"
"""Name and version of the schema; the version increases when a field is removed or redefined."""

_SCHEMA_FILE = Path(__file__).parent / "schemas" / "tweakreg-solution-1.yaml"
_NAMED = re.compile(r"tweakreg-solution/(\d+)$")
_ENDING = "_tweakreg_solution.asdf"


def solution_path(folder: Path, product: str) -> Path:
    """Path of the solution of a product."""
    return folder / f"{product}{_ENDING}"


def with_checksum(solution: SavedSolution) -> SavedSolution:
    """The solution with the checksum that its file will have."""
    return replace(solution, checksum=_checksum(_tree(solution)))


def write_solution(solution: SavedSolution, path: Path) -> Path:
    """Write a solution, whole or not at all.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    tree = _tree(solution)
    tree["checksum"] = _checksum(tree)
    write_whole(path, writer_of({KEY: tree}, _SCHEMA_FILE))
    return path


def save_solution(solution: SavedSolution, folder: Path) -> Path | None:
    """Write a solution under its name into a folder; a failure is logged and stops nothing."""
    try:
        return write_solution(solution, solution_path(folder, solution.product))
    except OutputError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says all, a traceback nothing more
        return None


def read_solution(path: str | Path) -> SavedSolution:
    """Read a solution.

    Raises
    ------
    InputError
        If there is none, or it is damaged, of another form, of a newer version of this package, or
        was changed since it was written.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(
            f"There is no solution '{path}', but one is needed. Runs that write their results "
            f"write one beside them, *{_ENDING}: check the name and the folder."
        )
    tree = _content(path)
    _check_version(tree, path)
    try:
        asdf.AsdfFile({KEY: tree}, custom_schema=_SCHEMA_FILE).validate()
        found = str(tree.pop("checksum"))
        solution = _record(tree)
    except Exception as error:  # of whatever kind, from whatever is in the file
        raise InputError(
            f"'{path}' does not have the form of a solution: {first_line(error, 200)}. It must "
            f"follow the schema '{SCHEMA}'. Take the file as the run wrote it, or align again."
        ) from error
    if found != _checksum(tree):
        raise InputError(
            f"'{path}' was changed after it was written: its content does not have the checksum "
            f"{found[:12]} that it names. What is applied to images must be what was solved. Take "
            "the file as the run wrote it, or align again."
        )
    return replace(solution, checksum=found)


# ---- reading


def _content(path: Path) -> dict[str, Any]:
    """The tree of the solution, all of it read."""
    try:
        refuse_external(path)
        tree = tree_in(path).get(KEY)
    except Exception as error:  # readers raise whatever they like on a broken file
        raise InputError(
            f"The solution '{path}' can't be read: {first_line(error, 200)}. It must be a "
            "whole ASDF file. Copy it again if it is damaged or incomplete, or align again."
        ) from error
    if not isinstance(tree, dict):
        raise InputError(
            f"'{path}' is an ASDF file but has no '{KEY}', so that it is no solution. Give the "
            f"file that a run wrote, *{_ENDING}."
        )
    return dict(tree)


def _check_version(tree: Mapping[str, Any], path: Path) -> None:
    name = str(tree.get("schema"))
    match = _NAMED.match(name)
    if name == SCHEMA:
        return
    if match and int(match[1]) > int(SCHEMA.rpartition("/")[2]):
        written_by = dict(tree.get("versions") or {}).get("tweakreg_step", "a later one")
        raise InputError(
            f"'{path}' has the schema '{name}', of tweakreg_step {written_by}, but this version "
            f"reads '{SCHEMA}'. Install a version that knows it, or align again."
        )
    raise InputError(
        f"'{path}' names the schema '{name}', but '{SCHEMA}' is needed. Take the file as the run "
        "wrote it, or align again."
    )


def _record(tree: Mapping[str, Any]) -> SavedSolution:
    """A solution of its tree."""
    values = {name: tree[name] for name in ("product", "created", "method", "gauge")}
    return SavedSolution(
        **values,
        images=_columns(SavedImages, tree["images"]),
        groups=_columns(SavedGroups, tree["groups"]),
        levels=tuple(_columns(SavedLevel, level) for level in tree["levels"]),
        facts={name: list(np.asarray(v, object).tolist()) for name, v in tree["facts"].items()},
        reference=dict(tree["reference"]),
        parameters=tuple(Setting(**one) for one in tree["parameters"]),
        versions=dict(tree["versions"]),
    )


def _columns(kind: Any, tree: Mapping[str, Any]) -> Any:
    """A class whose fields are texts, tuples of texts, and arrays."""
    # the schema says which fields must be there; a file of before has not those that were added
    return kind(**{one.name: _value(tree[one.name]) for one in fields(kind) if one.name in tree})


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return tuple(map(str, value))
    array = np.asarray(value)
    return array.astype(array.dtype.newbyteorder("="))


# ---- writing


def _tree(solution: SavedSolution) -> dict[str, Any]:
    """The solution as dicts, lists, arrays, texts and numbers."""
    tree = {
        one.name: _plain(getattr(solution, one.name))
        for one in fields(SavedSolution)
        if one.name not in {"checksum", "parameters", "facts"}
    }
    tree["parameters"] = [
        {"name": one.name, "value": _plain(one.value), "origin": one.origin}
        for one in solution.parameters
    ]
    tree["facts"] = {name: _fact(values) for name, values in solution.facts.items()}
    return {"schema": SCHEMA} | tree


def _fact(values: list[Any]) -> Any:
    """A column of facts: an array if all are floats, which is small."""
    floats = bool(values) and all(type(value) is float for value in values)
    return np.array(values) if floats else list(values)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def _checksum(tree: Mapping[str, Any]) -> str:
    """SHA-256 of the content, independent of how ASDF lays it out."""
    digest = hashlib.sha256()
    _add(digest, tree)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value):
            digest.update(f"{key!r}:".encode())
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"[{len(value)}]".encode())
        for item in value:
            _add(digest, item)
    elif hasattr(value, "dtype"):
        array = np.asarray(value)
        small = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
        digest.update(f"{small.dtype.str}{small.shape}".encode())
        digest.update(small.tobytes())
    else:
        digest.update(repr(value).encode())
