"""Open the user's input, of any supported kind, as a library of exposures."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astropy.io.fits import HDUList
from stpipe.datamodel import AbstractDataModel
from stpipe.library import AbstractModelLibrary

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.files.names import check_name
from tweakreg_step.files.whole_files import content_of

from .association_file import association_of, check_exist, read_association, science_only
from .choose_mission import telescope_of
from .hst.association_table import exposures_of_table, is_association_table
from .library import ExposureLibrary, copy_library

__all__ = ["first_file", "given_exposures", "open_library", "product_of"]

log = logging.getLogger(__name__)

Input = Any
"""str | Path | AbstractDataModel | AbstractModelLibrary | Sequence of those"""


def open_library(
    init: Input, *, in_memory: bool, owned: bool, input_dir: str = "", scratch: Path = Path()
) -> AbstractModelLibrary:
    """Open the user's input as a library of exposures.

    Parameters
    ----------
    init
        An association file; a file, a glob, a comma-separated list, ``@list.txt``; a model; a
        list of any of these; a library.
    in_memory
        If False, the exposures of files are read from disk one at a time. Models that are given
        in memory stay there.
    owned
        Whether a library may be changed, as one that a pipeline hands from step to step; else it
        is copied. Models are copied in any case.
    input_dir
        Folder of files that are given by a bare name.
    scratch
        Folder for temporary copies of exposures that are not kept in memory.

    Returns
    -------
    AbstractModelLibrary
        A library of the type that was given; an `ExposureLibrary` for any other input.

    Raises
    ------
    InputError
        If there is nothing to open, or it can't be opened.
    """
    if isinstance(init, AbstractModelLibrary):
        library = init if owned else copy_library(init, scratch)
    elif _is_model(init):
        library = ExposureLibrary([_copy(init)])
    elif _holds_models(init):
        library = ExposureLibrary([_copy(item) for item in init])
    else:
        association = _association(init, Path(input_dir))
        library = ExposureLibrary(association, on_disk=not in_memory, scratch=scratch)
    if len(library) == 0:
        raise InputError(_NOTHING)
    return library


def given_exposures(init: Input, *, input_dir: str = "") -> list[Any]:
    """The paths of the exposures that a user names, or the models, as they were given.

    Parameters
    ----------
    init
        As for `open_library`; a library must keep its models in memory.
    input_dir
        Folder of files that are given by a bare name.

    Raises
    ------
    InputError
        If there are none, or they do not exist.
    """
    if isinstance(init, AbstractModelLibrary):
        return _models_of(init)
    if _is_model(init):
        return [init]
    if _holds_models(init):
        mixed = [item for item in init if not _is_model(item)]
        return list(init) if not mixed else [_copy(item) for item in mixed]
    members = _association(init, Path(input_dir))["products"][0]["members"]
    return [Path(member["expname"]) for member in members]


def product_of(init: Input) -> str:
    """Name of the product of an association file, '' for any other input."""
    if isinstance(init, list | tuple) and len(init) == 1:
        init = init[0]
    if not (isinstance(init, str | Path) and _is_association(str(init))):
        return ""
    return str(_association(init, Path())["products"][0].get("name") or "")


def _models_of(library: AbstractModelLibrary) -> list[Any]:
    """The models of a library, which holds them still."""
    if not isinstance(library, ExposureLibrary) or not library.keeps_models:
        raise InputError(
            "The input is a library whose models are not in memory, but files or models are needed "
            "here. Give its files, or open it with in_memory=True."
        )
    with library:
        models = [library.borrow(index) for index in range(len(library))]
        for index, model in enumerate(models):
            library.shelve(model, index, modify=False)
    return models


_NOTHING = (
    "There are no exposures to align: the input is empty. Give an association, files or models."
)


def _holds_models(init: Input) -> bool:
    if not isinstance(init, Sequence) or isinstance(init, str):
        return False
    return any(map(_is_model, init))


def _is_model(item: Input) -> bool:
    """Whether something is one open exposure, of whatever mission."""
    if isinstance(item, HDUList):  # a sequence
        return True
    return isinstance(item, AbstractDataModel) and not isinstance(item, Sequence)


def _copy(item: Input) -> Any:
    if isinstance(item, HDUList):
        return telescope_of(item).adopted(item)
    if _is_model(item):
        return item.copy()
    raise InputError(
        f"The list holds models and also {item!r}, but it must be all models or all files. Open "
        "the files, or give them alone."
    )


def _association(init: Input, home: Path) -> dict[str, Any]:
    if isinstance(init, dict):
        return science_only(init, Path(), "given as a dict")
    if isinstance(init, Sequence) and not isinstance(init, str) and len(init) == 1:
        return _association(init[0], home)
    if isinstance(init, str | Path) and _is_association(str(init)):
        check_name(str(init), "The name of the association")
        return read_association(_placed(str(init), home))
    paths = _files(init, home)
    if not paths:
        raise InputError(_NOTHING)
    for path in paths:
        _check_no_folder(path)
    check_exist(paths, "The input")
    return association_of(paths)


def _check_no_folder(path: Path) -> None:
    if not path.is_dir():
        return
    images = len(list(path.glob("*_cal.fits*")))
    raise InputError(
        f"'{path}' is a folder, but exposures must be given as files. It has {images} files "
        f"*_cal.fits: give '{path}/*_cal.fits', or an association."
    )


def _is_association(name: str) -> bool:
    return name.lower().endswith(".json") and not name.startswith("@") and "," not in name


def _placed(name: str, home: Path) -> Path:
    """The path of a name; a bare file name is in the folder ``home``."""
    path = Path(name).expanduser()
    return path if path.name != name else home / path


def _files(init: Input, home: Path) -> list[Path]:
    """The files of a name, a pattern, a list file, or a sequence of these."""
    if isinstance(init, str):
        words = [word.strip() for word in init.split(",")]
        return [path for word in words if word for path in _matches(word, home)]
    if isinstance(init, Path):
        return [_placed(str(init), home)]
    if isinstance(init, Sequence):
        return [path for item in init for path in _files(item, home)]
    raise InputError(
        f"The input is a {type(init).__name__}, but exposures must be given as an association, "
        "files, models, or a library of models."
    )


def _matches(word: str, home: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """The files that a word stands for; ``above`` are the lists in which it stands."""
    check_name(word, "A name in the input")
    if word.startswith("@"):
        return _listed(_placed(word[1:], home), above)
    path = _placed(word, home)
    if is_association_table(path.name) and path.is_file():
        return exposures_of_table(path)
    if glob.has_magic(word) and not path.exists():
        found = sorted(glob.glob(str(path)))  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not found:
            raise InputError(
                f"No file matches '{word}', but at least one must. Check the folder and the "
                "pattern."
            )
        return [Path(name) for name in found]
    return [path]


def _listed(path: Path, above: tuple[Path, ...]) -> list[Path]:
    """The files in a text file, one a line; paths are relative to its folder."""
    if path.resolve() in above:
        raise InputError(
            f"The list '{path}' lists itself ('@'), or lists that do so, but each must end in "
            "images. Remove that line."
        )
    try:
        text = content_of(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The list '{path}' can't be read: {error}. After '@' must come the name of a text "
            "file with one image per line."
        ) from error
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    inside = (*above, path.resolve())
    words = _first_columns([line for line in lines if line], path)
    return [found for word in words for found in _matches(word, path.parent, inside)]


def _first_columns(lines: list[str], path: Path) -> list[str]:
    """The image of each line; a second column, of weight maps for AstroDrizzle, is passed over."""
    pairs = [line.split() for line in lines]
    two = [
        len(words) == 2
        and words[1].lower().endswith((".fits", ".fits.gz"))
        and not _is_there(path.parent, line)
        for words, line in zip(pairs, lines, strict=True)
    ]
    if any(two):
        log.info(
            "The second column of '@%s' names %d files of weights, which are for AstroDrizzle: "
            "they are not used.",
            *(path.name, sum(two)),
        )
    return [words[0] if w else line for words, w, line in zip(pairs, two, lines, strict=True)]


def _is_there(folder: Path, name: str) -> bool:
    """Whether a line is the name of one file, which may have blanks."""
    try:
        return (folder / Path(name).expanduser()).exists()
    except OSError:
        return False


def first_file(init: Input, input_dir: str = "") -> Path | None:
    """Path of the first exposure of an input of files, None for models."""
    if isinstance(init, AbstractModelLibrary) or _is_model(init) or _holds_models(init):
        return None
    return Path(_association(init, Path(input_dir))["products"][0]["members"][0]["expname"])
