"""The mission of each file and of each model."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.io.fits import HDUList

from tweakreg_step.core.exceptions import InputError
from tweakreg_step.core.memory import is_shortage
from tweakreg_step.core.wording import first_line, printable

from .external_references import refuse_external
from .hst import HST
from .jwst import JWST
from .mission_name import mission_in_file
from .roman import Roman

if TYPE_CHECKING:
    from collections.abc import Callable

    from .telescope import Draft, Telescope

__all__ = [
    "TELESCOPES",
    "group_of_name",
    "missions",
    "open_exposure",
    "open_to_read",
    "open_to_write",
    "packages",
    "root_of",
    "suffixes",
    "telescope_named",
    "telescope_of",
    "telescope_of_file",
    "telescope_or_none",
]

log = logging.getLogger(__name__)

TELESCOPES: tuple[Telescope, ...] = (JWST(), HST(), Roman())
"""The missions whose images can be aligned. A file that names none is taken for the first."""

_ENDING = re.compile(r"\.(fits|asdf)(\.gz)?$")
_ASSOCIATION = re.compile(r"[acor]\d{3,4}$")


def missions(word: str = "and") -> str:
    """Names of the missions whose images can be aligned, for a sentence."""
    return f" {word} ".join(telescope.name for telescope in TELESCOPES)


def telescope_of_file(path: Path) -> Telescope:
    """The mission of a file.

    Raises
    ------
    InputError
        If its images can't be aligned.
    """
    return _named(mission_in_file(path) or TELESCOPES[0].name, str(path))


def telescope_named(mission: str) -> Telescope:
    """The mission of a name.

    Raises
    ------
    InputError
        If it is none whose images can be aligned.
    """
    return _named(mission, "the state of a run")


def telescope_of(model: Any) -> Telescope:
    """The mission of an open exposure.

    Raises
    ------
    InputError
        If its images can't be aligned, or it is no exposure at all.
    """
    telescope = telescope_or_none(model)
    if telescope is not None:
        return telescope
    name = _file_name(model)
    mission = _mission_in_model(model)
    if not mission:
        raise InputError(
            f"'{name}' is a {type(model).__name__}, which is no exposure of {missions('or')}, but "
            "this step aligns those. Remove it from the input, or open its file as one."
        )
    if any(telescope.name == mission for telescope in TELESCOPES):
        raise InputError(
            f"'{name}' is an exposure of {mission} that was opened as a {type(model).__name__}, "
            "but as one it can't be aligned. Give the name of its file, or open it with the "
            "software of the mission."
        )
    return _named(mission, name)


def telescope_or_none(model: Any) -> Telescope | None:
    """The mission of an open exposure, None where its images can't be aligned."""
    return next((telescope for telescope in TELESCOPES if telescope.owns(model)), None)


def open_exposure(path: str | Path) -> Any:
    """Open a file as a model of its mission.

    Raises
    ------
    InputError
        If it is none, or of a mission whose images can't be aligned.
    """
    path = Path(path)
    telescope = telescope_of_file(path)
    try:
        refuse_external(path)
        return telescope.open(path)
    except Exception as error:  # readers raise whatever they like on a broken file
        if is_shortage(error):  # not an error of the file
            raise MemoryError(str(error)) from error
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"'{path}' can't be opened: {first_line(error)}. It must be an "
            f"exposure of {telescope.name} in FITS or ASDF. Remove it, or fetch it again if it is "
            "damaged."
        ) from error


def open_to_read(path: str | Path) -> Any:
    """Open a file as a model that has what the alignment needs, and may lack other arrays.

    Raises
    ------
    InputError
        As `open_exposure`.
    """
    model = _by_short_way(Path(path), lambda telescope: telescope.open_to_read(Path(path)))
    return open_exposure(path) if model is None else model


def open_to_write(path: Path) -> Draft | None:
    """Open the metadata of a file alone, to be changed; None where it must be opened whole."""
    draft: Draft | None = _by_short_way(path, lambda telescope: telescope.open_to_write(path))
    return draft


def _by_short_way(path: Path, way: Callable[[Telescope], Any]) -> Any:
    """What a short way of opening a file gives, None where it has any difficulty."""
    try:
        return way(telescope_of_file(path))
    except MemoryError:
        raise
    except Exception as error:
        log.debug("%s is opened the long way", path, exc_info=error)
        return None


def group_of_name(file_name: str) -> str:
    """The group of an exposure from its file name, '' if that is no name of any mission."""
    found = (telescope.group_of_name(file_name) for telescope in TELESCOPES)
    return next(filter(None, found), "")


def suffixes() -> set[str]:
    """Suffixes of file names that are replaced by that of the result, of all missions."""
    return {suffix for telescope in TELESCOPES for suffix in telescope.suffixes}


def root_of(file_name: str) -> str:
    """The part of a file's name that all levels of processing of an exposure share.

    Suffixes are cut off, and the number of an association as in ``a_nrca1_o003_crf.fits``.
    """
    stem = _ENDING.sub("", file_name)
    root, _, suffix = stem.rpartition("_")
    while root and (suffix in suffixes() or _ASSOCIATION.match(suffix)):
        stem = root
        root, _, suffix = stem.rpartition("_")
    return stem


def packages() -> tuple[str, ...]:
    """Packages that read and write the files of the missions."""
    return tuple(dict.fromkeys(name for one in TELESCOPES for name in one.packages))


def _named(mission: str, name: str) -> Telescope:
    for telescope in TELESCOPES:
        if telescope.name == mission:
            return telescope
    raise InputError(
        f"'{printable(name[:300])}' is an image of {printable(mission[:80])}, but this step aligns "
        f"images of {missions()}: other missions are not supported yet. Remove it from the input."
    )


def _mission_in_model(model: Any) -> str:
    """The mission in a model's metadata, in capitals; '' where it has none."""
    if isinstance(model, HDUList):
        said = model[0].header.get("TELESCOP") if len(model) else None
    elif "roman" in (getattr(model, "instance", None) or ()):
        said = "ROMAN"  # its file was opened by software for other files
    else:
        said = getattr(getattr(model, "meta", None), "telescope", None)
    return str(said or "").strip().upper()


def _file_name(model: Any) -> str:
    if isinstance(model, HDUList):
        path = model.filename()
        return Path(path).name if path else "an open HDUList"
    return str(getattr(getattr(model, "meta", None), "filename", None) or "a model")
