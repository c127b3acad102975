"""Headerlets of a solution: beside the images, in them, or without touching them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_step.core.exceptions import InputError, OutputError
from tweakreg_step.core.wording import listed
from tweakreg_step.files.names import file_of
from tweakreg_step.files.whole_files import content_of
from tweakreg_step.solutions import Target, plan_of
from tweakreg_step.telescopes.hst import HstExposure
from tweakreg_step.telescopes.hst.headerlets import (
    HeaderletWords,
    apply_headerlet,
    attach,
    headerlet_of,
    is_headerlet,
    write_headerlet,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tweakreg_step.solutions import SavedSolution

__all__ = [
    "HeaderletOptions",
    "apply_headerlet",
    "headerlet_path",
    "images_of_solution",
    "is_headerlet",
    "write_headerlets",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeaderletOptions:
    """How headerlets are made.

    Attributes
    ----------
    words
        What they say.
    attached
        Whether they become extensions of the images.
    file
        TweakReg's 'hdrfile'; None where no files are written.
    replace
        Whether files that exist are replaced.
    folder
        Folder of the files.
    """

    words: HeaderletWords
    attached: bool
    file: str | None
    replace: bool
    folder: Path = Path()

    @classmethod
    def of(cls, main: Mapping[str, Any]) -> HeaderletOptions:
        """Those of the values of TweakReg.

        Raises
        ------
        InputError
            If the file with the history can't be read.
        """
        words = HeaderletWords(
            name=main["hdrname"] or main["wcsname"],
            author=main["author"],
            descrip=main["descrip"],
            catalog=main["catalog"] or Path(main["refcat"]).name,
            history=_history(main["history"]),
        )
        file = main["hdrfile"] or (None if main["attach"] else "")  # it has to be somewhere
        return cls(words, main["attach"], file, main["clobber"])

    def in_folder(self, folder: Path) -> HeaderletOptions:
        """The same, with files in a folder, named after their images where no name is given."""
        return replace(self, file=self.file or "", folder=folder)


def _history(name: str) -> str:
    if not name:
        return ""
    try:
        return content_of(Path(name).expanduser()).decode("ascii", errors="replace")
    except OSError as error:
        raise InputError(
            f"The file with the history of the headerlets, '{name}', can't be read: {error}. Give "
            "the path of a text file as 'history', or leave it out."
        ) from error


def headerlet_path(image: str, hdrfile: str, folder: Path = Path()) -> Path:
    """The file of a headerlet.

    Parameters
    ----------
    image
        Name of the image's file.
    hdrfile
        Name of the file if it ends in .fits; else a part of it, which may be ''.
    folder
        Folder of it.
    """
    if hdrfile.endswith(".fits"):
        return folder / Path(hdrfile).expanduser()
    root = Path(image).name.split("_")[0].removesuffix(".fits")
    part = f"_{hdrfile}" if hdrfile else ""
    return folder / f"{root}{part}_hlet.fits"


def images_of_solution(solution: SavedSolution, folder: Path) -> list[Path]:
    """The images of a solution, here or in a folder.

    Raises
    ------
    InputError
        If some are not there.
    """
    names = list(dict.fromkeys(file_of(name) for name in solution.images.names))
    found = {
        name: path
        for name in names
        for place in (folder, Path())
        if (path := place / name).is_file()
    }
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"The images {listed(missing)} of the solution '{solution.product}' are neither here "
            f"nor in '{folder}', but headerlets are made of them. Name the images."
        )
    return [found[name] for name in names]


def write_headerlets(
    solution: SavedSolution, images: Sequence[Path], options: HeaderletOptions
) -> list[Path]:
    """Make the headerlets of images that a solution was solved for, or that have it already.

    Parameters
    ----------
    solution
        The solution.
    images
        Their files, changed only if headerlets are attached.
    options
        How they are made.

    Returns
    -------
    list of Path
        Files that were written or changed.

    Raises
    ------
    InputError
        If an image is not of HST, or not of the solution.
    OutputError
        If a file exists, or can't be written.
    """
    made = [(path, _made(solution, path, options)) for path in images]
    written: list[Path] = []
    for path, headerlet in made:
        if headerlet is None:
            log.warning("%s is not aligned: it has no headerlet.", path.name)
            continue
        if options.file is not None:
            file = headerlet_path(path.name, options.file, options.folder)
            if file.exists() and not options.replace:
                raise OutputError(
                    f"'{file}' exists already, and is left as it is. Give another name, or let it "
                    "be replaced with clobber=True (--clobber)."
                )
            write_headerlet(headerlet, file)
            written.append(file)
        if options.attached:
            attach(headerlet, path)
            written.append(path)
    for file in written:
        log.info("Headerlet: %s", file)
    return written


def _made(solution: SavedSolution, path: Path, options: HeaderletOptions) -> Any:
    """The headerlet of an image, None where the solution does not move it."""
    target = Target(path.name, path=path)
    with target.open() as model:
        if not isinstance(model, HstExposure):
            raise InputError(
                f"'{path.name}' is no image of HST, and only these have headerlets. Use 'tweakreg "
                "apply' for others."
            )
        own = model.copy()
        rows = [k for k, name in enumerate(solution.images.names) if file_of(name) == path.name]
        if rows and not any(solution.images.status[k] == "COMPLETE" for k in rows):
            return None
        plan = plan_of(solution, target, own)
        if plan.change is not None:
            plan.change(own)
        return headerlet_of(own, options.words)
