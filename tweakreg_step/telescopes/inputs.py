"""Whatever a user gives as input -> a library of exposures."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stpipe.datamodel import AbstractDataModel
from stpipe.library import AbstractModelLibrary

from tweakreg_step.exceptions import InputError

from .association import association_of, check_exist, read_association
from .library import JwstLibrary, copy_library

__all__ = ["first_file", "open_library"]

Input = Any
"""str | Path | AbstractDataModel | AbstractModelLibrary | Sequence of those"""


def open_library(init: Input, *, in_memory: bool, owned: bool) -> AbstractModelLibrary:
    """Open what a user gave as a library of exposures.

    Parameters
    ----------
    init
        An association file; a file, a glob, a comma-separated list, ``@list.txt``; a model; a
        list of any of these; a library.
    in_memory
        If False, the exposures of files are read from disk one at a time. Models that are given
        in memory stay there.
    owned
        Whether models and libraries given in memory may be changed, as those that a pipeline
        hands from step to step; else they are copied.

    Returns
    -------
    AbstractModelLibrary
        Of the type that was given; a `JwstLibrary` for all else.

    Raises
    ------
    InputError
        If there is nothing to open, or it can't be opened.
    """
    if isinstance(init, AbstractModelLibrary):
        library = init if owned else copy_library(init)
    elif isinstance(init, AbstractDataModel) and not isinstance(init, Sequence):
        library = JwstLibrary([init if owned else init.copy()])
    elif _holds_models(init):
        library = JwstLibrary([_model(item, owned=owned) for item in init])
    else:
        library = JwstLibrary(_association(init), on_disk=not in_memory)
    if len(library) == 0:
        raise InputError(_NOTHING)
    return library


_NOTHING = (
    "There are no exposures to align: the input is empty. Give an association, files or models."
)


def _holds_models(init: Input) -> bool:
    if not isinstance(init, Sequence) or isinstance(init, str):
        return False
    return any(isinstance(item, AbstractDataModel) for item in init)


def _model(item: Input, *, owned: bool) -> Any:
    if isinstance(item, AbstractDataModel):
        return item if owned else item.copy()
    raise InputError(
        f"The list holds models and also {item!r}, but it must be all models or all files. Open "
        "the files, or give them alone."
    )


def _association(init: Input) -> dict[str, Any]:
    if isinstance(init, dict):
        return init
    if isinstance(init, str | Path) and _is_association(str(init)):
        return read_association(Path(init))
    paths = _files(init)
    if not paths:
        raise InputError(_NOTHING)
    check_exist(paths, "The input")
    return association_of(paths)


def _is_association(name: str) -> bool:
    return name.lower().endswith(".json") and not name.startswith("@") and "," not in name


def _files(init: Input) -> list[Path]:
    """The files that a name, a pattern, a list file, or a sequence of them stands for."""
    if isinstance(init, str):
        return [path for word in init.split(",") if word.strip() for path in _matches(word.strip())]
    if isinstance(init, Path):
        return [init]
    if isinstance(init, Sequence):
        return [path for item in init for path in _files(item)]
    raise InputError(
        f"The input is a {type(init).__name__}, but exposures must be given as an association, "
        "files, models, or a library of models."
    )


def _matches(word: str) -> list[Path]:
    if word.startswith("@"):
        return _listed(Path(word[1:]))
    if glob.has_magic(word) and not Path(word).exists():
        found = sorted(glob.glob(word))  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not found:
            raise InputError(
                f"No file matches '{word}', but at least one must. Check the folder and the "
                "pattern."
            )
        return [Path(name) for name in found]
    return [Path(word)]


def _listed(path: Path) -> list[Path]:
    """The files that a text file lists, a line each; paths start at its folder."""
    try:
        lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The list '{path}' can't be read: {error}. After '@' must come the name of a text "
            "file with one image per line."
        ) from error
    return [found for line in lines if line for found in _matches(str(path.parent / line))]


def first_file(init: Input) -> Path | None:
    """The first exposure that an input of files stands for, or None for models."""
    if isinstance(init, AbstractModelLibrary | AbstractDataModel) or _holds_models(init):
        return None
    return Path(_association(init)["products"][0]["members"][0]["expname"])
